"""Windows images for tests, each with the truth that was recorded of it."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

NAMES = ("win10-19041", "win7-7601")


@dataclass(frozen=True)
class WindowsImage:
    """One synthetic image of the lab, and what was put into it."""

    name: str
    lab: Lab

    def path(self, form: str = "raw") -> Path:
        """Return the file in a form: raw, full.dmp, bitmap.dmp, pagefile.sys."""
        return self.lab.unpacked(f"windows/synthetic/{self.name}.{form}.xz")

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is in it; numbers that are addresses are written in hexadecimal."""
        path = self.lab.folder / "windows" / "synthetic" / f"{self.name}.truth.json.xz"
        parsed: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
        return parsed

    @property
    def table(self) -> Path:
        """The symbol table of its kernel (ISF)."""
        return self.lab.folder / "windows" / "isf" / str(self.truth["image"]["isf"])
