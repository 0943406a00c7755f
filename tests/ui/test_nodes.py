"""Trees of raw structures and of records, and what a viewer does with them; no terminal here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason, SymbolError
from memq.eval.raw import RawBatch
from memq.eval.raw_types import find_type
from memq.ui import nodes, outline
from memq.ui.look.addresses import Places
from memq.ui.nodes import MAX_LEVELS, Node, node_of, record_nodes, tree_lines
from memq.ui.outline import Outline
from tests.reads import Reads
from tests.ui.golden import hold
from tests.ui.small import EDGE, LOST, TASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from memq.image import Image
    from memq.os.linux.kernel import LinuxKernel

PLACES = {"init_task": TASK, "lost_task": LOST, "edge_task": EDGE, "null": 0}


def batch(kernel: LinuxKernel, name: str, *addresses: int) -> RawBatch:
    type_ = find_type(kernel.types, name)
    assert type_ is not None
    return RawBatch.at(kernel, type_, Column(np.array(addresses, np.uint64)))


def child(node: Node, *path: str) -> Node:
    for label in path:
        node = next(one for one in node.children() if one.label == label)
    return node


def test_trees_as_they_are_printed(small_kernel: LinuxKernel) -> None:
    def show(text: str) -> Iterable[str]:
        name, place, depth = text.rsplit(" ", 2)
        return tree_lines(
            [node_of(Places(small_kernel), batch(small_kernel, name, PLACES[place]))], int(depth)
        )

    hold("nodes.txt", show)


def test_pointers_lead_on(small_kernel: LinuxKernel) -> None:
    task = node_of(Places(small_kernel), batch(small_kernel, "task", TASK))
    again = child(task, "self", "self", "self", "tasks", "next")
    assert again.leads_out
    assert again.detail.startswith("struct list_head * at ")
    assert child(again, "prev").value.endswith("<lost_task+0x20>")
    assert child(task, "parent", "pid").value == "? memory not in the dump"
    assert child(task, "parent", "parent").is_leaf  # unknown
    assert child(task, "call").is_leaf
    assert child(task, "opaque").is_leaf
    assert child(task, "own", "bytes", "[7]").value == "1"
    node = task
    for _ in range(MAX_LEVELS):
        node = child(node, "self")
    assert node.is_leaf


def test_each_part_is_read_when_it_is_opened(
    sample_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = sample_image.kernel
    task = node_of(Places(kernel), batch(kernel, "task_struct", kernel.symbol("init_task")))
    group = child(task, "signal")
    assert group.leads_out
    reads = Reads(monkeypatch)
    assert child(task, "signal") is group
    assert reads.count == 0
    place = kernel.space.translate(kernel.symbol("init_signals"))
    where = np.array([place], np.uint64), np.array([8], np.uint64)
    assert not reads.touched(*where)
    assert child(group, "sigcnt").summary == "{refs.counter 0}"
    assert reads.touched(*where)


def test_values_are_those_of_the_kernel(any_image: Image) -> None:
    kernel = any_image.kernel
    task = node_of(Places(kernel), batch(kernel, "task_struct", kernel.symbol("init_task")))
    assert task.value.endswith("<init_task>")
    assert child(task, "comm").value == '"swapper/0"'
    assert child(task, "real_parent", "real_parent", "tasks", "prev", "next").value.endswith(
        f"<init_task+{kernel.types.required('task_struct').offset('tasks'):#x}>"
    )
    table = child(task, "thread", "tls_array")
    assert [node.label for node in table.children()] == ["[0]", "[1]", "[2]"]


def test_long_arrays_are_opened_in_pieces(
    small_kernel: LinuxKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "MAX_ITEMS", 3)
    array = node_of(Places(small_kernel), batch(small_kernel, "u8 [8]", TASK + 0x10))
    labels = []
    node: Node | None = array
    while node is not None:
        *some, last = node.children()
        labels += [one.label for one in some]
        node = last if last.label == "..." else None
        labels += [] if node else [last.label]
    assert labels == [f"[{n}]" for n in range(8)]


def test_unknown_addresses(small_kernel: LinuxKernel) -> None:
    type_ = find_type(small_kernel.types, "task")
    assert type_ is not None
    lost = Column(np.array([TASK], np.uint64), np.array([Reason.PAGED_OUT], np.uint8))
    node = node_of(Places(small_kernel), RawBatch.at(small_kernel, type_, lost))
    assert node.line(is_open=False) == "? paged out"
    assert node.is_leaf


def test_records() -> None:
    record = {
        "pid": 7, "name": "a\x1bb", "no": None, "yes": True, "list": [1, "x"], "empty": [],
        "bare": {}, "lost": None, "some": [1],
        "_unknown": {"lost": "paged out\a"}, "_cut_short": {"some": "the structure loops"},
    }  # fmt: skip
    assert list(tree_lines(record_nodes([record, 5]), 2)) == [
        "[0]",
        "├─ pid: 7",
        '├─ name: "a\\x1bb"',
        "├─ no: null",
        "├─ yes: true",
        "├─ list",
        "│  ├─ [0]: 1",
        '│  └─ [1]: "x"',
        "├─ empty: []",
        "├─ bare: {}",
        "├─ lost: ? paged out\\x07",
        "├─ some",
        "│  └─ [0]: 1",
        "└─ ...: the structure loops",
        "[1]: 5",
    ]
    assert list(tree_lines(record_nodes([record]), 0)) == ["[0]: {...} 9 members"]
    deep: object = 1
    for _ in range(3 * MAX_LEVELS):
        deep = [deep]
    assert len(list(tree_lines(record_nodes([deep]), 1000))) == MAX_LEVELS + 1


def test_trees_are_printed_no_further_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_LINES", 3)
    lines = list(tree_lines(record_nodes([{"a": [1, 2]}]), 5))
    assert lines[3:] == ["... and more: 3 lines are shown at most"]
    assert list(tree_lines(record_nodes([{"a": [1]}]), 5))[3:] == []


# What a viewer does


def test_an_outline_opens_and_closes() -> None:
    shown = Outline(list(record_nodes([{"a": {"b": [1, 2]}, "c": 3}])))
    assert [line.text for line in shown.lines] == ["▸ [0]: {...} 2 members"]
    shown.expand()
    shown.move(1)
    shown.expand()
    assert [line.text for line in shown.lines] == [
        "▾ [0]", "  ▾ a", "    ▸ b: [...] 2 elements", "    c: 3",
    ]  # fmt: skip
    shown.choose(0)
    shown.collapse()
    assert [line.text for line in shown.lines] == ["▸ [0]: {...} 2 members"]
    shown.collapse()
    assert shown.chosen == 0


def test_what_cannot_be_opened_is_said() -> None:
    def broken() -> list[Node]:
        raise SymbolError("BTF is malformed: \x1b")

    shown = Outline([Node("a", "", find_children=broken)])
    shown.expand()
    assert shown.message == "BTF is malformed: \\x1b"
    assert len(shown.lines) == 1
    shown.move(1)
    assert shown.message == ""


def test_an_outline_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MAX_LINES", 4)
    shown = Outline(list(record_nodes([[1, 2, 3, 4], 2])))
    shown.expand()
    assert len(shown.lines) == 2
    assert "at most" in shown.message


def test_names_are_searched_round_and_round() -> None:
    shown = Outline(list(record_nodes([{"Alpha": 1, "beta": 2, "alphabet": 3}])))
    shown.expand()
    found = []
    for step in (1, 1, 1, -1):
        shown.sought = "ALPHA"
        shown.find(step)
        found.append(shown.chosen)
    assert found == [1, 3, 1, 3]
    shown.search("nonesuch\a")
    assert shown.message == "no open line has `nonesuch\\x07` in its name"
    assert shown.chosen == 3
