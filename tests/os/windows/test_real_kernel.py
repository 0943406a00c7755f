"""The kernel's own tables of a real dump (NT 5.2, x86), held to what other tools read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import open_image
from memq.os.windows.processors import processors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.image import Image
    from tests.lab import Lab


@pytest.fixture(scope="module")
def folder(lab: Lab) -> Path:
    return lab.folder / "windows" / "nt52"


@pytest.fixture(scope="module")
def image(lab: Lab, folder: Path) -> Iterator[Image]:
    path = lab.unpacked("windows/nt52/nt52-x86.raw.xz")
    with open_image(path, profile=folder / "nt52-x86.isf.json.xz") as opened:
        yield opened


def told(folder: Path, plugin: str) -> list[list[str]]:
    """Return the rows that volatility3 printed, without their heading."""
    lines = (folder / "volatility3" / f"windows.{plugin}.txt").read_text().splitlines()
    return [line.split("\t") for line in lines if line[:1].isdigit()]


def rows(image: Image, query: str) -> list[list[str | None]]:
    """Return the values of each row as text."""
    return [
        [None if value is None else str(value) for name, value in row.items() if name != "_unknown"]
        for row in image.query(query).rows()
    ]


def test_system_calls(image: Image, folder: Path) -> None:
    query = 'syscall.Where(table == "kernel").Select([index, address, symbol, name, is_hooked])'
    found = rows(image, query)
    assert [row[:3] for row in found] == [
        [row[0], row[1], row[3]] for row in told(folder, "ssdt.SSDT")
    ]
    assert [row[3:] for row in found] == [[row[2], "False"] for row in found]


def test_threads(image: Image, folder: Path) -> None:
    found = rows(image, "thread.Select([address, process_id, thread_id, start_address])")
    assert sorted(found, key=str) == sorted(
        (
            [*row[:3], row[3] if row[3] != "0x0" else None]
            for row in told(folder, "threads.Threads")
        ),
        key=str,
    )


def test_timers_that_call_functions(image: Image, folder: Path) -> None:
    query = "timer.Where(routine != null).Select([address, routine, symbol])"
    recorded = [[row[0], row[4], row[6]] for row in told(folder, "timers.Timers")]
    found = [[row[0], row[1], row[2] or "-"] for row in rows(image, query)]
    assert found == recorded


def test_interrupts(image: Image, folder: Path) -> None:
    (line,) = (
        line for line in (folder / "registers.txt").read_text().splitlines() if "IDT=" in line
    )

    assert f"{processors(image.kernel).interrupt_tables.values[0]:08x}" in line
    query = "interrupt.Where(service_module != null).Select([vector, service_module])"
    assert rows(image, query) == [
        ["49", "i8042prt.sys"], ["54", "floppy.sys"], ["60", "i8042prt.sys"],
        ["62", "scsiport.sys"], ["63", "scsiport.sys"],
    ]  # fmt: skip
