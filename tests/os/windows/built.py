"""Images of many builds that tests make, each opened with nothing told of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memq.image import open_image
from memq.run import Run
from memq.symbols.tables import Identity, ImageTable
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from memq.image import Image
    from memq.symbols.layouts import Layouts
    from memq.symbols.store import ProfileStore
    from tests.synthetic.windows.options import Options

X64 = (7601, 9600, 14393, 17763, 18362, 19041, 20348, 22000)
X86 = ((7601, "x86"), (7601, "pae"), (3790, "x86"))
BUILDS = (*((build, "x64") for build in X64), *X86)
OTHER = Identity("0123456789ABCDEF0123456789ABCDEF", 1)
"""Of no kernel that there is."""
UNNAMED = ("HandleTableListHead", "ObpInfoMaskToOffset", "KdpDebuggerDataListHead")
"""What every kernel has, though the pack of profiles does not name it."""


@dataclass(frozen=True)
class Pack:
    """The tables of the pack that comes with memq."""

    store: ProfileStore

    def types(self, build: int, bits: int) -> Layouts:
        """Return the published types of a build, which belong to no image."""
        found = self.store.types_of(build, bits // 8)
        assert found is not None
        return found

    def table(self, build: int, paging: str, number: int = 0) -> ImageTable:
        """Return the table of a kernel; those whose build is in their name come first.

        Of x86 the pack has types only.
        """
        if paging != "x64":
            return ImageTable(self.types(build, 32), {}, "published types", OTHER, build)
        same = [one for one in self.store.entries if one.build == build and one.identity]
        same.sort(key=lambda one: one.known != "named")
        identity = same[number % len(same)].identity
        table = None if identity is None else self.store.table(identity)
        assert table is not None
        return table


def with_unnamed(table: ImageTable) -> ImageTable:
    """Return the table that an image is built from: with what is there and has no name."""
    if not table.rvas:
        return table
    behind = (max(table.rvas.values()) | 0xFFF) + 1
    more = {name: behind + number * 0x400 for number, name in enumerate(UNNAMED)}
    return replace(table, rvas={**more, **table.rvas})


@dataclass
class Built:
    """An image that was built, and the answers of memq to what it is asked."""

    scene: Scene
    path: Path
    image: Image
    notes: list[str]

    @property
    def options(self) -> Options:
        return self.scene.machine.options

    @cached_property
    def _answers(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the records of a query, asked once; what was noted is added to `notes`."""
        if query not in self._answers:
            run = Run()
            self._answers[query] = list(self.image.query(query, run).rows())
            self.notes += [note for note in run.notes if note not in self.notes]
        return self._answers[query]


@contextmanager
def built(
    folder: Path, table: ImageTable, options: Options, form: str = "raw", /, **hints: Any
) -> Iterator[Built]:
    """Build an image and open it."""
    scene = Scene(with_unnamed(table), options)
    path = folder / f"{options.build}-{options.paging}.{form}"
    save(scene, path, form)
    with open_image(path, **hints) as image:
        yield Built(scene, path, image, [])


def save(scene: Scene, path: Path, form: str) -> None:
    """Write an image in a form: raw, full or bitmap."""
    forms = {
        "raw": scene.image.save_raw,
        "full": scene.image.save_full_dump,
        "bitmap": scene.image.save_bitmap_dump,
    }
    forms[form](path)


def known_symbols(scene: Scene, table: ImageTable) -> Mapping[str, int]:
    """Return the RVAs of the image, as a table of just this kernel has them."""
    return {**scene.image.rvas, **table.rvas}
