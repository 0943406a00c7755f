"""Strings: each ends where its NUL is, and is not read twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import Reason
from memq.layers import strings
from tests.synthetic.memory import PAGE, VirtualMemory
from tests.synthetic.reading import array

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AREA = 0xFFFF_C900_0000_0000
MANY = 100


def test_strings(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    kernel.map(AREA, 3)
    texts = [b"", b"init", "gr\u00fcn \u2603".encode(), b"a\xffb", b"\xed\xa0\x80", b"a\x1b[1m\n"]
    vas = [kernel.string(text) for text in texts]
    vas += [0, AREA - 1, 1 << 47, vas[1]]
    kernel.write(AREA + PAGE - 3, b"crosses\0")
    kernel.write(AREA + 3 * PAGE - 3, b"end")
    kernel.write(AREA + 2 * PAGE - 4, b"tail\0")
    vas += [AREA + PAGE - 3, AREA + 3 * PAGE - 3, AREA + 2 * PAGE - 4]
    expected = ["", "init", "gr\u00fcn \u2603", "a\\xffb", "\\xed\\xa0\\x80", "a\x1b[1m\n"]
    expected_all = [*expected, None, None, None, "init", "crosses", None, "tail"]
    space = kernel.open(tmp_path)
    paged, malformed, null = Reason.PAGED_OUT, Reason.MALFORMED, Reason.NULL
    for times in (1, MANY):
        text = space.text(array(*vas * times), 100)
        assert text.to_list() == expected_all * times
        reasons = [0] * 6 + [null, paged, malformed, 0, 0, paged, 0]
        assert text.statuses.tolist() == reasons * times
        assert len(set(text.words)) == len(text.words)
        for word in text.words:
            word.encode("utf-8")  # a lone surrogate would raise
    assert space.text(array(), 10).to_list() == []


def test_strings_are_cut_at_the_limit(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    kernel.map(AREA, 3)
    kernel.write(AREA, b"y" * 3 * PAGE)
    space = kernel.open(tmp_path)
    assert space.text(array(AREA - 1), 0).to_list() == [""]  # nothing to read, nothing to miss
    for limit in (0, 1, 63, 64, 65, PAGE, 2 * PAGE + 17, 3 * PAGE):
        assert space.text(array(AREA), limit).to_list() == ["y" * limit]
    assert space.text(array(AREA + 9), 3 * PAGE).statuses.tolist() == [Reason.PAGED_OUT]
    assert space.text(array(AREA + 9), 3 * PAGE - 9).to_list() == ["y" * (3 * PAGE - 9)]


def test_long_strings_take_few_reads(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    va = kernel.allocate(16 * PAGE, PAGE)
    kernel.write(va, b"l" * (15 * PAGE))
    space = kernel.open(tmp_path)
    before = space.physical.reads
    assert space.text(array(va + 1), 1 << 20).to_list() == ["l" * (15 * PAGE - 1)]
    assert space.physical.reads - before <= 20


def test_equal_strings_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "MAX_TEXT", 2000)
    kernel = VirtualMemory()
    va = kernel.string("once" * 50)
    space = kernel.open(tmp_path)
    assert set(space.text(array(*[va] * 5000), 4000).to_list()) == {"once" * 50}
    roots = array(*[kernel.tables.root] * 5000)
    text = space.text(array(*[va] * 5000), 4000, roots)  # without the window it is not mapped
    assert set(text.statuses.tolist()) == {Reason.PAGED_OUT}


def test_strings_at_the_edges_of_memory(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    kernel.map(AREA, 2)
    kernel.write(AREA + 20, b"before\0")
    kernel.remove(AREA + 27, 1)
    kernel.write(AREA + 28, b"behind" * 20 + b"\0")
    kernel.write(AREA + PAGE, b"into" * 5)
    kernel.remove(AREA + PAGE + 20, 4)
    kernel.write(AREA + PAGE + 24, b"after\0")
    space = kernel.open(tmp_path)
    vas = [AREA + 20, AREA + 28, AREA + PAGE, AREA + PAGE + 23]
    for times in (1, MANY):
        text = space.text(array(*vas * times), 200)
        assert text.to_list() == ["before", "behind" * 20, None, None] * times
        assert text.statuses.tolist()[2:4] == [Reason.NOT_IN_DUMP] * 2
        assert space.text(array(*vas * times), 20).to_list()[2] == "into" * 5


def test_strings_without_end_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "MAX_TEXT", 2000)
    kernel = VirtualMemory()
    kernel.map(AREA, 4)
    kernel.write(AREA, b"z" * 4 * PAGE)
    text = kernel.open(tmp_path).text(array(*range(AREA, AREA + MANY)), PAGE)
    assert set(text.statuses.tolist()) == {Reason.LIMIT}
