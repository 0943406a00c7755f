"""The rules for Linux on a running system: what was planted in the guest is found, and only that.

Needs the guest that guest_image.py makes; what of its making needs no QEMU is tested always.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.linux_initramfs import PYTHON as FULL_PYTHON
from benchmarks.linux_initramfs import python_entries
from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.running import run_playbook
from memq.image import Image
from memq.run import Run
from tests.lab import ROOT
from tests.playbooks import guest
from tests.playbooks.findings import hold_to, number_of, slug_of
from tests.playbooks.guest_acts import BASH, PYTHON, SH, SLEEPER
from tests.playbooks.guest_image import IMAGE, RECORD, programs, sleeper, without_signature
from tests.playbooks.guest_proofs import FOUND
from tests.playbooks.guest_things import FIRST, ORDINARY, PLANTED, UNFOUND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.hunt.running import Finding

RULES = ROOT / "memq" / "playbooks" / "linux"
NO_GUEST = (
    "the guest is not here: run python -m tests.playbooks.guest_image FOLDER, "
    "and set MEMQ_GUEST to the folder"
)
GROUPS = ("planted", "unfound", "ordinary")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the guest is made on Linux")

Record = dict[str, dict[str, int]]


def folder() -> Path:
    """Return where dump and record are; skips the test if they are nowhere."""
    place = os.environ.get("MEMQ_GUEST") or pytest.skip(NO_GUEST)
    return Path(place)


@pytest.fixture(scope="module")
def record() -> Record:
    read: Record = json.loads((folder() / RECORD).read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with Image(folder() / IMAGE) as opened:
        yield opened


@pytest.fixture(scope="module")
def findings(image: Image) -> Mapping[str, Finding]:
    rules = load_playbook([RULES], load_attack()).rules
    return {slug_of(one.rule): one for one in run_playbook(rules, image, Run())}


def named(row: Mapping[str, Any], names: Mapping[int | None, str]) -> dict[str, Any]:
    """Return a row with its process called by name; one of the kernel has none, and stays."""
    name = names.get(number_of(row), number_of(row))
    if "process" in row:
        return {**row, "process": {**row["process"], "pid": name}}
    return {**row, "pid": name} if "pid" in row else dict(row)


def roots(names: Mapping[str, Any]) -> set[str]:
    """Return the processes that the guest itself started."""
    return {name.partition("/")[0] for name in names}


# What is there


def test_each_process_is_found_by_a_rule_or_is_ordinary() -> None:
    found = {number_of(row) for _, rows in FOUND.values() for row in rows} - {None}
    assert roots({str(name): 1 for name in found}) == {*PLANTED, "program-of-kernel"}
    groups = (PLANTED, UNFOUND, ORDINARY, FIRST)
    assert len({name for group in groups for name in group}) == sum(map(len, groups))


def test_the_dump_is_of_this_guest(record: Record) -> None:
    assert roots(record["planted"]) == {*PLANTED, "program-of-kernel"}
    assert roots(record["unfound"]) == set(UNFOUND)
    assert roots(record["ordinary"]) == {*ORDINARY, *FIRST, "init"}


def test_the_dump_has_the_processes_that_its_guest_had(record: Record, image: Image) -> None:
    numbers = image.query("process.Where(!is_kernel_thread).Select(pid)").rows()
    told = (record[group].values() for group in GROUPS)
    assert sorted(numbers) == sorted(number for group in told for number in group)


@pytest.mark.parametrize("slug", sorted(path.stem for path in RULES.glob("*.yml")))
def test_a_rule_finds_what_was_planted_for_it_and_nothing_else(
    findings: Mapping[str, Finding], record: Record, slug: str
) -> None:
    names: dict[int | None, str] = {
        number: name for group in GROUPS for name, number in record[group].items()
    }
    _, rows = FOUND.get(slug, ("", ()))
    hold_to(rows, [named(row, names) for row in findings[slug].evidence])
    assert findings[slug].outcome == ("match" if rows else "clean")


# How it is made


@on_linux
def test_a_sleeper_waits_whatever_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sleeper"
    path.write_bytes(sleeper())
    path.chmod(0o755)
    with subprocess.Popen([path, "-x", "--help"]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.kill()
    assert process.returncode == -9


def test_a_signature_is_cut_off_and_nothing_else() -> None:
    signature = b"signed by somebody"
    sizes = bytes(8) + struct.pack(">I", len(signature))
    signed = b"module" + signature + sizes + b"~Module signature appended~\n"
    assert without_signature(signed) == b"module"
    assert without_signature(b"module") == b"module"


@on_linux
def test_the_guest_has_what_it_runs() -> None:
    found = {**programs(), **python_entries(guest.__name__)}
    for place in (SH, BASH, SLEEPER, FULL_PYTHON, "/usr/bin/base64"):
        assert found[place].data[:4] == b"\x7fELF", place
    assert found[PYTHON].data == Path(FULL_PYTHON).name.encode()
    ours = {name for name in found if name.startswith("/usr/lib/guest/")}
    assert "/usr/lib/guest/tests/playbooks/guest_things.py" in ours
    assert not any("memq" in name for name in ours)
