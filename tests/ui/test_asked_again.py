"""What a session shows is what the query gives by itself, whatever was asked before."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import MemqError
from memq.eval.callables import callables
from memq.image import Answer, Image
from memq.layers.physical import Extent, PhysicalMemory
from memq.layers.space import AddressSpace
from memq.os.systems import SYSTEMS
from memq.output.look import Look
from memq.printing import texts, told
from memq.run import Run
from tests import pages
from tests.lab import windows_sample
from tests.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel

PAGE = 4096
LOST = 0.01
WIDE = 1_000_000
"""Columns of a terminal on which no line is cut."""

AT_ONCE = 12
"""Queries of one session: what is kept of the first ones would hide what goes wrong later."""

MORE = (
    "process.Take(1).Select([pid, vad.Count()])",
    "process.Take(20).Let({ppid: vad.Count()}).Where(ppid > 3).Select([pid, ppid, vad.start])",
    "process.Where(parent.vad.is_executable).Select([pid, parent.vad.Count()])",
    "process.Where(children.vad.is_executable).Select([pid, children.vad.start])",
    "process.Where(handle.name == vad.file_name).Select([pid, handle.name, vad.file_name])",
    "process.Select([pid, in_task_list, in_pid_table, exe, command_line, state, parent])",
    "process.Where(p => process.Any(q => q.ppid == p.pid)).Select(pid)",
    "process.Select([pid, raw.comm, raw.mm.map_count, raw.real_parent.comm])",
    "process.Where(raw.mm.map_count != vad.Count()).Select([pid, raw.mm.map_count])",
    "process.Except(process.Take(16)).Count()",
    "process.Where(!(vad.file_name == '/usr/sbin/sshd')).Count()",
    "process.Where(vad.is_executable).Select([pid, vad.process.vad.Count()])",
    "process.TakeWhile(vad.Count() < 100).Select(pid)",
    "process.Any(vad.is_executable && vad.is_writable)",
    "process.First(vad.is_executable && vad.is_writable).vad.Count()",
    "process.OrderByDescending(vad.Count()).Select([pid, vad.Count()])",
    "process.Tree().Select([pid, name, depth])",
    "vad.Skip(1000).Take(40).Select([process.pid, start])",
    "process", "vad.Take(300)", "handle", "driver", "syscall", "kernel",
)  # fmt: skip


def examples() -> list[str]:
    """Every query of the pages, of the reference and of the help."""
    found = [one.query for page in pages.PAGES for one in pages.examples(page.read_text("utf-8"))]
    known = callables()
    for group in (known.series_methods, known.value_methods, known.functions, known.operators):
        found += [one.example for one in group]
    found += [type_.example for system in SYSTEMS for type_ in system.objects.values()]
    return list(dict.fromkeys((*found, *MORE)))


def damaged(kernel: LinuxKernel, physical: PhysicalMemory) -> LinuxKernel:
    """Return the kernel in a memory of which pages are missing here and there, but not its own."""
    size = kernel.image.stop - kernel.image.start
    first = kernel.space.translate(kernel.image.start)
    assert isinstance(first, int)
    chance, extents = np.random.default_rng(7), list[Extent]()
    for start, end, offset in zip(
        physical.starts.tolist(), physical.ends.tolist(), physical.offsets.tolist(), strict=True
    ):
        extents += (
            Extent(at, min(at + PAGE, end), offset + at - start)
            for at in range(start, end, PAGE)
            if first <= at < first + size or chance.random() > LOST
        )
    memory = PhysicalMemory(physical.file, physical.format, extents)
    old = kernel.space
    space = AddressSpace(memory, old.mode, old.root, old.windows, old.resolver)
    return replace(kernel, physical=memory, space=space, facts={})


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with Image(sample) as opened:
        opened.kernel = damaged(opened.kernel, opened.physical)
        yield opened


def forgetful(image: Image) -> None:
    """Let the dump be as it is when it is opened: nothing was found out about it."""
    image.kernel = replace(image.kernel, facts={})


def by_itself(image: Image, query: str) -> str:
    """Return what a query gives, and what is told of it."""
    forgetful(image)
    try:
        answer = image.query(query)
        warnings = [f"warning: {one}\n" for one in answer.result.plan.warnings]
        rows = "".join(texts(answer, "json", Look()))
        return "".join([*warnings, rows, *(f"{line}\n" for line in told(answer.run))])
    except MemqError as error:
        return f"error: {error}\n"


def in_session(session: Transcript, entry: str) -> str:
    """Return what a session shows, without the line that names the result."""
    shown = session.enter(entry)
    last = shown.rstrip("\n").rpartition("\n")[2]
    return shown.removesuffix(f"{last}\n") if last.startswith("_") else shown


def without_warnings(shown: str) -> str:
    """Leave out what is said of a query's text."""
    lines = shown.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("warning: "))


class Impatient(Run):
    """A run that the user stops when it was checked a number of times."""

    left = 0

    def check(self) -> None:
        self.left -= 1
        self.cancelled = self.left < 0
        super().check()


def disturb(session: Transcript, query: str, chance: random.Random) -> None:
    """Ask for a part of a query: stopped by a key, or left when some of it was seen."""
    run, most = Impatient(), chance.choice((0, 1, 3))
    run.left = chance.choice((0, 1, 2, 5, 20, 1000))
    conversation = session.session.conversation
    try:
        bound = conversation.bind(query)
        if bound.plan is not None:
            answer = Answer(conversation.run(bound.plan, run))
            for number, _ in enumerate(texts(answer, "json", Look())):
                if number >= most:
                    break
    except MemqError:
        return


def test_a_session_shows_what_each_query_gives_by_itself(image: Image) -> None:
    with Image(windows_sample()) as other:
        queries = [one for one in examples() if pages.image_for((image, other), one) is image]
    expected = {query: by_itself(image, query) for query in queries}
    chance = random.Random(11)
    chance.shuffle(queries)
    for start in range(0, len(queries), AT_ONCE):
        forgetful(image)
        session = Transcript(image, WIDE)
        session.enter(".format json")
        for query in queries[start : start + AT_ONCE]:
            if chance.random() < 0.3:
                disturb(session, chance.choice(queries), chance)
            assert in_session(session, query) == expected[query], query
            if chance.random() < 0.3 and not expected[query].startswith("error"):
                assert in_session(session, "_") == without_warnings(expected[query]), query
    told = "".join(expected.values())
    assert told.count("undecided: memory not in the dump") > 5
    assert told.count("cut short") > 50
