"""Dumps wrapped in zstd, xz or gzip: unpacked once, into the cache folder, and found there again.

The unpacked file is named after the SHA-256 of the compressed one, written aside and renamed, with
pages of zeros left as holes. Nothing is believed: sizes, windows and memory are bounded. The module
is imported for compressed dumps only: with what it needs it takes 10 ms to import.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np
import platformdirs
import zstandard

from memq.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.layers.file import DumpFile
    from memq.progress import Progress

_CHUNK = 1 << 16
_BLOCK = 1 << 20
"""Bytes that are unpacked, and written, at a time."""
_PAGE = 4096
_RATIO = 1000
_ALWAYS_ALLOWED = 64 << 20
"""What a small file may unpack to, whatever its ratio: an idle machine's memory is mostly zeros."""
_XZ_MEMORY = 256 << 20
_ZSTD_WINDOW = 128 << 20
_ZSTD_CHUNK = 1 << 11
"""zstd has no limit on output: four bytes can hold a block of 128 KB, so this many give 64 MB."""
_SPARE = 64 << 20
"""Free space that is left alone."""
_STALE = 24 * 3600.0


def cache_folder() -> Path:
    """Return $MEMQ_CACHE_DIR, or the user's cache folder for memq."""
    named = os.environ.get("MEMQ_CACHE_DIR")
    if named:
        return Path(named)
    return Path(platformdirs.user_cache_dir("memq"))


def unpack(file: DumpFile, kind: str, progress: Progress, check: Callable[[bytes], None]) -> Path:
    """Return the path of the file's unpacked content, unpacking it unless that was done before.

    `check` is given the first 4 KB before the rest is unpacked, and raises ImageError for what is
    no dump. ImageError too where the stream is damaged, cut short, or would grow beyond 64 MB and
    1,000 times its size, and where there is no room for it.
    """
    folder = cache_folder() / "unpacked"
    name = file.path.name
    with progress.step(f"checking {name}"):
        target = folder / f"{_sha256(file, progress)}.dump"
    try:
        if target.exists():
            return target
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        with progress.step(f"unpacking {name}"):
            pieces = _checked(_unpacked(file, kind, progress), check)
            _unpack_to(target, file, _declared_size(file, kind), pieces)
    except OSError as error:
        raise ImageError(
            f"{file.path}: cannot be unpacked into {folder}: {error.strerror or error}; "
            "MEMQ_CACHE_DIR names another folder"
        ) from error
    return target


def _sha256(file: DumpFile, progress: Progress) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(file, _BLOCK, progress):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: DumpFile, size: int, progress: Progress) -> Iterator[bytes]:
    for offset in range(0, file.size, size):
        progress.tick(offset, file.size)
        yield file.read(offset, size)


