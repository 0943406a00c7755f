"""Searches through the memory of builds that the lab has no image of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import open_image
from memq.os.windows.pool_kinds import KINDS
from memq.os.windows.pool_scan import carved
from memq.run import Run
from tests.synthetic.windows.isf import table_of
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

BUILDS = (
    ("ntkrnlmp-6.3.9600.20237", 9600, "x64"),
    ("ntkrnlmp-10.0.22000.318", 22000, "x64"),
    ("types-only-vergilius-6.1.7601.17514-x86", 7601, "pae"),
)
"""Headers without a secret, with one, and those of 32 bits."""


@pytest.mark.parametrize(
    ("prefix", "build", "paging"), BUILDS, ids=[f"{one[1]}-{one[2]}" for one in BUILDS]
)
def test_all_objects_are_found(
    lab: Lab, tmp_path: Path, prefix: str, build: int, paging: str
) -> None:
    paths = sorted((lab.folder / "windows" / "isf").glob(f"{prefix}*"))
    if not paths:
        pytest.skip(f"the lab has no symbol table {prefix}")
    scene = Scene(table_of(paths[0]), Options(build=build, paging=paging))
    scene.image.save_raw(tmp_path / "memory.raw")
    truth = scene.image.truth
    with open_image(tmp_path / "memory.raw") as image:
        for kind in KINDS:
            recorded = sorted(one.body for one in truth.objects if one.type == kind)
            assert carved(image.kernel, Run(), kind).addresses.tolist() == recorded
        query = "scan(process).Where(!in_active_list && !in_session_list).Select(pid)"
        found = set(image.query(query).rows())
    assert {one.pid for one in truth.freed} <= found
