"""The file of a case: SQLite with tables of our own, and what is said of a file that is none.

A case may come from a stranger. Before SQLite sees it, its head is read: no other program's file is
opened, so none is changed. The tables must be the very ones that are declared here, with no
triggers or views beside them, which would run as soon as something is written.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memq.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = int.from_bytes(b"memq", "big")
"""SQLite's application_id of a case."""
VERSION = 1
"""Of the tables, SQLite's user_version; goes up with each change of them."""
LONGEST = 1 << 20
"""Bytes of one value; what is longer is none of ours."""
PATIENCE = 5.0
"""Seconds that are waited for another process to finish what it writes."""
IN_MEMORY = ":memory:"
"""Stands for the file of a case that nobody keeps."""

STATUSES = ("new", "confirmed", "false-positive", "needs-review")
"""What people can think of a finding; the first is that of one nobody has looked at."""

TABLES = {
    "images": """CREATE TABLE images (
  number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, name TEXT, format TEXT,
  size INTEGER, system TEXT, release TEXT, host TEXT, taken TEXT)""",
    "runs": """CREATE TABLE runs (
  number INTEGER PRIMARY KEY, image INTEGER NOT NULL REFERENCES images, began INTEGER NOT NULL,
  ended INTEGER, state TEXT NOT NULL, memq TEXT, attack TEXT, parameters TEXT)""",
    "rules": """CREATE TABLE rules (
  number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, id TEXT NOT NULL, version INTEGER,
  title TEXT, level TEXT, tags TEXT, description TEXT, falsepositives TEXT, query TEXT)""",
    "outcomes": """CREATE TABLE outcomes (
  run INTEGER NOT NULL REFERENCES runs, rule INTEGER NOT NULL REFERENCES rules,
  outcome TEXT NOT NULL, rows INTEGER, undecided INTEGER, reason TEXT, PRIMARY KEY (run, rule))""",
    "findings": """CREATE TABLE findings (
  number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, image INTEGER NOT NULL REFERENCES images,
  rule INTEGER NOT NULL REFERENCES rules, evidence TEXT, first_run INTEGER NOT NULL,
  last_run INTEGER NOT NULL, gone_run INTEGER, status TEXT NOT NULL, note TEXT NOT NULL,
  marked INTEGER)""",
    "findings_of_image": "CREATE INDEX findings_of_image ON findings (image)",
}
"""What is in the file; times are seconds since 1970, lists and evidence JSON."""

_MAGIC = b"SQLite format 3\0"
_HEAD = 100
_VERSION_AT, _APPLICATION_AT = 60, 68
"""Where user_version and application_id stand in the head, four bytes each."""
_OTHER = "give another name, and what is there stays as it is"
_MADE = "`memq DUMP --playbook PATH --case FILE` makes one"
_DAMAGED = "is damaged: go on with a copy of it that is whole"
_SAID = {
    sqlite3.SQLITE_BUSY: "is in use by another process: wait for that one to end, and try again",
    sqlite3.SQLITE_LOCKED: "is in use by another process: wait for that one to end, and try again",
    sqlite3.SQLITE_READONLY: "cannot be written to: change its permissions, or go on with a copy",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: name a file in a folder that you may write to",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: make room, and run it again",
    sqlite3.SQLITE_IOERR: "could not be read or written: see whether its disk is well",
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_TOOBIG: _DAMAGED,
}
"""What is said of a failure, by SQLite's own number of it."""