def _checked(pieces: Iterator[bytes], check: Callable[[bytes], None]) -> Iterator[bytes]:
    """Pass the pieces on, the first page only after it was checked."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _PAGE:
            break
    check(head[:_PAGE])
    yield head
    yield from pieces


def _unpack_to(target: Path, file: DumpFile, declared: int, pieces: Iterator[bytes]) -> None:
    """Write aside, then rename: a file of that name is always whole."""
    descriptor, aside = tempfile.mkstemp(".part", target.stem[:16], target.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            writer = _SparseWriter(out, file, target.parent)
            writer.check_limit(declared)
            for data in pieces:
                writer.write(data)
            writer.finish()
        try:
            Path(aside).replace(target)
        except PermissionError:  # Windows: another memq has unpacked it meanwhile, and reads it
            if not target.exists():
                raise
    finally:
        Path(aside).unlink(missing_ok=True)


def _remove_stale(folder: Path) -> None:
    """Remove what an interrupted run left behind a day ago or earlier."""
    for part in folder.glob("*.part"):
        if part.stat().st_mtime < time.time() - _STALE:
            part.unlink(missing_ok=True)


class _SparseWriter:
    """Writes blocks, pages of zeros as holes; refuses to grow too far or to fill the disk."""

    def __init__(self, out: BinaryIO, file: DumpFile, folder: Path) -> None:
        self._out = out
        self._file = file
        self._folder = folder
        self._pending = bytearray()
        self._done = 0
        self._limit = max(_ALWAYS_ALLOWED, _RATIO * file.size)
        self._checked = 0

    def write(self, data: bytes) -> None:
        """Write the next bytes."""
        self._pending += data
        self.check_limit(self._done + len(self._pending))
        while len(self._pending) >= _BLOCK:
            self._write_block(bytes(self._pending[:_BLOCK]))
            del self._pending[:_BLOCK]

    def finish(self) -> None:
        """Write what is pending, and set the length, as holes at the end do not."""
        self._write_block(bytes(self._pending))
        self._out.truncate(self._done)
        self._out.flush()
        os.fsync(self._out.fileno())  # or a power cut could leave the name without the content

    def _write_block(self, block: bytes) -> None:
        if self._done >= self._checked:
            self._check_room(_SPARE)
            self._checked = self._done + _SPARE
        whole = len(block) // _PAGE
        pages = np.frombuffer(block, np.uint64, whole * _PAGE // 8).reshape(whole, _PAGE // 8)
        used = np.concatenate(([False], pages.any(axis=1), [len(block) % _PAGE > 0, False]))
        edges = np.flatnonzero(used[1:] != used[:-1]) * _PAGE
        for begin, end in edges.reshape(-1, 2).tolist():
            self._out.seek(self._done + begin)
            self._out.write(block[begin:end])
        self._done += len(block)

    def check_limit(self, size: int) -> None:
        """Refuse to unpack to so many bytes, if that is too much for the compressed file."""
        if size > self._limit:
            raise ImageError(
                f"{self._file.path}: unpacks to more than {self._limit:,} bytes, "
                "too much for its size; unpack it by hand if it is to be trusted"
            )

    def _check_room(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < size + _SPARE:
            raise ImageError(
                f"{self._file.path}: no room to unpack it into {self._folder} "
                f"({free >> 20:,} MB free); MEMQ_CACHE_DIR names another folder"
            )


def _declared_size(file: DumpFile, kind: str) -> int:
    """Return the size that a zstd file's first frame declares; 0 where none is known."""
    if kind != "zstd":
        return 0
    try:
        size = int(zstandard.get_frame_parameters(file.read(0, 64)).content_size)
    except zstandard.ZstdError:
        return 0  # the decoder will say what is wrong
    return 0 if size == zstandard.CONTENTSIZE_UNKNOWN else size


# The three formats. A stream is a chain of members (frames), each with a decoder of its own.


class _Decoder(Protocol):
    """What zlib, lzma and zstandard have in common: the end of a member, and what follows it."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was handed in behind the end of the member."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data unpacks to, in pieces; errors are ValueErrors."""
        ...


class _Gzip:
    """One member of a gzip file; zlib checks its CRC and its length."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            # Behind its end unconsumed_tail stays as it was, and would be handed in for ever.
            while data and not self._inner.eof:
                yield self._inner.decompress(data, _BLOCK)
                data = self._inner.unconsumed_tail
        except zlib.error as error:
            raise ValueError(error) from error


class _Xz:
    """One stream of an xz file."""

    def __init__(self) -> None:
        self._inner = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._inner.decompress(data, _BLOCK)
            while not self._inner.needs_input and not self._inner.eof:
                yield self._inner.decompress(b"", _BLOCK)
        except lzma.LZMAError as error:
            raise ValueError(error) from error


class _Zstd:
    """One frame of a zstd file."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._inner.decompress(data)
        except zstandard.ZstdError as error:
            raise ValueError(error) from error


_DECODERS: dict[str, Callable[[], _Decoder]] = {"gzip": _Gzip, "xz": _Xz, "zstd": _Zstd}


def _unpacked(file: DumpFile, kind: str, progress: Progress) -> Iterator[bytes]:
    """Yield what the file unpacks to; zeros between members are padding, as xz and tar write it."""
    decoder: _Decoder | None = None
    try:
        for chunk in _chunks(file, _ZSTD_CHUNK if kind == "zstd" else _CHUNK, progress):
            left = chunk if decoder is not None else chunk.lstrip(b"\0")
            while left:
                decoder = _DECODERS[kind]() if decoder is None else decoder
                yield from decoder.feed(left)
                left = b""
                if decoder.eof:
                    left, decoder = decoder.unused_data.lstrip(b"\0"), None
    except ValueError as error:
        raise ImageError(f"{file.path}: damaged {kind} file: {error}") from error
    if decoder is not None:
        raise ImageError(
            f"{file.path}: the {kind} file is cut short; copy it again, or unpack by hand what "
            "there is of it"
        )
