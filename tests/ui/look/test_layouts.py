"""Layouts of types: every line in layouts.txt, and offsets held to the kernels' own types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memq.errors import MemqError, QueryError
from memq.eval.raw_types import type_names
from memq.ui.look import layouts, members
from memq.ui.look.layouts import layout
from tests.ui.golden import hold
from tests.ui.small import BELL, TASK

if TYPE_CHECKING:
    from memq.image import Image
    from memq.os.linux.kernel import LinuxKernel

LINE = re.compile(r"( *)\+0x([0-9a-f]+) (?:[┌│└ ] )?(?:\(bit (\d), (\d+) bits?\) )?(\S+) : (.*)")
PADDING = re.compile(r" *\+0x[0-9a-f]+ +([\d,]+) bytes? of padding")


def test_lines_and_messages(small_kernel: LinuxKernel) -> None:
    hold("look/layouts.txt", lambda text: layout(small_kernel, text))


def test_offsets_are_those_of_the_types(any_image: Image) -> None:
    for name in ("task_struct", "mm_struct", "page", "sk_buff", "tcp_sock"):
        check_offsets(any_image, name)


def check_offsets(any_image: Image, name: str) -> None:
    struct = any_image.kernel.types.required(name)
    header, *lines = layout(any_image.kernel, name)
    assert header.startswith(f"struct {name}, {struct.size:,} bytes, {len(struct.members)} member")
    found = {match[5]: match for line in lines if (match := LINE.fullmatch(line))}
    assert found.keys() == struct.members.keys()
    assert all(int(found[n][2], 16) == struct.offset(n) for n in found)
    widths = {n: found[n][4] and int(found[n][4]) for n in found}
    assert widths == {n: member.bit_size for n, member in struct.members.items()}
    places = [int(line.strip().split()[0], 16) for line in lines]
    assert places == sorted(places)


def test_members_and_padding_fill_structures_without_unions(sample_image: Image) -> None:
    types, total = sample_image.kernel.types, 0
    for name in type_names(types)[::50]:
        struct = types.required(name)
        _, *lines = layout(sample_image.kernel, name)
        if struct.kind == "union" or any("(bit" in x or "┌" in x for x in lines):
            continue
        padding = sum(int(m[1].replace(",", "")) for x in lines if (m := PADDING.fullmatch(x)))
        assert padding + sum(member.size for member in struct.members.values()) == struct.size
        total += padding
    assert total


def test_nested_offsets_count_from_the_start(sample_image: Image) -> None:
    struct = sample_image.kernel.types.required("task_struct")
    lines = list(layout(sample_image.kernel, "task_struct.se 3"))
    found = {(len(m[1]) // 2, m[5]): int(m[2], 16) for x in lines if (m := LINE.fullmatch(x))}
    assert found[0, "run_node"] == struct.offset("se.run_node")
    assert found[1, "rb_left"] == struct.offset("se.run_node.rb_left")
    assert found[1, "inv_weight"] == struct.offset("se.load.inv_weight")


def test_values_are_what_queries_say(sample_image: Image) -> None:
    address, pid, name = next(
        tuple(row.values())
        for row in sample_image.query(
            'process.Where(name == "systemd").Select([address, pid, name])'
        ).rows()
    )
    lines = [m.groups() for x in layout(sample_image.kernel, f"task_struct {address}")
             if (m := LINE.fullmatch(x))]  # fmt: skip
    values = {line[4]: line[5].partition(" = ")[2] for line in lines}
    assert values["tgid"] == values["pid"] == str(pid)
    assert values["comm"] == f'"{name}"'
    init = sample_image.kernel.symbol("init_task")
    assert values["real_parent"] == f"{init:#x} <init_task>"
    (parent,) = layout(sample_image.kernel, f"task_struct.real_parent.comm {address}")
    assert parent.endswith('= "swapper/0"')


def test_nothing_of_a_dump_reaches_the_terminal(small_kernel: LinuxKernel) -> None:
    asked = ("bad*", f"task {TASK:#x} 3", f"bad{BELL}name", f"bad{BELL}nam")
    for text in asked:
        try:
            shown = "\n".join(layout(small_kernel, text))
        except QueryError as error:
            shown = str(error)
        assert "\x1b" not in shown
        assert "\a" not in shown


def test_every_structure_has_a_layout(sample_image: Image) -> None:
    for name in type_names(sample_image.kernel.types)[::40]:
        header, *_ = layout(sample_image.kernel, f"{name} 0xffff888000000000 2")
        assert f"{sample_image.kernel.types.required(name).size:,} byte" in header


def test_bounds(sample_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = sample_image.kernel
    assert len(list(layout(kernel, "*"))) == layouts.MAX_NAMES + 1
    monkeypatch.setattr(layouts, "MAX_LINES", 5)
    assert len(list(layout(kernel, "task_struct"))) == 7
    assert list(layout(kernel, "task_struct"))[-1].startswith("... and more: 5 lines")
    assert len(list(layout(kernel, f"task_struct.signal {members.MAX_DEPTH}"))) == 8


@pytest.mark.parametrize("text", ["", "task_struct." * 40, "[" * 50, "*" * 3000, "a" * 5000, "\0"])
def test_odd_texts_are_refused(sample_image: Image, text: str) -> None:
    with pytest.raises(MemqError):
        list(layout(sample_image.kernel, text))
