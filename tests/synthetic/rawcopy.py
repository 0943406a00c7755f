"""A dump as a raw image in which a test may change what it likes; it is restored afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory


class RawCopy:
    """All memory of a dump at its physical addresses; notes are lost."""

    def __init__(self, physical: PhysicalMemory, path: Path) -> None:
        """Write the image; what the dump lacks is zero."""
        self.path = path
        with path.open("wb") as file:
            for address, piece in physical.pieces(0, physical.limit):
                if any(piece):
                    file.seek(address)
                    file.write(piece)
            file.truncate(-(-physical.limit // 4096) * 4096)

    def read(self, address: int, size: int) -> bytes:
        """Read at a physical address."""
        with self.path.open("rb") as file:
            file.seek(address)
            return file.read(size)

    @contextmanager
    def changed(self, changes: Mapping[int, bytes]) -> Iterator[Path]:
        """Write bytes at physical addresses; take it back, and what they added, at the end."""
        size = self.path.stat().st_size
        before = {address: self.read(address, len(new)) for address, new in changes.items()}
        self._write(changes)
        try:
            yield self.path
        finally:
            self._write(before)
            with self.path.open("r+b") as file:
                file.truncate(size)

    def _write(self, changes: Mapping[int, bytes]) -> None:
        with self.path.open("r+b") as file:
            for address, new in changes.items():
                file.seek(address)
                file.write(new)
