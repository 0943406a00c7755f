"""The set that comes with memq as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.names import FOLDER
from tests.pages import COMMAND, PLAYBOOKS
from tests.playbooks.page import page

if TYPE_CHECKING:
    from pathlib import Path


def test_all_is_right_and_nothing_rarely_means_what_it_says() -> None:
    playbook = load_playbook([FOLDER], load_attack())
    assert [str(one) for one in (*playbook.errors, *playbook.warnings)] == []
    assert len(playbook.rules) == len(list(FOLDER.rglob("*.yml")))


def test_the_page_is_fresh() -> None:
    assert PLAYBOOKS.read_text("utf-8") == page(), f"stale: run {COMMAND}"


def test_what_is_known_to_be_right_is_read_the_same() -> None:
    """It is read by another parser, and not checked."""
    assert hasattr(yaml, "CSafeLoader") or pytest.skip("PyYAML has no parser in C here")
    strictly, quickly = (
        load_playbook([FOLDER], load_attack(), proven=one) for one in (None, FOLDER)
    )
    assert quickly.rules == strictly.rules


def test_only_what_is_in_the_folder_is_taken_for_right(tmp_path: Path) -> None:
    rule = (FOLDER / "linux" / "hidden-process.yml").read_text("utf-8")
    (tmp_path / "rule.yml").write_text(rule.replace("in_task_list", "in_no_list"), "utf-8")
    inside = load_playbook([tmp_path], load_attack(), proven=tmp_path)
    outside = load_playbook([tmp_path], load_attack(), proven=FOLDER)
    assert len(inside.rules) == 1
    assert outside.errors[0].message == "`process` has no `in_no_list`."
