"""The container of PDB files (Multi-Stream Format 7.0): numbered streams, each a list of blocks.

The header names the blocks that hold the directory's own list of blocks; the directory has the size
of each stream, then its blocks. Format: https://llvm.org/docs/PDB/MsfFile.html.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.errors import SymbolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
OLD_MAGIC = b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0"
MAX_STREAM = 512 << 20
"""Bytes of one stream that are read at most; a kernel's largest has about 10 MB."""
_MAX_BLOCK = 1 << 16
_MAX_DIRECTORY = 64 << 20
_NIL = 0xFFFFFFFF
_HEADER = struct.Struct("<32s5I")


class Source(Protocol):
    """What a container is read from: a file, or what was unpacked of one."""

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at the offset, fewer at the end."""
        ...


class Unpacked:
    """A file's content that is held in memory, to be read as a file is."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at the offset, fewer at the end."""
        return self._content[offset : offset + size]


class Msf:
    """The streams of one container; nothing is read of a stream before it is asked for."""

    def __init__(self, source: Source) -> None:
        """Read the directory; SymbolError if that is no whole container."""
        self._source = source
        head = source.read(0, _HEADER.size)
        if head.startswith(OLD_MAGIC):
            raise SymbolError("PDB 2.00 is older than what is read; symbols of it are not known")
        if len(head) < _HEADER.size or not head.startswith(MAGIC):
            raise SymbolError("no PDB: it does not start as one does")
        self._block, _free, count, length = _HEADER.unpack(head)[1:5]
        if self._block < 512 or self._block > _MAX_BLOCK or self._block & (self._block - 1):
            raise SymbolError(f"PDB is malformed: blocks of {self._block} bytes")
        self._count = min(count, -(-source.size // self._block))
        if length > min(_MAX_DIRECTORY, source.size) or length < 4:
            raise SymbolError(f"PDB is malformed or cut short: a directory of {length} bytes")
        self._sizes, self._blocks, self._firsts = self._directory(length)

    def __len__(self) -> int:
        return len(self._sizes)

    def stream(self, number: int) -> bytes:
        """Return a stream's content, empty if it was deleted; SymbolError if there is none."""
        if not 0 <= number < len(self):
            raise SymbolError(f"PDB is malformed: there is no stream {number}")
        size, first = int(self._sizes[number]), int(self._firsts[number])
        if size > min(MAX_STREAM, self._source.size):
            raise SymbolError(f"PDB is malformed or cut short: a stream of {size} bytes")
        return self._read(self._blocks[first : first + -(-size // self._block)], size)

    def _directory(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
        """Return the streams' sizes, all their blocks, and where among these each one's begin."""
        words = _words(self._read(_words(self._list_of_directory(length)), length))
        count = int(words[0])
        if count >= len(words):
            raise SymbolError(f"PDB is malformed: {count} streams in {length} bytes of directory")
        sizes = words[1 : count + 1]
        sizes = np.where(sizes == _NIL, 0, sizes)
        ends = np.cumsum(-(-sizes // self._block))
        if count and int(ends[-1]) > len(words) - 1 - count:
            raise SymbolError("PDB is malformed: its directory ends within the list of blocks")
        return sizes, words[count + 1 :], [0, *ends.tolist()]

    def _list_of_directory(self, length: int) -> bytes:
        """Return the list of the directory's blocks, whose own blocks follow the header."""
        size = -(-length // self._block) * 4
        places = self._source.read(_HEADER.size, -(-size // self._block) * 4)
        return self._read(_words(places), size)

    def _read(self, blocks: NDArray[np.int64], size: int) -> bytes:
        """Return `size` bytes of the blocks, those that follow each other by one read."""
        if len(blocks) * self._block < size or (len(blocks) and blocks.max() >= self._count):
            raise SymbolError("PDB is malformed or cut short: a block lies behind its end")
        edges = np.flatnonzero(np.diff(blocks) != 1) + 1
        pieces = []
        for run in np.split(blocks, edges) if len(blocks) else ():
            wanted = len(run) * self._block
            pieces.append(self._source.read(int(run[0]) * self._block, wanted))
        data = b"".join(pieces)[:size]
        if len(data) < size:
            raise SymbolError("PDB is cut short: copy or fetch it again")
        return data


def _words(data: bytes) -> NDArray[np.int64]:
    return np.frombuffer(data, "<u4", len(data) // 4).astype(np.int64)
