"""Types and memory that are not what they say: lines, or an error of memq, and always an end."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.column import Column
from memq.errors import MemqError, Reason
from memq.eval.raw import RawBatch
from memq.eval.raw_types import find_type
from memq.symbols.btf import Btf
from memq.ui.look.addresses import Places
from memq.ui.look.layouts import layout
from memq.ui.nodes import node_of, tree_lines
from memq.ui.outline import Outline
from tests.ui.small import EDGE, TASK, types

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.layers.space import AddressSpace
    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.decode import Bytes

TYPES = types()
COMMANDS = (
    "holder 12",
    "task init_task 12",
    "task.parent.self.comm edge_task",
    "*",
    "state",
    "taks",
)
POINTERS = np.array([TASK, EDGE, 0, 1, (1 << 64) - 1, (1 << 64) - 8, 1 << 63], np.uint64)
OPENED = 40
"""Lines that are opened in a viewer."""


def look(kernel: LinuxKernel) -> None:
    for text in COMMANDS:
        with contextlib.suppress(MemqError):
            check(list(layout(kernel, text)))
    with contextlib.suppress(MemqError):
        type_ = find_type(kernel.types, "task")
        if type_ is not None:
            addresses = Column(np.array([TASK, EDGE], np.uint64))
            browse(kernel, RawBatch.at(kernel, type_, addresses))


def browse(kernel: LinuxKernel, batch: RawBatch) -> None:
    places = Places(kernel)
    nodes = [node_of(places, batch.take(np.array([row]))) for row in range(len(batch))]
    check(list(tree_lines(nodes, 20)))
    outline = Outline(nodes)
    for step in itertools.islice(itertools.cycle((0, 1, 7)), OPENED):
        outline.expand()
        outline.move(step)
    check([line.text for line in outline.lines])


def check(lines: list[str]) -> None:
    assert len(lines) <= 10_002
    assert all(line.isprintable() for line in lines)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(24, len(TYPES) - 1), st.integers(0, 255)), max_size=6))
def test_types_that_are_wrong(small_kernel: LinuxKernel, changes: list[tuple[int, int]]) -> None:
    data = bytearray(TYPES)
    for place, byte in changes:
        data[place] = byte
    with contextlib.suppress(MemqError):
        look(replace(small_kernel, types=Btf(bytes(data))))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32))
def test_values_that_are_wrong(small_kernel: LinuxKernel, seed: int) -> None:
    wild = cast("AddressSpace", Wild(seed))
    look(replace(small_kernel, space=wild))


class Wild:
    """Memory in which pointers lead anywhere."""

    kernel_start = 1 << 63

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        words = self.random.choice(POINTERS, (len(vas), size // 8 + 1))
        status = self.random.choice([0, 0, 0, Reason.NOT_IN_DUMP], len(vas)).astype(np.uint8)
        return np.ascontiguousarray(words).view(np.uint8)[:, :size], status
