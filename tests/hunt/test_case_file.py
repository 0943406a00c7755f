"""Files that are no case, or none that can be used: one sentence, and they stay as they are."""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from memq.errors import CaseError
from memq.hunt import case_file
from memq.hunt.case import Case
from memq.hunt.case_file import LONGEST, TABLES, VERSION, CaseFile
from memq.hunt.case_query import ask_case
from tests.hunt.cases import heading, made, match, ran
from tests.program import POSIX

if TYPE_CHECKING:
    from pathlib import Path

STAYS = "give another name, and what is there stays as it is"


def changed(path: Path, *sql: str) -> Path:
    raw = sqlite3.connect(path, isolation_level=None)
    for one in sql:
        raw.execute(one)
    raw.close()
    return path


def refused(path: Path, *, create: bool = True) -> str:
    """Return what is said of a file, less its name; it does not change."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(CaseError) as raised:
        Case(path, create=create)
    assert (path.read_bytes() if path.is_file() else None) == before
    said = str(raised.value)
    assert said.startswith((str(path), f"There is no case {path}"))
    assert "\n" not in said
    return said.replace(f"{path} ", "")


def test_one_that_is_not_there_is_made_only_to_keep_something(tmp_path: Path) -> None:
    path = tmp_path / "a b?#%41é.case"
    assert "`memq DUMP --playbook PATH --case FILE` makes one" in refused(path, create=False)
    assert not path.exists()
    made(path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with Case(path) as case:
        assert case.count() == 1
    said = refused(tmp_path / "none" / "a.case")
    assert said == "cannot be opened: name a file in a folder that you may write to"


@pytest.mark.parametrize("content", [b"title: x\n", b"SQLite format 3\0", b"\0" * 4096, b"SQL"])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    assert refused(path) == f"is no case of memq: {STAYS}"
    assert refused(path, create=False) == f"is no case of memq: {STAYS}"


def test_an_empty_file_becomes_a_case_and_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.case"
    path.touch()
    assert refused(path, create=False).startswith("is no case of memq")
    made(path)


def test_folders_and_pipes(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"is no file, so no case: {STAYS}"


@POSIX
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == f"is no file, so no case: {STAYS}"


def test_databases_of_other_programs(tmp_path: Path) -> None:
    path = changed(tmp_path / "theirs.db", "CREATE TABLE x (y)")
    assert refused(path) == f"is no case of memq: {STAYS}"


def test_a_newer_version(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.case"), f"PRAGMA user_version = {VERSION + 1}")
    assert refused(path) == "was made by a newer memq: open it with that one"
    assert refused(path, create=False) == "was made by a newer memq: open it with that one"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM findings; END",
        "CREATE VIEW more AS SELECT * FROM runs",
        "ALTER TABLE runs ADD COLUMN more",
        "DROP TABLE outcomes",
        "DROP INDEX findings_of_image",
    ],
)
def test_tables_that_are_not_ours(tmp_path: Path, sql: str) -> None:
    path = changed(made(tmp_path / "a.case"), sql)
    assert refused(path) == f"has other tables than a case has: {STAYS}"


def test_what_tools_add_to_each_database_does_no_harm(tmp_path: Path) -> None:
    path = changed(made(tmp_path / "a.case"), "ANALYZE", "CREATE TABLE mine (x)", "VACUUM")
    with Case(path, create=True) as case:
        assert ran(case, match(1, {"pid": 1})).endswith("0 new, 1 seen before")


def test_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "a.case")
    whole = path.read_bytes()
    said = set()
    for at in range(100, len(whole), 1999):
        path.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64 :])
        try:
            with Case(path, create=True) as case:
                list(ask_case(case, "finding", {}).rows())
                ran(case, match(1, {"pid": 1}))
        except CaseError as error:
            said.add(str(error))
    assert f"{path} is damaged: go on with a copy of it that is whole" in said
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path).startswith("is damaged")


def test_damage_that_is_no_text(tmp_path: Path) -> None:
    """What SQLite says of a table repeats its name, which Python takes for text."""
    path = made(tmp_path / "a.case")
    whole = path.read_bytes()
    assert b"tableruns" in whole
    odd = whole.replace(b"tableruns", b"tabler\xa0ns").replace(b"TABLE runs (", b"TABLE runs %")
    path.write_bytes(odd)
    assert refused(path) == "is damaged: go on with a copy of it that is whole"


def test_values_that_are_too_long(tmp_path: Path) -> None:
    path = made(tmp_path / "a.case")
    changed(path, f"UPDATE findings SET evidence = zeroblob({LONGEST + 1})")
    with Case(path) as case, pytest.raises(CaseError, match="is damaged: go on with a copy"):
        list(ask_case(case, "finding.evidence", {}).rows())


def test_one_that_another_process_writes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_file, "PATIENCE", 0.05)
    path = made(tmp_path / "a.case")
    with Case(path, create=True) as case, Case(path, create=True) as other:
        with other.file.change(), pytest.raises(CaseError) as raised:
            case.mark([1], "confirmed")
        busy = "is in use by another process: wait for that one to end, and try again"
        assert str(raised.value) == f"{path} {busy}"
        case.mark([1], "confirmed")
        assert other.finding(1).status == "confirmed"


def test_one_that_cannot_be_written_to(tmp_path: Path) -> None:
    path = made(tmp_path / "a.case")
    with Case(path, create=True) as case:
        list(case.file.read("PRAGMA query_only = ON"))
        with pytest.raises(CaseError) as raised:
            case.begin(heading())
        told = "cannot be written to: change its permissions, or go on with a copy"
        assert str(raised.value) == f"{path} {told}"


@POSIX
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_one_without_the_permission_is_read_and_not_written(tmp_path: Path) -> None:
    path = made(tmp_path / "a.case")
    path.chmod(stat.S_IRUSR)
    with Case(path) as case:
        assert case.count() == 1
    assert refused(path).startswith("cannot be written to")


def test_nothing_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Case(None) as case:
        ran(case, match(1, {"pid": 1}))
        assert case.count() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_change_is_whole_or_nothing(tmp_path: Path) -> None:
    file = CaseFile(made(tmp_path / "a.case"), create=True)

    def stopped() -> None:
        with file.change():
            file.write("DELETE FROM findings")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert file.one("SELECT count(*) FROM findings") == 1
    names = {name for (name,) in file.read("SELECT name FROM sqlite_master")}
    assert {name for name in names if not name.startswith("sqlite_")} == set(TABLES)
    file.close()
