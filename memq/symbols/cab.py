"""Cabinets (CAB), as which symbol servers keep compressed files: `ntkrnlmp.pd_` has one file in it.

Format: [MS-CAB]. Of a cabinet with several files the first is read. Stored, MSZIP and LZX are what
tools for symbols write; Quantum was given up long before.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import SymbolError
from memq.symbols.lzx import Lzx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.progress import Progress

MAGIC = b"MSCF"
MAX_FILE = 512 << 20
"""Bytes that the file in a cabinet has at most."""
_HEADER = struct.Struct("<4s5I2B5H")
_FOLDER = struct.Struct("<IHH")
_FILE = struct.Struct("<IIH")
_BLOCK = struct.Struct("<IHH")
_FRAME = 1 << 15
"""Bytes that one block unpacks to at most, and that MSZIP looks back."""
_HAS_RESERVE = 4
_IS_PART = 3
"""Flags of a cabinet that goes on in others."""
_STORED, _MSZIP, _QUANTUM, _LZX = range(4)


class _Folder(NamedTuple):
    """What is compressed as one, and the file in it."""

    method: int
    """Kind of compression, and from bit 8 on its parameter."""
    blocks: int
    start: int
    """Place of the first block."""
    reserved: int
    """Bytes behind each block's header that are someone's own."""
    offset: int
    """Where the file begins in what the folder unpacks to."""
    size: int


class _Packed(NamedTuple):
    """A block: its bytes, and how many it unpacks to."""

    data: bytes
    size: int


def unpack_cab(content: bytes, progress: Progress) -> bytes:
    """Return the content of the first file in a cabinet; SymbolError if it is damaged."""
    folder = _folder(content)
    method = folder.method & 0xF
    if method == _QUANTUM or method > _LZX:
        raise SymbolError(f"compressed by a method ({method}) that is not read; expand it by hand")
    end = folder.offset + folder.size
    blocks = _blocks(content, folder, end, progress)
    pieces = _lzx(list(blocks), folder) if method == _LZX else _simple(blocks, method)
    unpacked = b"".join(pieces)
    if len(unpacked) < end:
        raise SymbolError("damaged cabinet: it holds less than it says; copy or fetch it again")
    return unpacked[folder.offset : end]


def _folder(content: bytes) -> _Folder:
    """Return where the first file is; SymbolError if that cannot be."""
    if len(content) < _HEADER.size or not content.startswith(MAGIC):
        raise SymbolError("no cabinet: it does not start as one does")
    header = _HEADER.unpack_from(content)
    files_at, (folders, files, flags) = header[4], header[8:11]
    if flags & _IS_PART or not folders or not files:
        raise SymbolError("a cabinet without a whole file in it; expand it by hand")
    at, of_folder, of_block = _HEADER.size, 0, 0
    if flags & _HAS_RESERVE:
        of_header, of_folder, of_block = _unpack("<HBB", content, at)
        at += 4 + of_header
    size, offset, index = _unpack(_FILE.format, content, files_at)
    if index >= folders or size > MAX_FILE or offset > MAX_FILE:
        raise SymbolError(f"damaged cabinet: a file of {size} bytes in folder {index}")
    at += index * (_FOLDER.size + of_folder)
    start, blocks, method = _unpack(_FOLDER.format, content, at)
    return _Folder(method, blocks, start, of_block, offset, size)


def _unpack(form: str, content: bytes, at: int) -> tuple[int, ...]:
    if at + struct.calcsize(form) > len(content):
        raise SymbolError("damaged cabinet: it is cut short; copy or fetch it again")
    return struct.unpack_from(form, content, at)


def _blocks(content: bytes, folder: _Folder, end: int, progress: Progress) -> Iterator[_Packed]:
    """Yield the folder's blocks, up to the end of the file, each held to its checksum."""
    at, done = folder.start, 0
    for _ in range(folder.blocks):
        if done >= end:
            return
        progress.tick(done, end)
        checksum, length, size = _unpack(_BLOCK.format, content, at)
        at += _BLOCK.size + folder.reserved
        data = content[at : at + length]
        if len(data) < length or not 0 < size <= _FRAME:
            raise SymbolError("damaged cabinet: it is cut short; copy or fetch it again")
        # What is reserved is summed up, too; where there is any, nobody writes sums.
        if checksum and not folder.reserved and checksum != _checksum(data, size):
            raise SymbolError("damaged cabinet: a checksum does not hold; copy or fetch it again")
        yield _Packed(data, size)
        at, done = at + length, done + size


def _checksum(data: bytes, size: int) -> int:
    """Return the words of a block joined by exclusive or; the last bytes count highest first."""
    whole = len(data) // 4 * 4
    total = int(np.bitwise_xor.reduce(np.frombuffer(data, "<u4", whole // 4), initial=0))
    return total ^ int.from_bytes(data[whole:], "big") ^ (len(data) | size << 16)


def _simple(blocks: Iterator[_Packed], method: int) -> Iterator[bytes]:
    """Yield what stored blocks, or those of MSZIP, unpack to."""
    history = b""
    for block in blocks:
        piece = block.data if method == _STORED else _inflated(block, history)
        if len(piece) != block.size:
            raise SymbolError("damaged cabinet: a block is not as long as it says")
        history = piece if len(piece) == _FRAME else (history + piece)[-_FRAME:]
        yield piece


def _inflated(block: _Packed, history: bytes) -> bytes:
    """Return what a block of MSZIP unpacks to: deflated, but for the blocks before it."""
    if not block.data.startswith(b"CK"):
        raise SymbolError("damaged cabinet: a block does not start as one of MSZIP does")
    try:
        inner = zlib.decompressobj(-15, zdict=history) if history else zlib.decompressobj(-15)
        return inner.decompress(block.data[2:], block.size + 1)
    except zlib.error as error:
        raise SymbolError(f"damaged cabinet: {error}") from error


def _lzx(blocks: list[_Packed], folder: _Folder) -> Iterator[bytes]:
    """Yield what blocks of LZX unpack to; their bytes are one stream."""
    decoder = Lzx(b"".join(block.data for block in blocks), folder.method >> 8 & 0x1F)
    for block in blocks:
        yield decoder.frame(block.size)
