"""Bytes of memory in hex and as text, with what is not there and why: what `.x` shows."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import MemqError, Reason
from memq.lang.hints import did_you_mean
from memq.layers.physical import ADDRESS_LIMIT
from memq.node import dataclass
from memq.run import Run
from memq.schema.batch import Context
from memq.ui.look.addresses import LAST, Places, number_of
from memq.ui.look.arguments import Arguments
from memq.ui.look.usages import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.image import Image
    from memq.layers.physical import PhysicalMemory
    from memq.layers.space import AddressSpace
    from memq.schema.batch import Cut, ObjectType
    from memq.ui.look.arguments import Word

LENGTH = 128
"""Bytes that are shown if no length is given."""
MAX_LENGTH = 1 << 20
ROW = 16
"""Bytes of a line."""
PAGE = 4096

_NEAREST = 3
_HALF = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that lie beside each other, or a hole."""

    start: int
    size: int
    data: bytes = b""
    reason: Reason = Reason.KNOWN
    """Why there are no bytes."""

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.start + self.size


def hexdump(image: Image, text: str) -> Iterator[str]:
    """Yield the lines of `.x`; QueryError, raised at once, says what is wrong with the text.

    `ADDRESS [length]` of the kernel's memory, of a process's with `--process PID`, of physical
    memory with `--physical`. Memory is read as the lines are pulled. MemqError where the process
    has no page tables that could be read.
    """
    arguments = Arguments(text, BYTES)
    start = Places(image.kernel).read(arguments, arguments.words[0])
    length = _length(arguments)
    process = arguments.options.get("--process")
    if "--physical" in arguments.options:
        if process is not None:
            message = "physical memory is not a process's: give one of --process and --physical"
            raise arguments.error(message, arguments.options["--physical"])
        return lines(pieces_of_physical(image.physical, start, min(start + length, LAST + 1)))
    root = None if process is None else _root(image, arguments, process)
    space: AddressSpace = image.kernel.space
    return lines(pieces_of_space(space, start, min(start + length, LAST + 1), root))


def _length(arguments: Arguments) -> int:
    if len(arguments.words) == 1:
        return LENGTH
    word = arguments.words[1]
    length = number_of(word.text)
    if length is None:
        raise arguments.error("a length is a number of bytes: 64, 0x40", word)
    if not 0 < length <= MAX_LENGTH:
        raise arguments.error(f"a length is from 1 to {MAX_LENGTH:,} bytes", word)
    return length


# Processes


def _root(image: Image, arguments: Arguments, word: Word) -> int:
    """Return the physical address of a process's top page table."""
    pid = number_of(word.text)
    if pid is None:
        raise arguments.error("--process needs the number of a process", word)
    found, others, cut = _process(image, pid)
    if found is None and cut is not None:
        raise MemqError(f"process {pid} was not found: {cut.text}")
    if found is None:
        near = sorted(others, key=lambda other: (abs(other - pid), other))[:_NEAREST]
        hint = did_you_mean([str(other) for other in sorted(near)])
        raise arguments.error(f"there is no process {pid}", word, hint)
    table = found.column("directory_table_base")
    reason = Reason(int(table.statuses[0]))
    if reason == Reason.KNOWN:
        return int(table.values[0])
    if reason != Reason.NULL:
        raise MemqError(f"the page tables of process {pid} are not known: {reason.text}")
    is_kernel = found.column("is_kernel_thread")
    if is_kernel.known[0] and is_kernel.values[0]:
        message = f"process {pid} is a kernel thread, which has no memory of its own"
        raise arguments.error(message, word, "Without --process, the kernel's memory is read.")
    raise arguments.error(f"process {pid} has no memory, as those that have exited", word)


