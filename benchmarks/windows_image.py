"""A synthetic Windows image with much in it: thousands of processes, each with ranges and handles.

Built by the tests' own builder, once: it takes some minutes.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from memq.symbols.store import ProfileStore
from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.synthetic.windows.objects import Thing
    from tests.synthetic.windows.process import Process

BUILD = 19041
_LIBRARIES, _DATA_FILES, _KEYS, _EVENTS = 400, 6000, 4000, 8000
_FOLDER = "\\Windows\\System32"
_IMAGE_SHARE, _MAPPED_SHARE = 3, 10
"""Of so many ranges, one is an image; of the others one of so many is a mapped file."""
_HEAP, _LIBRARY = 0x1000_0000, 0x7FFC_0000_0000


class Size(NamedTuple):
    """How much there is, of the ranges and handles for each process."""

    processes: int = 2000
    ranges: int = 150
    handles: int = 200


def build(path: Path, size: Size) -> None:
    """Write an image of Windows 10 as raw memory."""
    store = ProfileStore()
    table = store.table(store.of_build(BUILD)[0])
    if table is None:
        raise LookupError("the profiles have no table of that build")
    machine = Machine(table, Options(build=BUILD))
    machine.system.thread(12)
    libraries = [machine.file(f"{_FOLDER}\\library{n:04}.dll") for n in range(_LIBRARIES)]
    objects = _objects(machine)
    for number in range(size.processes):
        process = _process(machine, number)
        _add_ranges(process, libraries, size.ranges)
        for _ in range(size.handles):
            process.handle(next(objects), 0x12_0089)
    machine.finish().save_raw(path)


def _objects(machine: Machine) -> Iterator[Thing]:
    """Give what handles lead to, again and again."""
    files = (machine.file(f"\\Users\\user\\Documents\\file{n:05}.txt") for n in range(_DATA_FILES))
    keys = (machine.registry.key(f"MACHINE\\SOFTWARE\\Vendor\\Key{n}") for n in range(_KEYS))
    events = (machine.event() for _ in range(_EVENTS))
    mixed = itertools.chain.from_iterable(itertools.zip_longest(files, keys, events))
    return itertools.cycle([one for one in mixed if one is not None])


def _process(machine: Machine, number: int) -> Process:
    pid, name = 8 + 16 * number, f"program{number:04}.exe"
    process = machine.process(pid, name)
    process.thread(pid + 4)
    process.thread(pid + 8)
    path = f"C:{_FOLDER}\\{name}"
    machine.peb(process, 0x40_0000, path, f'"{path}" --number {number}')
    return process


def _add_ranges(process: Process, libraries: Sequence[Thing], count: int) -> None:
    images = count // _IMAGE_SHARE
    for number in range(images):
        library = libraries[(number * 7 + process.truth.pid) % len(libraries)]
        start, rights = _LIBRARY + number * 0x10_0000, "PAGE_EXECUTE_WRITECOPY"
        process.vad(start, 16, kind="image", protection=rights, file=library)
    for number in range(count - images):
        start = _HEAP + number * 0x2_0000
        if number % _MAPPED_SHARE:
            process.vad(start, 16)
        else:
            process.vad(start, 16, kind="mapped", file=libraries[number % len(libraries)])
