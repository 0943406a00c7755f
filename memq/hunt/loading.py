"""Files, folders and zip archives of rules -> a Playbook.

All of it may come from a stranger: sizes and numbers are bounded before anything is read, no link
leads out of a folder, and an archive is read in memory.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from memq.hunt.names import FOLDER
from memq.hunt.problems import Problems, Source
from memq.hunt.reading import A_PART, MOST_RULES, TOO_MANY, Reader
from memq.hunt.rule import Playbook
from memq.hunt.site_filters import SiteFilters
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from zipfile import ZipInfo

    from memq.hunt.attack import Attack
    from memq.hunt.problems import RuleError
    from memq.hunt.rule import Rule

SUFFIXES = (".yml", ".yaml")
MOST_BYTES = 256 << 10
"""Of one file of rules."""
_DEEPEST = 32
"""Folders within folders."""
_MOST_BYTES_OF_ZIP = 16 << 20
_MOST_BYTES_IN_ZIP = 64 << 20
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def load_playbook(
    paths: Sequence[Path],
    attack: Attack,
    *,
    proven: Path | None = None,
    progress: Progress | None = None,
) -> Playbook:
    """Load files, folders and zip archives; what is wrong with any is in the playbook's errors.

    Rules in the folder `proven` are known to be right, and only read: checking is most of the time.
    """
    shown = progress or Progress()
    loader = _Loader(attack, proven, shown)
    with shown.step("reading rules"):
        for path in paths:
            loader.load(path)
        loader.apply_filters()
    reader = loader.reader
    return Playbook(
        tuple(loader.rules),
        tuple(loader.errors),
        reader.asked,
        len(reader.site_filters),
        tuple(loader.warnings),
        tuple(loader.left),
    )


def _ids_of_the_set(attack: Attack) -> Callable[[str], bool]:
    """Return what says whether a rule of the set that comes with memq has an id."""
    ids: list[frozenset[str]] = []

    def is_known(id_: str) -> bool:
        if not ids:  # they are read once, if at all
            loader = _Loader(attack, FOLDER)
            loader.load(FOLDER)
            ids.append(frozenset(rule.id for rule in loader.rules))
        return id_ in ids[0]

    return is_known


class _Loader:
    """Collects rules and errors."""

    def __init__(
        self, attack: Attack, proven: Path | None, progress: Progress | None = None
    ) -> None:
        self.reader = Reader(attack, progress)
        self._proven = None if proven is None else Path(os.path.realpath(proven))
        self.rules: list[Rule] = []
        self.errors: list[RuleError] = []
        self.warnings: list[RuleError] = []
        self.left: list[RuleError] = []
        self._seen: set[str] = set()
        self._files = 0

    def load(self, path: Path) -> None:
        """Load what is at a path: a folder, an archive, or a file of rules by any name."""
        if path.is_dir():
            self._load_folder(path)
            return
        head = self._bytes(path, _ZIP_HEAD) if self._is_new(path) else None
        if head is None:
            return
        if head.startswith(_ZIP):
            self._load_zip(path)
        else:
            self._load_file(path)

    def _is_new(self, path: Path) -> bool:
        """Whether a file is named for the first time, on the command line or by a link."""
        real = os.path.realpath(path)
        is_new = real not in self._seen
        self._seen.add(real)
        return is_new

    def _refuse(self, name: Path | str, message: str, hint: str) -> None:
        problems = Problems(Source(_shown(name), ""))
        problems.add(message, None, hint)
        self.errors.extend(problems)

    def apply_filters(self) -> None:
        """Put filters in files of their own into the rules that they speak of."""
        filters = SiteFilters(self.reader.binder, _ids_of_the_set(self.reader.attack))
        self.rules, noted = filters.applied(self.rules, self.reader.site_filters)
        for problems in noted:
            self.errors.extend(problems)

    # Folders

    def _load_folder(self, folder: Path) -> None:
        found = False
        for path in self._files_in(folder):
            found = True
            if not self._has_room(folder):
                return
            if self._is_new(path):
                self._load_file(path)
        if not found:
            self._refuse(folder, "There is no file of rules here.", _NAMED)

    def _files_in(self, folder: Path) -> Iterator[Path]:
        """Yield the files of rules in a folder and those within it, in order of their names.

        Folders whose names begin with a dot belong to tools, such as .git and .github.
        """
        root = os.path.realpath(folder)
        for name, folders, files in os.walk(folder, onerror=self._note):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            if folders and len(Path(name).relative_to(folder).parts) == _DEEPEST:
                self._refuse(name, "There are too many folders within folders.", A_PART)
                folders.clear()
            for file in sorted(files):
                path = Path(name, file)
                if path.suffix.lower() not in SUFFIXES or file.startswith("."):
                    continue
                if Path(os.path.realpath(path)).is_relative_to(root):
                    yield path
                else:
                    message = "This is a link to a file that is not in the folder."
                    self._refuse(path, message, "Put a copy of the file here.")

    def _note(self, error: OSError) -> None:
        self._refuse(str(error.filename), f"{error.strerror or error}.", _READABLE)

    def _has_room(self, name: Path) -> bool:
        """Whether one more file may be read; note it if not."""
        self._files += 1
        if max(self._files, self.reader.asked + 1) <= MOST_RULES:
            return True
        self._refuse(name, TOO_MANY, A_PART)
        return False

    # Files

    def _load_file(self, path: Path) -> None:
        content = self._bytes(path, MOST_BYTES + 1)
        if content is not None:
            proven = self._proven
            is_proven = proven is not None and Path(os.path.realpath(path)).is_relative_to(proven)
            self._read(_shown(path), content, is_proven=is_proven)

    def _bytes(self, path: Path, most: int) -> bytes | None:
        try:
            # Looked at first: the opening of a pipe would wait for someone to write into it.
            if not stat.S_ISREG(path.stat().st_mode):
                self._refuse(path, "This is neither a file nor a folder.", _NAMED)
                return None
            with path.open("rb") as file:
                return file.read(most)
        except OSError as error:
            self._refuse(path, f"{error.strerror or error}.", _READABLE)
            return None

    def _read(self, name: str, content: bytes, *, is_proven: bool = False) -> None:
        if len(content) > MOST_BYTES:
            message = f"The file has more than {MOST_BYTES >> 10} KB."
            self._refuse(name, message, "Write its rules into several files.")
            return
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"This is no UTF-8 text: byte {error.start} is wrong."
            self._refuse(name, message, "Save it as UTF-8.")
            return
        source = Source(name, text.replace("\r\n", "\n").replace("\r", "\n"), is_proven)
        problems = Problems(source)
        self.rules += self.reader.rules(source, problems)
        self.errors.extend(problems)
        self.warnings += problems.warnings
        self.left += problems.left.values()

    # Archives

    def _load_zip(self, path: Path) -> None:
        try:
            if path.stat().st_size > _MOST_BYTES_OF_ZIP:  # or its list of files could fill memory
                message = f"The archive has more than {_MOST_BYTES_OF_ZIP >> 20} MB."
                self._refuse(path, message, "Give the rules as a folder.")
                return
            with ZipFile(path) as archive:
                self._load_members(path, archive)
        except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
            self._refuse(path, f"The archive is damaged: {error}.", "Make it anew.")

    def _load_members(self, path: Path, archive: ZipFile) -> None:
        infos = [info for info in archive.infolist() if _is_of_rules(info)]
        size = 0
        for info in sorted(infos, key=lambda info: info.filename):
            size += min(info.file_size, MOST_BYTES)
            if size > _MOST_BYTES_IN_ZIP:
                message = f"The archive holds more than {_MOST_BYTES_IN_ZIP >> 20} MB of rules."
                self._refuse(path, message, "Make several of it.")
                return
            if not self._has_room(path):
                return
            self._load_member(f"{_shown(path)}/{info.filename}", archive, info)
        if not infos:
            self._refuse(path, "There is no file of rules here.", _NAMED)

    def _load_member(self, name: str, archive: ZipFile, info: ZipInfo) -> None:
        parts = PurePosixPath(info.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            self._refuse(name, "This name leads out of the archive.", "Make the archive anew.")
        elif info.flag_bits & 1:
            self._refuse(name, "The file is encrypted.", "Make the archive without a password.")
        elif info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            # The others can ask for gigabytes before the first byte comes out.
            self._refuse(name, "The file is packed in a rare way.", "Pack it by deflate.")
        else:
            self._read_member(name, archive, info)

    def _read_member(self, name: str, archive: ZipFile, info: ZipInfo) -> None:
        try:
            with archive.open(info) as file:
                content = file.read(MOST_BYTES + 1)
        except (BadZipFile, OSError, EOFError, zlib.error, ValueError, NotImplementedError):
            self._refuse(name, "The file is damaged in the archive.", "Make the archive anew.")
        else:
            self._read(name, content)


_ZIP_HEAD = 4
_NAMED = f"Files of rules have names that end in {' or '.join(SUFFIXES)}."
_READABLE = "Give a file, a folder or a zip archive that can be read."


def _is_of_rules(info: ZipInfo) -> bool:
    parts = PurePosixPath(info.filename)
    hidden = any(part.startswith(".") and part != ".." for part in parts.parts)
    return parts.suffix.lower() in SUFFIXES and not info.is_dir() and not hidden


def _shown(name: Path | str) -> str:
    """Return a path as text that can be written: names need not be UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
