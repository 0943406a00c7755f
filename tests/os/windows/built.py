"""Images of many builds that tests make, each opened with nothing told of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pytest

from memq.image import open_image
from memq.run import Run
from memq.symbols.store import ProfileStore
from memq.symbols.tables import Identity, ImageTable
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.image import Image
    from tests.synthetic.windows.options import Options

X64 = (7601, 9600, 14393, 17763, 18362, 19041, 20348, 22000)
X86 = ((7601, "x86"), (7601, "pae"), (3790, "x86"), (2600, "pae"))
BUILDS = (*((build, "x64") for build in X64), *X86)
OTHER = Identity("0123456789ABCDEF0123456789ABCDEF", 1)
"""Of no kernel that there is."""
UNNAMED = ("HandleTableListHead", "ObpInfoMaskToOffset", "KdpDebuggerDataListHead")
"""What every kernel has, though not all tables of the pack name it."""

Known = Literal["pack", "all", "others", "types"]
"""What memq has for an image: its table in the pack, one with all symbols; only tables of others;
its types among others, but not that they are its own."""


def table_of(store: ProfileStore, build: int, paging: str, number: int = 0) -> ImageTable:
    """Return the table of a kernel; those whose build is in their name come first.

    Of x86 the pack has published types only, which belong to no image.
    """
    if paging != "x64":
        types = store.types_of(build, 4)
        assert types is not None
        return ImageTable(types, {}, "published types", OTHER, build)
    same = [one for one in store.entries if one.build == build and one.identity]
    same.sort(key=lambda one: one.known != "named")
    identity = same[number % len(same)].identity
    table = None if identity is None else store.table(identity)
    assert table is not None
    return table


def scene_of(table: ImageTable, options: Options) -> Scene:
    """Build a scene from a table, with what has no name in it, too."""
    return Scene(with_unnamed(table), options)


def with_unnamed(table: ImageTable) -> ImageTable:
    """Return a table that knows where variables are which every kernel has, without names, too."""
    if not table.rvas:
        return table
    behind = (max(table.rvas.values()) | 0xFFF) + 1
    more = {name: behind + number * 0x400 for number, name in enumerate(UNNAMED)}
    return replace(table, rvas={**more, **table.rvas})


@dataclass
class Built:
    """An image that was built, and the answers of memq to what it is asked."""

    scene: Scene
    image: Image
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What was noted on the way to each answer."""

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the records of a query, which is asked once."""
        if query not in self.answers:
            run = Run()
            self.answers[query] = list(self.image.query(query, run).rows())
            self.notes[query] = list(run.notes)
        return self.answers[query]


@contextmanager
def opened(scene: Scene, path: Path, known: Known = "pack") -> Iterator[Built]:
    """Open the image of a scene that was saved."""
    own, rvas, types = scene.image.identity, scene.image.rvas, scene.image.kernel.types
    with pytest.MonkeyPatch.context() as patch:
        if known == "all":
            table = ImageTable(types, rvas, "all symbols", own)
            patch.setattr(ProfileStore, "table", lambda _store, _identity: table)
        if known == "types":
            patch.setattr(ProfileStore, "table", lambda _store, _identity: None)
        if known == "others":
            entries = [one for one in ProfileStore().entries if one.identity != own or own is None]
            patch.setattr("memq.symbols.store.read_index", lambda _folder: entries)
        image = open_image(path)
    with image:
        yield Built(scene, image)


def saved(scene: Scene, folder: Path, form: str = "raw") -> Path:
    """Write the image of a scene in a form (raw, full or bitmap) and return its path."""
    image, options = scene.image, scene.image.options
    path = folder / f"{options.build}-{options.paging}.{form}"
    forms = {
        "raw": image.save_raw, "full": image.save_full_dump, "bitmap": image.save_bitmap_dump,
    }  # fmt: skip
    forms[form](path)
    return path
