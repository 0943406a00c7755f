"""The page on accuracy names each difference that the comparisons name, in the same words."""

from __future__ import annotations

import pytest

from tests.lab import ROOT
from tests.peers.windows_differences import DIFFERENCES, Difference

PAGE = ROOT / "docs" / "accuracy.md"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.name)
def test_each_difference_is_explained(difference: Difference) -> None:
    plugin = difference.name.partition(".")[0].removeprefix("registry")
    plugin = plugin or difference.name.split(".")[1].split(" ")[0].lower()
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    (row,) = (line for line in rows if plugin in line and difference.why in line)
    assert row.count("|") == 4
