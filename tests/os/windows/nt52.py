"""The lab's dump of a running NT 5.2 kernel (x86), and what others said of the same state.

Its own debugger and QEMU spoke while it was paused; volatility3 read the dump with the symbol table
that is its own. memq reads it twice: with that table, and with nothing told, by the types that
Microsoft's kernel of the same build has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memq.image import open_image

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from tests.lab import Lab
    from tests.truth.record import Rows

NEAR, OWN = "near", "own"
FORMS = (NEAR, OWN)
"""How it is opened: with nothing told, and with its own symbol table."""
_TOLD = "### "
"""What each of the debugger's commands begins with, in the record."""


@dataclass(frozen=True)
class Nt52:
    """The dump, opened in one of the forms, and the records."""

    lab: Lab
    form: str

    @property
    def folder(self) -> Path:
        return self.lab.folder / "windows" / "nt52"

    @cached_property
    def image(self) -> Image:
        profile = self.folder / "nt52-x86.isf.json.xz" if self.form == OWN else None
        path = self.lab.unpacked("windows/nt52/nt52-x86.raw.xz")
        return open_image(path, profile=profile)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return list(self.image.query(query).rows())

    def keyed(self, query: str, *keys: str) -> Rows:
        """Return the rows of a query by some of their columns, which tell them apart."""
        asked = self.ask(query)
        found = {
            tuple(row[key] for key in keys): {
                name: value for name, value in row.items() if name not in {*keys, "_unknown"}
            }
            for row in asked
        }
        assert len(found) == len(asked), "these keys do not tell the rows apart"
        return found

    def plugin(self, name: str) -> list[dict[str, str]]:
        """Return the rows that a plugin of volatility3 printed, by the names of its columns."""
        path = self.folder / "volatility3" / f"windows.{name}.txt"
        lines = path.read_text().split("\n")
        head = lines[1].split("\t")
        return [dict(zip(head, line.split("\t"), strict=True)) for line in lines[3:] if line]

    def debugger(self, command: str, file: str = "kdbg.txt") -> str:
        """Return what the kernel's own debugger answered to a command."""
        text = (self.folder / file).read_text()
        answers: list[str] = text.split(_TOLD)
        return next(one for one in answers if one.startswith(f"{command}\n"))

    @cached_property
    def registers(self) -> dict[str, int]:
        """What QEMU says of the processor: the numbers of its registers, a table's its base."""
        text = (self.folder / "registers.txt").read_text()
        found = re.findall(r"\b([A-Z][A-Z0-9]{1,4}) ?= *([0-9a-f]{8,16})\b", text)
        return {name: int(number, 16) for name, number in found}


def none(text: str) -> str | None:
    """Return what a plugin says, nothing for its words for nothing."""
    return None if text in {"-", "N/A", ""} else text


def moment(text: str) -> str | None:
    """Return a time as memq writes it, up to the second: plugins say no more."""
    return None if text == "N/A" else text[:19].replace(" ", "T")


def second(text: str | None) -> str | None:
    """Return a time of memq's up to the second."""
    return None if text is None else text[:19]
