"""How the rows of memq and of other programs are read, and made to say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.agreement import agreement
from benchmarks.linux_peers import Drgn, Volatility3, linux_peers
from benchmarks.peers import Memq, NoAnswerError
from benchmarks.questions import LINUX, WINDOWS, Question
from benchmarks.windows_peers import MemProcFS, windows_peers
from benchmarks.windows_peers import Volatility3 as WindowsVolatility3

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.peers import Peer

PROCESS, VAD, HANDLE = LINUX


def bare(kind: type[Peer]) -> Any:
    """Make a peer that is not there to be run."""
    return kind.__new__(kind)


def written(folder: Path, records: Iterable[object]) -> Path:
    path = folder / "rows"
    path.write_text("\n" + "".join(json.dumps(one) + "\n" for one in records))
    return path


def mapping(path: str | None) -> dict[str, Any]:
    return {"PID": 7, "Start": 0x1000, "End": 0x3000, "Flags": "r-x", "File Path": path}


def test_records_of_memq_are_rows(tmp_path: Path) -> None:
    record = {"pid": 7, "start": "0x1000", "end": None, "protection": "r-x", "file": "0x10"}
    rows = Memq(tmp_path).rows(VAD, written(tmp_path, [record | {"_unknown": {"end": "cut"}}]))
    assert list(rows) == [(7, 0x1000, None, "r-x", "0x10")]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("/usr/bin/sh", "/usr/bin/sh"),
        (" /tmp/evil (deleted)", "/tmp/evil"),
        ("/SYSV00000000 (deleted)", "/SYSV00000000"),
        ("Anonymous Mapping", None),
        ("[heap]", None),
        (None, None),
    ],
)
def test_names_of_mappings_of_volatility3(tmp_path: Path, theirs: str, ours: str) -> None:
    peer = bare(Volatility3)
    rows = peer.rows(VAD, written(tmp_path, [mapping(theirs)]))
    assert list(rows) == [peer.reduced(VAD, (7, 0x1000, 0x3000, "r-x", ours))]


def test_another_name_of_a_mapping_stays_another(tmp_path: Path) -> None:
    peer = bare(Volatility3)
    rows = peer.rows(VAD, written(tmp_path, [mapping("/usr/bin/dash")]))
    assert str(agreement(rows, [(7, 0x1000, 0x3000, "r-x", "/usr/bin/sh")])).startswith("WRONG")


def test_files_of_threads_are_those_of_their_process(tmp_path: Path) -> None:
    path = "anon_inode:[1057]"
    records = [{"PID": 7, "TID": tid, "FD": 3, "Path": path} for tid in (7, 8, 9)]
    peer = bare(Volatility3)
    rows = list(peer.rows(HANDLE, written(tmp_path, records)))
    assert rows == [peer.reduced(HANDLE, (7, 3, "anon_inode:[eventpoll]"))]
    assert rows != [peer.reduced(HANDLE, (7, 3, "socket:[1057]"))]


def test_a_process_may_be_called_anything(tmp_path: Path) -> None:
    peer, row = bare(Volatility3), (7, "x (deleted)")
    record = {"PID": 7, "TID": 7, "COMM": row[1]}
    assert list(peer.rows(PROCESS, written(tmp_path, [record]))) == [peer.reduced(PROCESS, row)]
    assert peer.reduced(PROCESS, row) == row


def test_rows_of_drgn_are_taken_as_they_are(tmp_path: Path) -> None:
    row = (7, 0x1000, 0x3000, "r-x", "/tmp/x (deleted)")
    assert list(bare(Drgn).rows(VAD, written(tmp_path, [row]))) == [row]
    assert bare(Drgn).reduced(VAD, row) == row


def test_ranges_of_volatility3_end_with_their_last_byte(tmp_path: Path) -> None:
    words = {"Protection": "PAGE_READONLY", "File": "\\a.dll"}
    answer = {"x": [{"PID": 4, "Start VPN": 0x1000, "End VPN": 0x1FFF} | words]}
    rows = bare(WindowsVolatility3).rows(WINDOWS[1], written(tmp_path, [answer]))
    assert list(rows) == [(4, 0x1000, 0x2000, "PAGE_READONLY", "\\a.dll")]


def test_an_error_of_a_plugin_is_no_row(tmp_path: Path) -> None:
    path = written(tmp_path, [{"windows.pslist": [{"error": "ValueError: no"}]}])
    with pytest.raises(NoAnswerError, match="ValueError: no"):
        list(bare(WindowsVolatility3).rows(WINDOWS[0], path))


@pytest.mark.parametrize(
    ("question", "theirs", "ours"),
    [
        (WINDOWS[0], [4, "a-long-name.ex"], (4, "a-long-name.exe")),
        (WINDOWS[1], [4, 0, 0xFFF, "p-rw--"], (4, 0, 0x1000, "PAGE_READWRITE", None)),
        (WINDOWS[1], [4, 0, 0xFFF, "---wxc"], (4, 0, 0x1000, "PAGE_EXECUTE_WRITECOPY", "\\a")),
        (WINDOWS[2], [4, 8, "Thread"], (4, 8, "Thread")),
    ],
)
def test_rows_of_memprocfs(
    tmp_path: Path, question: Question, theirs: list[object], ours: tuple[object, ...]
) -> None:
    peer = bare(MemProcFS)
    rows = list(peer.rows(question, written(tmp_path, [theirs])))
    assert rows == [peer.reduced(question, ours)]
    other = (5, *ours[1:])
    assert rows != [peer.reduced(question, other)]


def test_who_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("MEMQ_VOLATILITY3", "MEMQ_DRGN", "MEMQ_MEMPROCFS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    peers, absent = linux_peers(tmp_path, None, None, tmp_path, tmp_path)
    assert not peers
    assert [text.partition(":")[0] for text in absent] == ["volatility3", "drgn"]
    peers, absent = windows_peers(tmp_path, None)
    assert "volatility3" in [text.partition(":")[0] for text in absent]
