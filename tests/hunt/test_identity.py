"""What tells one dump from another."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from memq.hunt.identity import Identity, identity_of
from memq.image import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab


def identity(path: Path) -> Identity:
    with Image(path) as image:
        return identity_of(image)


def test_it_says_what_was_opened(sample: Path) -> None:
    found = identity(sample)
    assert found.system == "linux"
    assert found.release == "6.1.0-56-cloud-amd64"
    assert found.host
    assert found.taken.startswith("20")
    assert len(found.fingerprint) == 64


def test_the_name_of_the_file_is_none_of_the_fingerprint(sample: Path, tmp_path: Path) -> None:
    copy = tmp_path / "evidence-7.bin"
    shutil.copy(sample, copy)
    assert identity(copy).fingerprint == identity(sample).fingerprint


def test_it_is_the_same_dump_however_it_is_compressed(lab: Lab) -> None:
    name = "deb12-6.1-small.lime"
    packed = identity(lab.folder / "linux" / f"{name}.xz")
    assert packed.fingerprint == identity(lab.dump(name).path).fingerprint


def test_another_format_has_other_ranges_and_is_another_dump(lab: Lab) -> None:
    names = ("deb12-6.1-small.lime", "deb12-6.1-small.elf")
    lime, core = (identity(lab.dump(name).path) for name in names)
    assert lime.size < core.size
    assert lime.fingerprint != core.fingerprint


def test_other_memory_is_another_dump(lab: Lab) -> None:
    names = ("deb12-6.1-small.lime", "deb12-6.1-small.module.lime", "deb12-6.1-rootkit.lime")
    found = [identity(lab.dump(name).path) for name in names]
    assert len({one.fingerprint for one in found}) == len(found)


def test_a_changed_page_is_seen(tmp_path: Path, lab: Lab) -> None:
    with Image(lab.dump("deb12-6.1-small.lime").path) as image:
        path, first = image.physical.path, int(image.physical.offsets[0])
        before = identity_of(image).fingerprint
    content = bytearray(path.read_bytes())
    content[first] ^= 1
    changed = tmp_path / "changed.lime"
    changed.write_bytes(content)
    assert identity(changed).fingerprint != before
