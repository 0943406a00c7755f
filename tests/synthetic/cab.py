"""Writes cabinets with one file in them, for tests."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from tests.synthetic import lzx

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAME = 1 << 15


def stored(data: bytes, name: str = "a.pdb", *, reserve: int = 0) -> bytes:
    """Return a cabinet with the data as it is."""
    frames = frames_of(data)
    return cabinet(name, data, frames, 0, reserve)


def mszip(data: bytes, name: str = "a.pdb") -> bytes:
    """Return a cabinet with the data deflated, each block by what stands before it."""
    packed, before = [], b""
    for frame in frames_of(data):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=before)
        packed.append(b"CK" + deflate.compress(frame) + deflate.flush())
        before = frame
    return cabinet(name, data, packed, 1)


def packed_lzx(
    data: bytes, blocks: Sequence[tuple[int, int]], window: int = 15, program: int = 0
) -> bytes:
    """Return a cabinet with the data packed by LZX."""
    return cabinet("a.pdb", data, lzx.pack(data, blocks, window, program), window << 8 | 3)


def frames_of(data: bytes) -> list[bytes]:
    """Cut data into pieces of 32 KB."""
    return [data[at : at + FRAME] for at in range(0, len(data), FRAME)]


def cabinet(
    name: str, data: bytes, packed: Sequence[bytes], method: int, reserve: int = 0
) -> bytes:
    """Return a cabinet of these blocks, one for each 32 KB of the data."""
    blocks = b""
    for frame, block in zip(frames_of(data), packed, strict=True):
        checked = 0 if reserve else checksum(block, len(frame))
        blocks += struct.pack("<IHH", checked, len(block), len(frame)) + bytes(reserve) + block
    entry = struct.pack("<IIHHHH", len(data), 0, 0, 0, 0, 0x20) + name.encode() + b"\0"
    own = struct.pack("<HBB", 3, reserve, reserve) + b"own" if reserve else b""
    start = 36 + len(own) + 8 + reserve
    folder = struct.pack("<IHH", start + len(entry), len(packed), method) + bytes(reserve)
    size = start + len(entry) + len(blocks)
    head = struct.pack("<4s5I", b"MSCF", 0, size, 0, start, 0)
    head += struct.pack("<2B5H", 3, 1, 1, 1, 4 if reserve else 0, 0, 0)
    return head + own + folder + entry + blocks


def checksum(data: bytes, size: int) -> int:
    """Return the sum over a block: all its words joined by exclusive or."""
    padded = data[: len(data) // 4 * 4] + data[len(data) // 4 * 4 :][::-1].ljust(4, b"\0")
    words = np.frombuffer(padded, "<u4")
    return int(np.bitwise_xor.reduce(words)) ^ len(data) ^ size << 16
