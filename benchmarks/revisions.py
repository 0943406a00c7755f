"""Two states of the program side by side: what stands here, and the commit it is compared with."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("memq", "profiles")
"""What of a checkout the program needs to run."""
_UPSTREAM = "origin/main"


class NotComparedError(Exception):
    """There is nothing to compare with; its text says why."""


def base_of(root: Path, named: str | None) -> str:
    """Return the commit that a checkout is compared with: the one named, or where it branched off.

    Where there is no origin, or all that stands here is in it already, that is the first parent.
    NotComparedError where git has no such commit; ValueError where it does not know the named one.
    """
    if _git(root, "rev-parse", "--show-prefix"):
        raise NotComparedError(f"{root} is no git checkout of its own")
    if named:
        found = _commit(root, named)
        if found is None:
            raise ValueError(f"there is no commit {named}")
        return found
    branched = _merge_base(root)
    base = branched if branched not in (None, _commit(root, "HEAD")) else _commit(root, "HEAD^1")
    if base is None:
        raise NotComparedError("the commit before this one is not here (is the clone shallow?)")
    return base


def _merge_base(root: Path) -> str | None:
    try:
        return _git(root, "merge-base", "HEAD", _UPSTREAM)
    except NotComparedError:
        return None  # no origin, or the clone does not reach back that far


def _commit(root: Path, name: str) -> str | None:
    try:
        return _git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
    except NotComparedError:
        return None


def _git(root: Path, *arguments: str) -> str:
    """Ask git; NotComparedError with the first line of what it says where it cannot answer."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - git, with names of ours
            command, capture_output=True, check=True, encoding="utf-8"
        )
    except FileNotFoundError as error:
        raise NotComparedError("git is not installed") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.partition("\n")[0] or f"git {arguments[0]} failed"
        raise NotComparedError(said) from error
    return done.stdout.strip()


def export(root: Path, commit: str, folder: Path) -> None:
    """Write a commit's files into a folder that is not there; the repository is left as it is."""
    packed = folder.with_suffix(".tar")
    _git(root, "archive", f"--output={packed}", commit)
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()


def copy(root: Path, folder: Path) -> None:
    """Write the program as it stands here into a folder, committed or not."""
    for part in PARTS:
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
