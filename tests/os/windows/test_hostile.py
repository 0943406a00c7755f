"""Whatever stands in a Windows image, every object answers: values, reasons and cuts, no error.

Images with everything that may be wrong with one of their structures, several at a time, and the
sample of this repository with words changed and pages lost at random among those that are read.
MEMQ_EXAMPLES multiplies how many examples are tried.
"""

from __future__ import annotations

import lzma
import os
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from memq.errors import MemqError
from memq.image import open_image
from memq.layers.physical import PhysicalMemory
from tests.lab import windows_sample
from tests.os.windows.asking import Tally, ask_everything
from tests.synthetic.windows.isf import table_of
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene
from tests.synthetic.windows.spoil import all_spoils

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Addresses, Array
    from tests.lab import Lab

TIMES = int(os.environ.get("MEMQ_EXAMPLES", "1"))
TOGETHER = max(1, 16 // TIMES)
"""How many things are wrong with one image."""
PAGE = 4096
LARGE = 1 << 16
"""Bytes of a read that is none of a structure."""
EXTREMES = (
    0, 1, 2, 7, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32,
    (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 8, (1 << 64) - PAGE, 0xFFFF_8000_0000_0000,
)  # fmt: skip
STEPS = (-PAGE, -8, -1, 1, 8, 16, 0x70, 0x200, PAGE)


class Built(NamedTuple):
    """An image that can be spoiled again and again, and what is in it when it is whole."""

    scene: Scene
    table: Path
    path: Path
    pages: dict[int, bytes]
    whole: Tally

    def asked(self) -> Tally:
        """Write the image as it is now, and ask it everything."""
        image = self.scene.image
        image.save_raw(self.path)
        root, base = image.dtb, image.kernel_base
        with open_image(
            self.path, profile=self.table, directory_table_base=root, kernel_base=base
        ) as opened:
            return ask_everything(opened)

    def restore(self) -> None:
        pages = self.scene.image.memory.pages
        for number in pages.keys() - self.pages.keys():
            del pages[number]
        for number, content in self.pages.items():
            pages[number][:] = content


@pytest.fixture(scope="module")
def built(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Built:
    tables = sorted((lab.folder / "windows" / "isf").glob("ntkrnlmp-10.0.20348*"))
    if not tables:
        pytest.skip("the lab has no symbol table of build 20348")
    scene = Scene(table_of(tables[0]), Options(build=20348))
    pages = {number: bytes(page) for number, page in scene.image.memory.pages.items()}
    path = tmp_path_factory.mktemp("hostile") / "memory.raw"
    built = Built(scene, tables[0], path, pages, Tally())
    return built._replace(whole=built.asked())


WAYS = [name for name, _ in all_spoils()]
GROUPS = [WAYS[start : start + TOGETHER] for start in range(0, len(WAYS), TOGETHER)]


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_what_is_wrong_is_told(built: Built, names: list[str]) -> None:
    """Less of anything is found only where a cut says so."""
    built.restore()
    for name, spoil in all_spoils():
        if name in names:
            spoil(built.scene)
    found = built.asked()
    assert found.known > built.whole.known // 4
    for what, count in built.whole.counts.items():
        less = found.counts[what] < count
        # Of what fewer are there, fewer belong to them, too.
        owners = what if "." not in what else what.partition(".")[0]
        fewer = found.counts[owners] != built.whole.counts[owners]
        assert not less or (fewer and what != owners) or what in found.cuts, (what, names)


class Sample(NamedTuple):
    """The sample, unpacked, and the places of the words that are read of it."""

    path: Path
    content: Array
    words: list[int]


@pytest.fixture(scope="module")
def sample_words(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    path = tmp_path_factory.mktemp("sample") / "memory.raw"
    content = np.frombuffer(bytearray(lzma.decompress(windows_sample().read_bytes())), np.uint8)
    with path.open("wb") as file:
        for number in np.flatnonzero(content.reshape(-1, PAGE).any(axis=1)).tolist():
            file.seek(number * PAGE)
            file.write(content[number * PAGE : (number + 1) * PAGE].tobytes())
        file.truncate(len(content))
    read = places_read(path)
    words = content.view("<u8")[read // np.uint64(8)]
    return Sample(path, content, read[words != 0].tolist())


def places_read(path: Path) -> Addresses:
    """Return the places of all words that are read where everything is asked."""
    edges = np.zeros(path.stat().st_size // 8 + 2, np.int64)
    read, gather = PhysicalMemory.read, PhysicalMemory.gather

    def note(places: Addresses, size: int) -> None:
        if size < LARGE:
            ends = (places + np.uint64(size + 7)) // np.uint64(8)
            np.add.at(edges, np.minimum(places // np.uint64(8), len(edges) - 1), 1)
            np.add.at(edges, np.minimum(ends, len(edges) - 1), -1)

    def noting_read(memory: PhysicalMemory, address: int, size: int) -> bytes | None:
        note(np.array([address], np.uint64), size)
        return read(memory, address, size)

    def noting_gather(memory: PhysicalMemory, addresses: Addresses, size: int) -> object:
        note(addresses.astype(np.uint64), size)
        return gather(memory, addresses, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PhysicalMemory, "read", noting_read)
        patch.setattr(PhysicalMemory, "gather", noting_gather)
        with open_image(path) as image:
            ask_everything(image)
    return np.flatnonzero(np.cumsum(edges)[:-2]).astype(np.uint64) * np.uint64(8)


def damage(sample: Sample, random: Random) -> dict[int, bytes]:
    """Return other bytes for some places that are read."""
    content, kind = sample.content, random.choice(["number", "pointer", "byte", "step", "page"])
    changed: dict[int, bytes] = {}
    for _ in range(random.choice([1, 5, 20, 200])):
        place, other = random.choice(sample.words), random.choice(sample.words)
        word = content[place : place + 8].tobytes()
        if kind == "number":
            size = random.choice([1, 2, 4, 8])
            number = random.choice(EXTREMES) & (1 << 8 * size) - 1
            changed[place + random.randrange(0, 8, size)] = number.to_bytes(size, "little")
        elif kind == "pointer":
            changed[place] = content[other : other + 8].tobytes()
        elif kind == "byte":
            changed[place + random.randrange(8)] = random.randbytes(1)
        elif kind == "step":
            number = int.from_bytes(word, "little") + random.choice(STEPS)
            changed[place] = (number & (1 << 64) - 1).to_bytes(8, "little")
        elif len(changed) < 20:
            changed[place & -PAGE] = bytes(PAGE)
    return changed


@pytest.mark.parametrize("seed", range(3 * TIMES))
def test_any_damage_of_the_sample_is_answered(sample_words: Sample, seed: int) -> None:
    changed = damage(sample_words, Random(seed))
    with sample_words.path.open("r+b") as file:
        for place, data in changed.items():
            file.seek(place)
            file.write(data)
    try:
        with suppress(MemqError), open_image(sample_words.path) as image:
            ask_everything(image)
    finally:
        with sample_words.path.open("r+b") as file:
            for place, data in changed.items():
                file.seek(place)
                file.write(sample_words.content[place : place + len(data)].tobytes())
