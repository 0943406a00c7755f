"""The lab's Windows material, for tests of what lies below the kernel; without it, they skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path


def _lab() -> Lab:
    lab = Lab.find()
    if lab is None or not (lab.folder / "windows").is_dir():
        pytest.skip("no Windows dumps here: $MEMQ_LAB is the folder of a lab that has them")
    return lab


def unpacked(name: str) -> Path:
    """Return a file of the lab's folder for Windows that is compressed there, unpacked once."""
    return _lab().unpacked(f"windows/{name}.xz")


def plain(name: str) -> Path:
    """Return a file that lies in that folder as it is."""
    return _lab().folder / "windows" / name
