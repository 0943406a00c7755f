"""Copies of Windows images in which some bytes are other ones."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.os.windows.images import WindowsImage

PAGE = 4096
_ZEROS = bytes(PAGE)


def content(image: WindowsImage) -> bytearray:
    """Return the whole raw image."""
    path = image.path()
    data = path.read_bytes()
    return bytearray(lzma.decompress(data) if path.suffix == ".xz" else data)


def patched(image: WindowsImage, folder: Path, places: Mapping[int, bytes]) -> Path:
    """Write the raw image with other bytes at physical addresses, also behind its end."""
    data = content(image)
    data.extend(bytes(max(0, max(map(_end, places.items())) - len(data))))
    for place, piece in places.items():
        data[place : place + len(piece)] = piece
    return written(folder, data)


def written(folder: Path, data: bytearray) -> Path:
    """Write a raw image; pages of zeros are holes of the file."""
    path = folder / "patched.raw"
    with path.open("wb") as file:
        for start in range(0, len(data), PAGE):
            piece = data[start : start + PAGE]
            if piece != _ZEROS[: len(piece)]:
                file.seek(start)
                file.write(piece)
        file.truncate(len(data))
    return path


def _end(placed: tuple[int, bytes]) -> int:
    return placed[0] + len(placed[1])