class CaseFile:
    """The open file; every failure of SQLite is a CaseError of one sentence."""

    def __init__(self, path: Path | None, *, create: bool = False) -> None:
        """`create`: it is made if it is not there, and must be one that can be written to.

        Without a path, nothing is kept. CaseError for what is no case, or a newer one.
        """
        self.path = path
        self.name = IN_MEMORY if path is None else str(path)
        if path is not None:
            _check_head(path, create=create)
        with self._told():
            self._connection = _connect(path, create=create)
        try:
            if create or path is None:
                self._make()
            self._check()
            if create:
                with self.change():  # changes nothing, and fails all the same where it could not
                    self.write("DELETE FROM runs WHERE 0")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def read(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield rows; whatever they hold is to be taken for nothing else than that."""
        with self._told():
            found = self._connection.execute(sql, values)
        yield from self._pulled(found)

    def table(self, sql: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        """Return the names of the columns that a query gives, and its rows."""
        with self._told():
            found = self._connection.execute(sql)
        return tuple(name for name, *_ in found.description), self._pulled(found)

    def _pulled(self, found: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        with self._told():
            yield from found

    def one(self, sql: str, *values: object) -> Any:
        """Return the first value of the first row; None if there is no row."""
        return next((row[0] for row in self.read(sql, *values)), None)

    def write(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Change something, within `change`."""
        with self._told():
            return self._connection.execute(sql, values)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Write all that is written in the block, or nothing of it."""
        self.write("BEGIN IMMEDIATE")
        try:
            yield
            self.write("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.write("ROLLBACK")
            raise

    def _make(self) -> None:
        """Make the tables of a new file; another process may just do the same."""
        with self.change():
            if self.one("SELECT count(*) FROM sqlite_master"):
                return
            for sql in TABLES.values():
                self.write(sql)
            self.write(f"PRAGMA application_id = {APPLICATION}")
            self.write(f"PRAGMA user_version = {VERSION}")

    def _check(self) -> None:
        """Hold the file to what is declared."""
        found = {name: (kind, sql) for kind, name, sql in self.read(_SCHEMA)}
        if any(kind in ("trigger", "view") for kind, _ in found.values()) or any(
            found.get(name, ("", ""))[1] != sql for name, sql in TABLES.items()
        ):
            raise CaseError(f"{self.name} has other tables than a case has: {_OTHER}")
        if self.one("PRAGMA quick_check(1)") != "ok":
            raise CaseError(f"{self.name} {_DAMAGED}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            raise CaseError(f"{self.name} {_SAID.get(code, f'{_DAMAGED} ({error})')}") from error
        except UnicodeDecodeError as error:  # SQLite's own message may repeat what is damaged
            raise CaseError(f"{self.name} {_DAMAGED}") from error


_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"


def _connect(path: Path | None, *, create: bool) -> sqlite3.Connection:
    # Opened for writing also where it is only read: what a process that was killed left half
    # written is taken back then. A file that cannot be written to is opened all the same.
    mode = "rwc" if create else "rw"
    place = IN_MEMORY if path is None else f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(place, PATIENCE, isolation_level=None, uri=path is not None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def _check_head(path: Path, *, create: bool) -> None:
    """Refuse what is no case, from the first bytes of a file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CaseError(f"{path} is no file, so no case: {_OTHER}")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        if create:
            return
        raise CaseError(f"There is no case {path}: {_MADE}") from None
    except OSError as error:
        raise CaseError(f"{path} cannot be read: {error.strerror or error}") from error
    if not head and create:
        return  # another process is making it, or somebody asked for a name of a temporary file
    application, version = (_number(head, at) for at in (_APPLICATION_AT, _VERSION_AT))
    if not head.startswith(_MAGIC) or application != APPLICATION:
        raise CaseError(f"{path} is no case of memq: {_OTHER}")
    if version > VERSION:
        raise CaseError(f"{path} was made by a newer memq: open it with that one")


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")


# What is read back


def text_of(value: object) -> str:
    """Return a value of a file that ought to be text."""
    return value if isinstance(value, str) else ""


def number_of(value: object) -> int | None:
    """Return a value of a file that ought to be a whole number, or none."""
    return value if type(value) is int else None


def status_of(value: object) -> str:
    """Return a status of a file; what is none of ours counts as not looked at."""
    return value if isinstance(value, str) and value in STATUSES else STATUSES[0]


def parsed(text: object) -> Any:
    """Read JSON of a file; where it is none, what stands there."""
    try:
        return json.loads(text_of(text))
    except (ValueError, RecursionError):  # a stranger's may be nested deeply
        return text
