"""Real dumps for tests: the sample of this repository, and the lab's, where the lab is there.

The lab is a folder of compressed dumps of Linux guests, each with a record that the guest wrote
about itself before it was paused. It is looked for in $MEMQ_LAB, then in ../shared/lab beside the
repository. Its dumps are unpacked once, into $MEMQ_LAB_CACHE or the user's cache folder.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
SAMPLE_GUEST = "deb12-6.1-small"

GUESTS = (SAMPLE_GUEST, "deb12-6.1-rootkit", "deb11-5.10", "deb13-6.12-la57")
DUMPS = tuple(f"{guest}.lime" for guest in GUESTS)
"""One dump of each guest; these are held to the guest's record in all things."""
OTHER_FORMS = (f"{SAMPLE_GUEST}.elf", f"{SAMPLE_GUEST}.module.lime")


class Record:
    """What a guest wrote about itself: the files of its record, by their names in it.

    `truth` is its main file; `sys/modules` is the guest's /proc/modules, and so on.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    @classmethod
    def read(cls, archive: Path) -> Record:
        """Read a `.truth.tar.xz`; its files lie in one folder, whose name is dropped."""
        files = {}
        with tarfile.open(archive, "r:xz") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is not None:
                    files[member.name.partition("/")[2]] = content.read()
        return cls(files)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """The parsed truth.json: each process with its mappings, descriptors and threads."""
        parsed: dict[str, Any] = json.loads(self.files["truth.json"])
        return parsed

    def text(self, name: str) -> str:
        """Return a file of the record as text."""
        return self.files[name].decode("utf-8", "surrogateescape")

    @cached_property
    def symbols(self) -> dict[int, list[str]]:
        """The guest's /proc/kallsyms: every name at an address, modules' symbols included."""
        names: dict[int, list[str]] = {}
        for line in gzip.decompress(self.files["sys/kallsyms.gz"]).decode().splitlines():
            address, _, name = line.split()[:3]
            names.setdefault(int(address, 16), []).append(name)
        return names


@dataclass(frozen=True)
class Dump:
    """One file with a guest's memory, and what the guest wrote about itself."""

    name: str
    """Of the file: guest and form, "deb12-6.1-small.module.lime"."""
    guest: str
    path: Path
    record: Record


class Lab:
    """The folder with the dumps, and the one that they are unpacked into."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache
        self._records: dict[str, Record] = {}

    @classmethod
    def find(cls) -> Lab | None:
        """Return the lab, or None where there is none."""
        places = [Path(os.environ["MEMQ_LAB"])] if "MEMQ_LAB" in os.environ else []
        places.append(ROOT.parent / "shared" / "lab")
        cache = os.environ.get("MEMQ_LAB_CACHE")
        for place in places:
            if (place / "linux").is_dir():
                return cls(place, Path(cache) if cache else user_cache_path("memq-lab"))
        return None

    def dump(self, name: str) -> Dump:
        """Return a dump, unpacked, with its guest's record."""
        guest = next(guest for guest in GUESTS if name.startswith(f"{guest}."))
        return Dump(name, guest, self.unpacked(f"linux/{name}.xz"), self.record(guest))

    def record(self, guest: str) -> Record:
        """Return a guest's record, read once."""
        if guest not in self._records:
            self._records[guest] = Record.read(self.folder / "linux" / f"{guest}.truth.tar.xz")
        return self._records[guest]

    def unpacked(self, name: str) -> Path:
        """Unpack one `.xz` of the lab, where that has not been done, and return its path.

        A note beside it, written last, says how large both files are; where it does not hold, the
        file is unpacked anew. Written aside and renamed: two runs do not disturb each other.
        """
        archive = self.folder / name
        target = self.cache / archive.name.removesuffix(".xz")
        note = target.with_name(f"{target.name}.unpacked")
        if target.exists() and note.exists() and note.read_text() == _sizes(archive, target):
            return target
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            aside = Path(folder) / target.name
            with lzma.open(archive) as source, aside.open("wb") as unpacked:
                shutil.copyfileobj(source, unpacked, 1 << 20)
            aside.replace(target)
        note.write_text(_sizes(archive, target))
        return target


def _sizes(archive: Path, target: Path) -> str:
    return f"{archive.stat().st_size} {target.stat().st_size}\n"


def sample() -> Dump:
    """Return the sample of this repository: compressed, as those who clone it have it."""
    path = SAMPLES / f"{SAMPLE_GUEST}.lime.xz"
    record = Record.read(SAMPLES / f"{SAMPLE_GUEST}.truth.tar.xz")
    return Dump(f"{SAMPLE_GUEST}.lime", SAMPLE_GUEST, path, record)


def windows_sample() -> Path:
    """Return the Windows sample of this repository: a synthetic image, compressed."""
    return SAMPLES / "win10-19041.raw.xz"
