"""Windows images for tests, each with the truth that was recorded of it."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NO_LAB
from tests.lab import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

NAMES = ("win10-19041", "win7-7601")


SAMPLE = "win10-19041"
"""The one that stands in this repository, in its raw form."""


@dataclass(frozen=True)
class WindowsImage:
    """One synthetic image, and what was put into it; the lab has each in several forms."""

    name: str
    lab: Lab | None

    def path(self, form: str = "raw") -> Path:
        """Return the file in a form: raw, full.dmp, bitmap.dmp, pagefile.sys."""
        if self.lab is not None:
            return self.lab.unpacked(f"windows/synthetic/{self.name}.{form}.xz")
        if (self.name, form) != (SAMPLE, "raw"):
            pytest.skip(NO_LAB)
        return SAMPLES / f"{self.name}.raw.xz"

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is in it; numbers that are addresses are written in hexadecimal."""
        folder = SAMPLES if self.lab is None else self.lab.folder / "windows" / "synthetic"
        path = folder / f"{self.name}.truth.json.xz"
        parsed: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
        return parsed

    @property
    def table(self) -> Path:
        """The symbol table of its kernel (ISF)."""
        if self.lab is None:
            pytest.skip(NO_LAB)
        return self.lab.folder / "windows" / "isf" / str(self.truth["image"]["isf"])
