"""Which commit the present one is compared with, in small repositories."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.revisions import NotComparedError, base_of, copy, export

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

IDENTITY = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, text: str) -> str:
    """Commit a program of one file, and return the commit's hash."""
    (folder / "memq").mkdir(exist_ok=True)
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "memq" / "text").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "first")
    return folder


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    return tmp_path / "clone"


def test_a_branch_is_compared_with_where_it_left_main(origin: Path, clone: Path) -> None:
    left = git(clone, "rev-parse", "HEAD")
    commit(clone, "mine")
    commit(clone, "mine, too")
    commit(origin, "theirs")
    git(clone, "fetch", "--quiet")
    assert base_of(clone, None) == left


def test_main_itself_is_compared_with_its_first_parent(origin: Path, tmp_path: Path) -> None:
    before = git(origin, "rev-parse", "HEAD")
    git(origin, "switch", "--quiet", "--create", "side")
    commit(origin, "side")
    git(origin, "switch", "--quiet", "main")
    git(origin, "merge", "--quiet", "--no-ff", "--message", "merged", "side")
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    assert base_of(tmp_path / "clone", None) == before


def test_without_an_origin_it_is_the_first_parent(origin: Path) -> None:
    before = git(origin, "rev-parse", "HEAD")
    commit(origin, "second")
    assert base_of(origin, None) == before


def test_a_named_commit_goes_before(origin: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    commit(origin, "second")
    commit(origin, "third")
    assert base_of(origin, "HEAD~2") == first
    with pytest.raises(ValueError, match="there is no commit nothing"):
        base_of(origin, "nothing")


def test_a_first_commit_has_nothing_before_it(origin: Path) -> None:
    with pytest.raises(NotComparedError, match="the commit before this one is not here"):
        base_of(origin, None)


def test_a_shallow_clone_has_nothing_before_it(origin: Path, tmp_path: Path) -> None:
    commit(origin, "second")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", "shallow")
    with pytest.raises(NotComparedError, match="shallow"):
        base_of(tmp_path / "shallow", None)


def test_what_is_no_checkout_has_nothing_before_it(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(NotComparedError, match="not a git repository"):
        base_of(tmp_path, None)
    commit(origin, "second")
    with pytest.raises(NotComparedError, match="no git checkout of its own"):
        base_of(origin / "memq", None)


def test_both_sides_are_written_and_the_repository_is_left_alone(
    origin: Path, tmp_path: Path
) -> None:
    first = git(origin, "rev-parse", "HEAD")
    commit(origin, "second")
    (origin / "memq" / "text").write_text("not committed")
    export(origin, first, tmp_path / "base")
    copy(origin, tmp_path / "here")
    assert (tmp_path / "base" / "memq" / "text").read_text() == "first"
    assert (tmp_path / "here" / "memq" / "text").read_text() == "not committed"
    assert not (tmp_path / "base.tar").exists()
    assert git(origin, "worktree", "list").count("\n") == 0
    assert git(origin, "status", "--short") == "M memq/text"
