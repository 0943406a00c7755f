"""Environment variables, as the processes' own memory has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text, is_among, text_column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.base import WindowsObject
from memq.os.windows.peb import environments
from memq.os.windows.strings import decode_utf16, utf16_text
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, String
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from memq.run import Run
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs


class EnvironmentVariable(
    WindowsObject,
    name="environment",
    principal="environment_object",
    owner="process",
    identity=("root", "address"),
    example='environment.Where(name == "Path").Select([process.pid, value])',
):
    """A variable of a process's environment."""

    @classmethod
    def of(cls, processes: ObjectType, native: Structs, wow64: Structs) -> Collection:
        """Return the variables of each process, whose two sorts of parameters are given.

        32-bit code has an environment of its own, most of which says the same: that is not there
        twice.
        """
        cuts = Cuts(len(processes))
        context = processes.context
        places, blocks = environments(context.kernel, context.run, native, cuts)
        others, more = environments(context.kernel, context.run, wow64, cuts)
        for row in np.flatnonzero(others == places).tolist():
            more[row].clear()
        pairs = zip(blocks, more, strict=True)
        cut = _cut([block for pair in pairs for block in pair], context.run, cuts).without_copies()
        starts = np.stack([places, others], axis=1).reshape(-1)[cut.block]
        owner = cut.block // 2
        roots = np.zeros(len(processes), np.uint64) if native.roots is None else native.roots
        rows = {
            "address": starts + cut.offset.astype(np.uint64),
            "size": cut.size,
            "root": roots[owner],
            "is_wow64": cut.block % 2 == 1,
        }
        children = cls(context, rows, parents=Reference(processes, owner))
        children.kept("text", lambda: cut.text)
        return Collection(children, owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the text in the process's memory."""
        return self.address_column()

    @field(Cost.USER_MEMORY, shown=True)
    def name(self) -> Name:
        """Name of the variable."""
        return self._text().map(lambda word: _halves(word)[0])

    @field(Cost.USER_MEMORY, shown=True)
    def value(self) -> String:
        """What the variable is set to; null where the text has no `=`."""
        text = self._text()
        has = text.test(lambda word: _halves(word)[1] is not None)
        values = text.map(lambda word: _halves(word)[1] or "")
        return values.but(values.known & ~has.values, Reason.NULL)

    @field()
    def is_wow64(self) -> Boolean:
        """Whether it is only in the environment of 32-bit code that it says this (WOW64)."""
        return Column(self.rows["is_wow64"])

    def _text(self) -> Text:
        return self.kept("text", self._read)

    def _read(self) -> Text:
        places = Column(self.rows["address"])
        return utf16_text(self.kernel.space, places, self.rows["size"], self.rows["root"])


@dataclass(frozen=True, slots=True)
class _Cut:
    """Environments cut into variables: in which block each is, where, and what it says."""

    block: Indexes
    offset: Indexes
    size: Indexes
    text: Text

    def without_copies(self) -> _Cut:
        """Leave out of each second block what the first one has, too."""
        keys = self.block // 2 * len(self.text.words) + self.text.values
        is_second = self.block % 2 == 1
        kept = np.flatnonzero(~(is_second & is_among(keys, keys[~is_second])))
        text = self.text.take(kept)
        return _Cut(self.block[kept], self.offset[kept], self.size[kept], text)


def _cut(blocks: list[bytearray], run: Run, cuts: Cuts) -> _Cut:
    """Cut blocks, of which each process has two, into their variables.

    What has no end is one, too, unless it is not all there.
    """
    nothing = [np.zeros(0, np.int64)]
    places = [
        _places(block, is_whole=not cuts.status[number // 2]) for number, block in enumerate(blocks)
    ]
    counts = np.array([len(size) for _, size in places], np.int64)
    counts = within(counts, np.arange(len(blocks)) // 2, run.limits.children, cuts)
    owner = np.repeat(np.arange(len(blocks)), counts)
    kept = list(zip(places, counts.tolist(), strict=True))
    offset = np.concatenate([*nothing, *(offset[:count] for (offset, _), count in kept)])
    size = np.concatenate([*nothing, *(size[:count] for (_, size), count in kept)])
    return _Cut(owner, offset, size, _texts(blocks, owner, offset, size))


def _places(block: bytearray, *, is_whole: bool) -> tuple[Indexes, Indexes]:
    """Return where the strings of a block begin and how long they are, in bytes."""
    ends = np.flatnonzero(np.frombuffer(block, "<u2", len(block) // 2) == 0)
    if is_whole:
        ends = np.append(ends, len(block) // 2)
    starts = np.append(np.zeros(1, np.int64), ends + 1)[: len(ends)]
    sizes = ends - starts
    empty = np.flatnonzero(sizes <= 0)
    count = int(empty[0]) if len(empty) else len(sizes)
    return starts[:count] * 2, sizes[:count] * 2


def _texts(blocks: list[bytearray], block: Indexes, offset: Indexes, size: Indexes) -> Text:
    """Return the strings; each is decoded once, however many processes have it."""
    codes: dict[bytes, int] = {}
    places = zip(block.tolist(), offset.tolist(), size.tolist(), strict=True)
    found = [
        codes.setdefault(bytes(blocks[number][start : start + length]), len(codes))
        for number, start, length in places
    ]
    words = text_column([decode_utf16(raw) for raw in codes] or [""])
    return words.take(np.array(found, np.int64))


def _halves(text: str) -> tuple[str, str | None]:
    """Cut `name=value`; a name may begin with the sign, as those of drives do (`=C:`)."""
    place = text.find("=", 1)
    return (text, None) if place < 0 else (text[:place], text[place + 1 :])