def _process(image: Image, pid: int) -> tuple[ObjectType | None, list[int], Cut | None]:
    """Return the process with this number, as a batch of one, or else the numbers there are.

    And why these are not all, if they are not.
    """
    others: list[int] = []
    cut: Cut | None = None
    context = Context(image.kernel, Run(image.progress))
    for portion in image.system.objects["process"].portions(context):
        numbers = portion.batch.column("process_id")
        rows = np.flatnonzero(numbers.known & (numbers.values == pid))
        if len(rows):
            return portion.batch.take(rows[:1]), [], None
        cut = portion.cut or cut
        others += numbers.values[numbers.known].tolist()
    return None, others, cut


# Memory in pieces


def pieces_of_physical(physical: PhysicalMemory, start: int, end: int) -> Iterator[Piece]:
    """Yield what is there of physical memory, and the holes between, without a gap."""
    at = start
    for place, data in physical.pieces(start, min(end, ADDRESS_LIMIT), PAGE):
        if place > at:
            yield Piece(at, place - at, reason=Reason.NOT_IN_DUMP)
        yield Piece(place, len(data), data)
        at = place + len(data)
    if at < end:
        yield Piece(at, end - at, reason=Reason.NOT_IN_DUMP)


def pieces_of_space(
    space: AddressSpace, start: int, end: int, root: int | None = None
) -> Iterator[Piece]:
    """Yield the same of virtual memory, page by page; `root` is that of other page tables."""
    at = start
    roots = None if root is None else np.array([root], np.uint64)
    while at < end:
        until = min(end, (at | PAGE - 1) + 1)
        places, reasons = space.translate_many(np.array([at], np.uint64), roots)
        reason = Reason(int(reasons[0]))
        if reason != Reason.KNOWN:
            yield Piece(at, until - at, reason=reason)
        else:
            place = int(places[0])
            for piece in pieces_of_physical(space.physical, place, place + until - at):
                yield Piece(at + piece.start - place, piece.size, piece.data, piece.reason)
        at = until


# Lines


def lines(pieces: Iterable[Piece]) -> Iterator[str]:
    """Yield a line for each 16 bytes, from the address of the first piece on.

    Ahead of the line in which a hole begins stands its reason, and where it ends. Of several lines
    with nothing but the same hole the first is shown, and `*` for the others.
    """
    row = _Row()
    for piece in _joined(pieces):
        if piece.reason:
            yield f"{piece.start:#018x} to {piece.end - 1:#018x}: {piece.reason.text}"
        at = piece.start
        while at < piece.end:
            hidden = (piece.end - at) // ROW if piece.reason and not row.cells else 0
            if hidden > 1:
                yield _Row(at, [None] * ROW).line()
                yield "*"
                at += hidden * ROW
                continue
            size = min(ROW - len(row.cells), piece.end - at)
            row.add(at, piece, size)
            at += size
            if len(row.cells) == ROW:
                yield row.line()
                row = _Row()
    if row.cells:
        yield row.line()


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Make one of holes that follow each other for the same reason."""
    hole: Piece | None = None
    for piece in pieces:
        if hole is not None and piece.reason == hole.reason:
            hole = Piece(hole.start, hole.size + piece.size, reason=hole.reason)
            continue
        if hole is not None:
            yield hole
        hole = piece if piece.reason else None
        if hole is None:
            yield piece
    if hole is not None:
        yield hole


@dataclass(slots=True)
class _Row:
    """A line in the making: bytes, None for those that are not there."""

    start: int = 0
    cells: list[int | None] = field(default_factory=list)

    def add(self, address: int, piece: Piece, size: int) -> None:
        """Append bytes of a piece."""
        if not self.cells:
            self.start = address
        place = address - piece.start
        self.cells += [None] * size if piece.reason else piece.data[place : place + size]

    def line(self) -> str:
        """Return address, bytes, text."""
        codes = ["??" if cell is None else f"{cell:02x}" for cell in self.cells]
        halves = [" ".join(codes[:_HALF]), " ".join(codes[_HALF:])]
        text = "".join("?" if cell is None else _letter(cell) for cell in self.cells)
        return f"{self.start:#018x}  {'  '.join(halves):<{3 * ROW}}  {text}"


def _letter(code: int) -> str:
    return chr(code) if ord(" ") <= code <= ord("~") else "."
