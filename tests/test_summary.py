"""What the program says of a dump that it has opened."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import memq
from memq.column import Text, constant, unknown
from memq.errors import ImageError, Reason
from memq.os.linux.kernel_object import KernelObject
from memq.os.linux.process import Task
from memq.schema.batch import Cut, Portion
from memq.summary import facts, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memq.column import Column
    from memq.image import Image
    from memq.schema.batch import Context
    from tests.lab import Dump

SAMPLE = (
    "deb12-6.1-small.lime.xz: LiME, Linux 6.1.0-56-cloud-amd64, host deb12lab, "
    "taken 2026-11-21 18:45:40Z, 112 processes, 99.9 % of 127.5MB"
)


@pytest.fixture
def image(sample: Path) -> Iterator[Image]:
    with memq.open(sample) as opened:
        yield opened


@pytest.fixture
def told(image: Image, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make fields of the kernel say something else."""

    def tell(**values: object) -> None:
        class Told(KernelObject):
            def column(self, name: str) -> Column:
                value = values.get(name)
                if isinstance(value, Exception):
                    raise value
                if isinstance(value, Reason):
                    missing = unknown(value, 1)
                    return Text(missing.values, missing.status, ("",))
                return super().column(name) if value is None else constant(value, 1)

        objects = {**image.system.objects, "kernel": Told}
        monkeypatch.setattr(image, "system", replace(image.system, objects=objects))

    return tell


def value(image: Image, label: str) -> str:
    (found,) = (text for name, text in facts(image) if name == label)
    return found


def test_the_sample(image: Image) -> None:
    assert summary(image) == SAMPLE


def test_every_guest(dump: Dump) -> None:
    with memq.open(dump.path) as image:
        line = summary(image)
        (count,) = image.query("process.Count()").rows()
    assert line.startswith(f"{dump.path.name}: LiME, Linux {dump.record.truth['uname'][2]}, ")
    assert f", host {dump.record.truth['uname'][1]}, " in line
    assert f", {count} processes, 99.9 % of " in line


def test_what_is_not_known_says_so_in_its_place(image: Image, told: Callable[..., None]) -> None:
    lost = Reason.NOT_IN_DUMP
    told(release=lost, host_name=lost, dump_time=lost, memory_size=lost)
    assert summary(image) == (
        "deb12-6.1-small.lime.xz: LiME, Linux release unknown, host unknown, time unknown, "
        "112 processes, memory of unknown size"
    )
    told(name=lost, host_name=Reason.NULL, memory_present=lost)
    line = summary(image)
    assert "Linux 6.1.0-56-cloud-amd64, host without a name, " in line
    assert line.endswith(", unknown part of 127.5MB")


def test_it_never_raises(image: Image, told: Callable[..., None]) -> None:
    told(release=ImageError("the file has become shorter\x1b"))
    assert "Linux release unknown, host deb12lab" in summary(image)
    assert value(image, "release") == r"? the file has become shorter\x1b"
    image.close()  # and then nothing that was not read before can be
    assert "processes unknown" in summary(image)
    assert value(image, "format") == "LiME"


def test_a_system_without_such_objects(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "system", replace(image.system, objects={}))
    assert summary(image) == (
        "deb12-6.1-small.lime.xz: LiME, Linux release unknown, host unknown, time unknown, "
        "processes unknown, memory of unknown size"
    )
    assert not {"release", "dump_time"} & dict(facts(image)).keys()


def test_names_of_a_dump_do_nothing_to_a_terminal(
    image: Image, told: Callable[..., None], tmp_path: Path
) -> None:
    told(host_name="web\x1b[2J", release="6\n1")
    assert r"Linux 6\x0a1, host web\x1b[2J, " in summary(image)
    assert value(image, "host_name") == r"web\x1b[2J"
    named = tmp_path / "a\x07b.lime.xz"
    shutil.copy(image.physical.path, named)
    with memq.open(named) as other:
        assert summary(other).startswith(r"a\x07b.lime.xz: LiME")
        assert value(other, "file").endswith(r"a\x07b.lime.xz")


def test_processes_that_are_not_all_found(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def some(cls: type[Task], context: Context) -> Iterator[Portion]:
        first = next(iter(whole(context)))
        yield Portion(first.batch, Cut(Reason.LOOP, "cut short"))

    whole: Any = Task.portions
    monkeypatch.setattr(Task, "portions", classmethod(some))
    assert ", at least 16 processes, " in summary(image)


def test_parts_of_memory(image: Image, told: Callable[..., None]) -> None:
    for size, present, text in (
        (4 << 30, 4 << 30, "100 % of 4GB"),
        (4 << 30, (4 << 30) - 1, "99.9 % of 4GB"),
        (3 << 29, 3 << 28, "50 % of 1.5GB"),
        (1000, 0, "0 % of 1000 bytes"),
        (1 << 40, 1 << 30, "0 % of 1TB"),
        (1 << 20, 1 << 12, "0.3 % of 1MB"),
    ):
        told(memory_size=size, memory_present=present)
        assert summary(image).endswith(f" processes, {text}")


def test_facts_of_the_sample(image: Image, sample: Path) -> None:
    found = dict(facts(image))
    assert found["file"] == str(sample)
    assert found["size of the dump"] == "133,644,352 bytes (127.5MB)"
    assert found["memory in it"] == "133,644,288 bytes (127.5MB), in 2 ranges"
    assert found["addresses"] == "0x1000 to 0x7fd6000"
    assert found["memory_size"] == "133,647,360 bytes (127.5MB)"
    assert found["uptime"] == "1m 10s (70.892354559 s)"
    assert found["taints"] == "none"
    assert found["banner"].startswith("Linux version 6.1.0-56-cloud-amd64 (")
    assert not any(text.startswith("?") for text in found.values())
    labels = [label for label, _ in facts(image)]
    assert labels[-len(KernelObject.fields) :] == list(KernelObject.fields)


def test_facts_that_are_odd(image: Image, told: Callable[..., None]) -> None:
    told(
        dump_time=Reason.MALFORMED, boot_id=Reason.NULL, memory_present=1,
        uptime=(3 * 86400 + 3723) * 10**9,
    )  # fmt: skip
    assert value(image, "dump_time") == f"? {Reason.MALFORMED.text}"
    assert value(image, "boot_id") == "none"
    assert value(image, "memory_present") == "1 byte"
    assert value(image, "uptime") == "3d 1h (262923 s)"
    told(uptime=1_500_000_000)
    assert value(image, "uptime") == "1.5 s"
    image.warnings.append("odd \x1b")
    image.physical.notes["NO\x07TE"] = b"1234"
    assert value(image, "warning") == r"odd \x1b"
    assert value(image, "note in the file") == r"NO\x07TE, 4 bytes"
