"""Each object of Windows, in built images of each build, held to what was built into them.

Opened as whoever has an image opens it: nothing is told. Once with the table of the kernel, once
as if the pack had not its table: then rows may be missing, and values unknown, where that is said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import SymbolError
from memq.os.windows.system import WINDOWS
from memq.symbols.store import ProfileStore
from tests.os.windows.built import BUILDS, OTHER, Built, opened, saved, scene_of, table_of
from tests.os.windows.expected import QUESTIONS
from tests.synthetic.windows.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.os.windows.built import Known
    from tests.synthetic.windows.scene import Scene

UNPROVEN = {
    "hives": "the builder mounts them in no other, and before Vista they do not say where they are",
    "keys": "see hives",
    "values": "see hives",
    "services": "see hives",
}
"""What cannot be held to the truth before Vista, and why; there it must differ."""
LACKING = {
    ("callbacks", None): "their lists are known by symbols only",
    ("names of calls", "x64"): "a dozen functions are exported, the others are known by symbols",
    ("big pools", None): "their table is known by its symbol only",
    ("timers", 3790): "their lists are no processor's before Vista, and have no other mark",
    ("timers", 2600): "see 3790",
}
"""What is not all found without a table: of each image, or those of one build or machine."""
NOTES = {"services": ["no service records found in the memory of services.exe"]}
"""What is said of exact answers: a scene has services in the registry alone."""
VARIANTS = (
    (19041, {"seed": 9, "kdbg": "encoded"}),
    (17763, {"seed": 4, "kdbg": "wiped", "low_stub": False}),
    (22000, {"seed": 5, "kdbg": "wiped", "large_pages": True}),
    (7601, {"seed": 7, "kdbg": "encoded", "kernel_base": 0xFFFF_F800_0281_7000}),
)
"""Options by build: other places of everything, and what a reader may lack."""
FORMS = ((19041, "x64", "full"), (9600, "x64", "bitmap"), (7601, "pae", "full"))
NEWER = {22621: 22000, 22631: 22000, 26100: 22631}
"""Builds of which the pack has no kernel's table, and the build whose types are the likeliest."""


def name_of(which: tuple[object, ...]) -> str:
    return "-".join(str(one) for one in which if not isinstance(one, dict))


def best_of(scene: Scene) -> Known:
    """Return the table to open an image with: of x86 the pack has types only."""
    return "pack" if scene.image.options.is_64_bit else "all"


@pytest.fixture(scope="module")
def store() -> ProfileStore:
    return ProfileStore()


@pytest.fixture(scope="module", params=BUILDS, ids=name_of)
def scene(request: pytest.FixtureRequest, store: ProfileStore) -> Scene:
    build, paging = request.param
    return scene_of(table_of(store, build, paging), Options(build=build, paging=paging))


@pytest.fixture(scope="module")
def path(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(scene, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def exact(scene: Scene, path: Path) -> Iterator[Built]:
    with opened(scene, path, best_of(scene)) as found:
        yield found


@pytest.fixture(scope="module")
def near(scene: Scene, path: Path) -> Iterator[Built]:
    # Of 7601 the pack has only two layouts, of which the other one is refused.
    with opened(scene, path, "types" if scene.image.options.build == 7601 else "others") as found:
        yield found


@pytest.mark.parametrize("what", QUESTIONS)
def test_rows(exact: Built, what: str) -> None:
    differences = QUESTIONS[what].differences(exact)
    if exact.scene.image.options.build < 6000 and what in UNPROVEN:
        assert differences, "listed as different, but is not"
        return
    assert not differences
    assert not exact.image.warnings
    assert exact.notes[QUESTIONS[what].query] == NOTES.get(what, [])


@pytest.mark.parametrize("what", QUESTIONS)
def test_rows_without_a_table(near: Built, what: str) -> None:
    question = QUESTIONS[what]
    if near.scene.image.options.build < 6000 and what in UNPROVEN:
        assert question.differences(near), "listed as different, but is not"
        return
    assert not question.differences(near, may_lack=True)
    options = near.scene.image.options
    is_lacking = any((what, one) in LACKING for one in (None, options.build, options.paging))
    expected, found = len(question.rows(near.scene)), len(near.rows(question.query))
    assert found < expected if is_lacking else found == expected
    assert any("no profile of this kernel" in warning for warning in near.image.warnings)


def test_types_that_are_not_the_kernels_are_refused(store: ProfileStore, tmp_path: Path) -> None:
    scene = scene_of(table_of(store, 7601, "x64"), Options(build=7601))
    message = "two lists of threads do not begin with the same one"
    with pytest.raises(SymbolError, match=message), opened(scene, saved(scene, tmp_path), "others"):
        pass


@pytest.mark.parametrize("which", FORMS, ids=name_of)
def test_crash_dumps(store: ProfileStore, tmp_path: Path, which: tuple[int, str, str]) -> None:
    build, paging, form = which
    scene = scene_of(table_of(store, build, paging), Options(build=build, paging=paging))
    with opened(scene, saved(scene, tmp_path, form), best_of(scene)) as found:
        assert not found.image.warnings
        for what, question in QUESTIONS.items():
            assert not question.differences(found), what
        crash = found.rows("crash.Select({code: code, kind: dump_kind})")
        assert len(crash) == 1


@pytest.mark.parametrize("which", VARIANTS, ids=name_of)
def test_variants(store: ProfileStore, tmp_path: Path, which: tuple[int, dict[str, Any]]) -> None:
    build, options = which
    # The second table of the build, too: other offsets where the build has several layouts.
    table = table_of(store, build, "x64", 1)
    scene = scene_of(table, Options(build=build, **options))
    with opened(scene, saved(scene, tmp_path)) as found:
        assert not found.image.warnings
        for what, question in QUESTIONS.items():
            is_named = what != "callbacks" or "CallbackListHead" in table.rvas
            assert not question.differences(found, may_lack=not is_named), what


@pytest.mark.parametrize("build", NEWER)
def test_builds_that_are_newer_than_the_pack(
    store: ProfileStore, tmp_path: Path, build: int
) -> None:
    table = table_of(store, 22000, "x64")
    scene = scene_of(table, Options(build=build, identity=OTHER))
    with opened(scene, saved(scene, tmp_path)) as found:
        (warning,) = found.image.warnings
        assert f"types are those of build {NEWER[build]}" in warning
        assert OTHER.guid in warning
        for what, question in QUESTIONS.items():
            assert not question.differences(found, may_lack=True), what


ELSEWHERE = {
    "crash": "test_crash_dumps, above",
    "dpc": "no call waits in a scene: test_timer",
    "socket": "no table of the kernel's has their layouts: test_socket",
}
"""Objects that no question is of, and where they are held to something."""


def test_every_object_is_asked_for() -> None:
    text = " ".join(question.query for question in QUESTIONS.values())
    asked = {name for name in WINDOWS.objects if re.search(rf"\b{name}\b", text)}
    assert set(WINDOWS.objects) - asked == set(ELSEWHERE)
