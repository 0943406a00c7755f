"""The files of a profile pack: an index, layouts shared between tables, symbols of each table.

    index.txt                a line for each table: what it is of, and which files say what
    layouts/19041-64.z       text of the types of one build (memq/symbols/layouts.py)
    layouts/0a1b2c3d.z       what is different from that in some tables of the build
    names/19041.z            names of one build's symbols, and the first's addresses
    symbols/GUID-AGE.z       which of these a table has, and how far they are from the first's

All but the index is compressed by zlib, behind a magic. Files are from anywhere: what does not
hold in them is a SymbolError.
"""

from __future__ import annotations

import re
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import SymbolError
from memq.symbols.tables import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Array

INDEX = "index.txt"
INDEX_HEAD = "memq windows profiles 1"
MAGIC = b"\0memq\0"
MAX_FILE = 1 << 22
MAX_UNPACKED = 1 << 24
_WORD = r"[0-9a-z][0-9a-z.-]{0,63}"
_LINE = re.compile(
    rf"(?:(?P<guid>[0-9A-F]{{32}})-(?P<age>\d{{1,9}})|-) (?P<build>\d{{1,6}}) (?P<bits>32|64) "
    rf"(?P<known>named|given|likened) (?P<base>{_WORD}) (?P<overlay>{_WORD}|-)"
)


class Entry(NamedTuple):
    """What the index says of one table."""

    identity: Identity | None
    """None: types only, which belong to a build and not to one image."""
    build: int
    bits: int
    known: str
    """How the build is known: `named` by the file, `given` by hand, `likened` to others' types."""
    base: str
    overlay: str
    """Empty where the table is as the base has it."""

    def __str__(self) -> str:
        words = (self.identity or "-", self.build, self.bits, self.known, self.base)
        return " ".join(map(str, (*words, self.overlay or "-")))


def read_index(folder: Path) -> list[Entry]:
    """Return what the index says, in its order; SymbolError where it is none."""
    path = folder / INDEX
    try:
        head, *lines = path.read_text("ascii").splitlines() or [""]
    except (OSError, ValueError) as error:
        raise SymbolError(f"{path}: no profile pack is there") from error
    if head != INDEX_HEAD:
        raise SymbolError(f"{path}: not the index of a profile pack that this memq can read")
    return [_entry(line) for line in lines]


def _entry(line: str) -> Entry:
    match = _LINE.fullmatch(line)
    if match is None:
        raise SymbolError("the profile pack is malformed: a line of its index cannot be read")
    identity = Identity(match["guid"], int(match["age"])) if match["guid"] else None
    overlay = match["overlay"].removeprefix("-")
    numbers = int(match["build"]), int(match["bits"])
    return Entry(identity, *numbers, match["known"], match["base"], overlay)


def read_packed(folder: Path, kind: str, name: str) -> bytes:
    """Return the content of a compressed file of the pack."""
    path = folder / kind / f"{name}.z"
    try:
        with path.open("rb") as file:
            packed = file.read(MAX_FILE + 1)
        inflate = zlib.decompressobj()
        content = inflate.decompress(packed.removeprefix(MAGIC), MAX_UNPACKED)
    except (OSError, zlib.error) as error:
        raise SymbolError(f"{path}: the profile pack is damaged: install memq again") from error
    if not inflate.eof:
        raise SymbolError(
            f"{path}: the profile pack is damaged: the file is cut short or too large"
        )
    return content


def pack(content: bytes) -> bytes:
    """Return the compressed file that `read_packed` reads."""
    return MAGIC + zlib.compress(content, 9)


def read_text(folder: Path, kind: str, name: str) -> str:
    """Return a compressed text of the pack."""
    try:
        return read_packed(folder, kind, name).decode("ascii")
    except UnicodeDecodeError as error:
        raise SymbolError(f"{kind}/{name}: the profile pack is damaged: no plain text") from error


class Names:
    """The names of one build's symbols, and the addresses that the first table with each has."""

    def __init__(self, names: list[str], rvas: Array) -> None:
        """`rvas` is int64, ascending."""
        self.names = names
        self.rvas = rvas

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each name's place among the names."""
        return {name: number for number, name in enumerate(self.names)}

    @classmethod
    def parse(cls, content: bytes) -> Names:
        """Read a file of names; SymbolError where it is none."""
        text, _, numbers = content.partition(b"\n\n")
        try:
            names = text.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise _malformed("names") from error
        return cls(names, np.cumsum(_numbers(numbers, len(names))))

    def written(self) -> bytes:
        """Return the content of a file of names."""
        return (
            "\n".join(self.names).encode("ascii")
            + b"\n\n"
            + _columns(np.diff(self.rvas, prepend=0))
        )

    def has(self, content: bytes) -> Array:
        """Return which of the names a table has, by the content of its file of symbols."""
        width = (len(self.names) + 7) // 8
        if len(content) < width:
            raise _malformed("symbols")
        bits = np.frombuffer(content, np.uint8, width)
        return np.unpackbits(bits, count=len(self.names)).astype(bool)

    def table(self, content: bytes) -> tuple[Array, Array]:
        """Return which names a table has (bool, for each) and their addresses (int64)."""
        has = self.has(content)
        count, width = int(np.count_nonzero(has)), (len(self.names) + 7) // 8
        rvas = self.rvas[has] + np.cumsum(_numbers(content[width:], count))
        if count and not 0 <= int(rvas.min()) <= int(rvas.max()) < 1 << 32:
            raise _malformed("symbols")
        return has, rvas

    def written_table(self, has: Array, rvas: Array) -> bytes:
        """Return the content of a table's file of symbols."""
        return np.packbits(has).tobytes() + _columns(np.diff(rvas - self.rvas[has], prepend=0))


def _columns(numbers: Array) -> bytes:
    """Write whole numbers so that they compress well: small ones first, byte by byte."""
    folded = (numbers << 1) ^ (numbers >> 63)
    if len(folded) and int(folded.max()) >= 1 << 32:
        raise SymbolError("a symbol is farther away than any image is large")
    return folded.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _numbers(content: bytes, count: int) -> Array:
    if len(content) != 4 * count:
        raise _malformed("numbers")
    planes = np.frombuffer(content, np.uint8).reshape(4, count)
    folded = np.ascontiguousarray(planes.T).view("<u4").reshape(count).astype(np.int64)
    return (folded >> 1) ^ -(folded & 1)


def _malformed(what: str) -> SymbolError:
    return SymbolError(f"the profile pack is damaged: its {what} do not hold together")
