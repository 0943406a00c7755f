"""Files with holes, and files that say where theirs are, whatever the file system does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.layers.file import DumpFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_sparse(path: Path, size: int, parts: Mapping[int, bytes]) -> Path:
    """Write a file of so many bytes with something at some offsets; all else is holes."""
    with path.open("wb") as file:
        for offset, part in parts.items():
            file.seek(offset)
            file.write(part)
        file.truncate(size)
    return path


def tells_holes(folder: Path) -> bool:
    """Whether the system and its file system say where holes of files are."""
    path = write_sparse(folder / "all-hole", 1 << 22, {0: b"data"})
    with DumpFile(path) as file:
        return file.data_from(1 << 21) == file.size


class HoleFile(DumpFile):
    """A file whose holes are all blocks of zeros, however it was written."""

    def __init__(self, path: Path, block: int) -> None:
        """`block` is how many bytes a hole has at least, as blocks of a file system do."""
        super().__init__(path)
        content = path.read_bytes()
        self.held = [at for at in range(0, len(content), block) if any(content[at : at + block])]
        self._block = block

    def data_from(self, offset: int) -> int:
        """Return the first offset from one on that lies in a block with anything in it."""
        return next((max(offset, at) for at in self.held if at + self._block > offset), self.size)
