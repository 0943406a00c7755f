"""Fetching from a symbol server: a real one, of the standard library, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from memq.progress import Progress
from memq.symbols import server
from memq.symbols.cache import find_pdb
from memq.symbols.server import fetch_pdb
from memq.symbols.tables import Identity
from tests.symbols.serving import Server, served
from tests.synthetic import cab
from tests.synthetic.pdb import GUID_TEXT, PdbBuilder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["served"]

NAME = "ntkrnlmp.pdb"
IDENTITY = Identity(GUID_TEXT, 1)
PLACE = f"/{NAME}/{GUID_TEXT}1/"


def fetched(server: Server, folder: Path, url: str | None = None) -> Path:
    return fetch_pdb(url or server.url, f"c:\\build\\{NAME}", IDENTITY, folder, Progress())


def refused(server: Server, folder: Path, says: str, url: str | None = None) -> None:
    """Nothing is left in the folder of what was refused."""
    with pytest.raises(SymbolError, match=says) as error:
        fetched(server, folder, url)
    assert "\n" not in str(error.value)
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_plain_file_is_fetched_and_found_again(served: Server, tmp_path: Path) -> None:
    served.files[PLACE + NAME] = PdbBuilder().build()
    path = fetched(served, tmp_path, f"{served.url}/")
    assert path == tmp_path / NAME / f"{GUID_TEXT}1" / NAME
    assert path.read_bytes() == served.files[PLACE + NAME]
    assert served.asked == [(PLACE + NAME, "memq")]
    assert find_pdb(NAME, IDENTITY, f"srv*{tmp_path}*{served.url}") == path
    assert [one.name for one in path.parent.iterdir()] == [NAME]
    assert len(served.asked) == 1


@pytest.mark.parametrize("pack", [cab.stored, cab.mszip])
def test_a_compressed_file_is_unpacked(
    served: Server, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    served.files[f"{PLACE}ntkrnlmp.pd_"] = pack(PdbBuilder().build())
    (tmp_path / "index2.txt").touch()
    path = fetched(served, tmp_path)
    assert path == tmp_path / "nt" / NAME / f"{GUID_TEXT}1" / NAME
    assert path.read_bytes() == PdbBuilder().build()
    assert [asked for asked, _ in served.asked] == [PLACE + NAME, f"{PLACE}ntkrnlmp.pd_"]


def test_one_of_another_build_is_not_kept(served: Server, tmp_path: Path) -> None:
    served.files[PLACE + NAME] = PdbBuilder(age=2).build()
    refused(served, tmp_path, f"sent the PDB of {GUID_TEXT}-2")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>no</html>", "is no PDB"),
        (PdbBuilder().build()[:900], "is no PDB: PDB is malformed or cut short"),
        (cab.mszip(PdbBuilder().build())[:200], "damaged cabinet"),
        (cab.mszip(b"no"), "is no PDB"),
    ],
)
def test_what_is_no_pdb_is_not_kept(
    served: Server, tmp_path: Path, content: bytes, says: str
) -> None:
    served.files[PLACE + NAME] = content
    refused(served, tmp_path, says)


def test_a_server_that_has_none(served: Server, tmp_path: Path) -> None:
    refused(served, tmp_path, f"has no {NAME} of {IDENTITY}")
    assert len(served.asked) == 2


def test_a_connection_that_breaks_off(served: Server, tmp_path: Path) -> None:
    served.files[PLACE + NAME] = PdbBuilder().build()
    served.told_length = 1 << 20
    refused(served, tmp_path, "broke off; try again")


@pytest.mark.parametrize("told", [1 << 40, 0])
def test_a_file_that_is_too_large(
    served: Server, tmp_path: Path, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_FILE", 1000)
    served.files[PLACE + NAME] = PdbBuilder().build()
    served.told_length = told or None
    refused(served, tmp_path, "is not kept")


def test_redirects_are_followed_in_bounds(served: Server, tmp_path: Path) -> None:
    served.files["/elsewhere"] = PdbBuilder().build()
    served.redirects[PLACE + NAME] = "/one"
    served.redirects["/one"] = f"{served.url}/elsewhere"
    assert fetched(served, tmp_path).exists()


def test_redirects_without_an_end(served: Server, tmp_path: Path) -> None:
    served.redirects |= {PLACE + NAME: "/0", **{f"/{n}": f"/{n + 1}" for n in range(50)}}
    refused(served, tmp_path, "redirects too often")
    served.redirects = {PLACE + NAME: PLACE + NAME}
    refused(served, tmp_path, "redirects too often")
    assert len(served.asked) < 20


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,a"])
def test_redirects_to_something_else(served: Server, tmp_path: Path, target: str) -> None:
    served.redirects[PLACE + NAME] = target
    refused(served, tmp_path, "address that is not followed; check")


def test_a_server_that_answers_nonsense(served: Server, tmp_path: Path) -> None:
    served.status = b"HTTP/9 \x1b[2Jno\r\n\r\n"
    refused(served, tmp_path, "cannot be fetched")
    served.status = b"HTTP/1.0 500 \x1b[2J\r\n\r\n"
    refused(served, tmp_path, "the server answers 500; check")


def test_a_server_that_is_not_there(served: Server, tmp_path: Path) -> None:
    served.shutdown()
    served.server_close()
    refused(served, tmp_path, "cannot be fetched: .*check the address")


def test_the_proxy_of_the_environment_is_asked(
    served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", served.url)
    address = "http://symbols.invalid/store"
    served.files[f"{address}{PLACE}{NAME}"] = PdbBuilder().build()
    assert fetched(served, tmp_path, address).exists()
    assert served.asked == [(f"{address}{PLACE}{NAME}", "memq")]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    refused(served, tmp_path / "other", "has no")
    assert served.asked[1][0] == PLACE + NAME


@pytest.mark.parametrize(
    "url", ["ftp://host", "file:///tmp", "host/path", "", "http://", "http://["]
)
def test_addresses_that_are_none(served: Server, tmp_path: Path, url: str) -> None:
    with pytest.raises(SymbolError, match="not the address of a symbol server"):
        fetch_pdb(url, NAME, IDENTITY, tmp_path, Progress())
    assert served.asked == []


def test_names_that_are_none(served: Server, tmp_path: Path) -> None:
    with pytest.raises(SymbolError, match="names no PDB"):
        fetch_pdb(served.url, "../../etc", IDENTITY, tmp_path, Progress())
    with pytest.raises(SymbolError, match="names no PDB"):
        fetch_pdb(served.url, NAME, Identity("../x", 1), tmp_path, Progress())
    assert served.asked == []
