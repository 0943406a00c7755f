"""Tables of kernels that memq has no profile of: from folders, caches and a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from memq.image import open_image
from memq.symbols.store import ProfileStore
from memq.symbols.tables import Identity, ImageTable
from tests.symbols.serving import Server, served
from tests.synthetic.pdb import GUID, GUID_TEXT
from tests.synthetic.pdb_types import pdb_of
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image

__all__ = ["served"]

NAME = "ntkrnlmp.pdb"
IDENTITY = Identity(GUID_TEXT, 1)
"""Of no kernel that there is."""


@pytest.fixture(scope="module")
def table() -> ImageTable:
    store = ProfileStore()
    found = store.table(store.of_build(19041)[0])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def scene(table: ImageTable) -> Scene:
    return Scene(table, Options(build=19041, identity=IDENTITY))


@pytest.fixture(scope="module")
def raw(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "memory.raw"
    scene.image.save_raw(path)
    return path


@pytest.fixture(scope="module")
def database(table: ImageTable, scene: Scene) -> bytes:
    """The PDB of the kernel that was built."""
    return pdb_of(ImageTable(table.types, scene.image.rvas, "", IDENTITY))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMQ_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("_NT_SYMBOL_PATH", raising=False)


def check(image: Image, scene: Scene) -> None:
    """The table that was found is the kernel's own, and what it leads to is there."""
    kernel = image.kernel
    assert kernel.choice.is_exact
    assert not image.warnings
    assert kernel.symbols.rvas["PspCidTable"] == scene.image.rvas["PspCidTable"]
    names = list(image.query("process.Select(name)").rows())
    assert sorted(names) == sorted(one.name for one in scene.image.truth.processes)


def test_without_a_table_the_types_are_those_of_a_near_build(raw: Path, scene: Scene) -> None:
    with open_image(raw) as image:
        assert not image.kernel.choice.is_exact
        (warning,) = image.warnings
        assert "no profile of this kernel" in warning
        assert f"{NAME} {IDENTITY}" in warning
        assert len(list(image.query("process").rows())) == len(scene.image.truth.processes)


def test_a_file_that_is_given(raw: Path, scene: Scene, database: bytes, tmp_path: Path) -> None:
    path = tmp_path / "given.pdb"
    path.write_bytes(database)
    with open_image(raw, profile=path) as image:
        check(image, scene)


def test_a_folder_that_is_given(raw: Path, scene: Scene, database: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "store" / NAME / f"{GUID_TEXT}1"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(database)
    with open_image(raw, profile=tmp_path / "store") as image:
        check(image, scene)


def test_the_symbol_path_of_the_environment(
    raw: Path, scene: Scene, database: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "symbols" / NAME / f"{GUID_TEXT}1"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(database)
    monkeypatch.setenv("_NT_SYMBOL_PATH", f"srv*{tmp_path / 'symbols'}*https://symbols.invalid")
    with open_image(raw) as image:
        check(image, scene)


def test_a_server_is_asked_only_if_it_is_named(
    served: Server, raw: Path, scene: Scene, database: bytes
) -> None:
    served.files[f"/{NAME}/{GUID_TEXT}1/{NAME}"] = database
    with open_image(raw) as image:
        assert not image.kernel.choice.is_exact
    assert not served.asked
    with open_image(raw, symbol_server=served.url) as image:
        check(image, scene)
    assert len(served.asked) == 1
    with open_image(raw) as image:  # what was fetched is found again
        check(image, scene)
    assert len(served.asked) == 1


def test_a_server_that_has_none_is_told(served: Server, raw: Path) -> None:
    with pytest.raises(SymbolError, match=f"the server has no {NAME} of {IDENTITY}"):
        open_image(raw, symbol_server=served.url)


def test_a_table_of_another_kernel_gives_its_types_only(raw: Path, tmp_path: Path) -> None:
    store = ProfileStore()
    other = store.table(store.of_build(19041)[1])
    assert other is not None
    path = tmp_path / "other.pdb"
    content = bytearray(pdb_of(other))
    at = content.index(GUID)
    content[at : at + 4] = b"\1\2\3\4"
    path.write_bytes(content)
    with open_image(raw, profile=path) as image:
        assert not image.kernel.choice.is_exact
        assert any("only types are used" in warning for warning in image.warnings)


def test_the_warning_names_the_build_whose_types_were_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The types of the next lower build fail, those of the next higher one do."""
    store = ProfileStore()
    own = store.table(store.of_build(20348)[0])
    assert own is not None
    path = tmp_path / "memory.raw"
    Scene(own, Options(build=20348)).image.save_raw(path)
    entries = [one for one in store.entries if one.build != 20348]
    monkeypatch.setattr("memq.symbols.store.read_index", lambda _folder: entries)
    with open_image(path) as image:
        assert "build 22000" in image.kernel.choice.source
        (warning,) = image.warnings
        assert "no profile of build 20348: types are those of build 22000;" in warning


def test_where_all_near_types_fail_the_error_names_the_file(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [one for one in ProfileStore().entries if one.build < 18362]
    monkeypatch.setattr("memq.symbols.store.read_index", lambda _folder: entries)
    with pytest.raises(SymbolError) as caught:
        open_image(raw)
    assert f"its PDB is {NAME} {IDENTITY}: give it, or an ISF file," in str(caught.value)
