"""Tables: fitted to a terminal, whole elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Cancelled, Reason
from memq.output import table, widths
from memq.output.cells import clean
from memq.output.look import Look
from memq.schema.kinds import Kind
from tests.output import made
from tests.output.made import Field, Items, ListOf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.output.records import Records

DIM = "\x1b[2m?\x1b[0m"


def drawn(*batches: Records, width: int | None = None, dim: bool = False) -> str:
    return "".join(table.table(batches, batches[0].fields, Look(width, dim)))


FIELDS = (
    Field(("pid",), Kind.NUMBER),
    Field(("start",), Kind.ADDRESS),
    Field(("process_object", "name"), Kind.STRING),
    Field(("ok",), Kind.BOOLEAN),
)


def test_a_table() -> None:
    rows: list[tuple[made.Cell, ...]] = [
        (1, 0x1000, "systemd", True),
        (1234, Reason.NULL, Reason.PAGED_OUT, False),
    ]
    assert drawn(made.records(FIELDS, rows)) == (
        " pid   start  process_object.name  ok\n"
        "----  ------  -------------------  -----\n"
        "   1  0x1000  systemd              true\n"
        "1234          ?                    false\n"
    )


def test_unknown_is_dim_only_where_asked() -> None:
    batch = made.one(Kind.STRING, "ab?", Reason.PAGED_OUT, Reason.NULL)
    assert drawn(batch) == "x\n---\nab?\n?\n\n"
    assert drawn(batch, width=80, dim=True) == f"x\n---\nab?\n{DIM}\n\n"


def test_a_name_cannot_pass_for_unknown_or_bring_colours() -> None:
    text = drawn(made.one(Kind.STRING, "\x00", DIM), width=80, dim=True)
    assert text.splitlines()[2:] == [r"\x00", r"\x1b[2m?\x1b[0m"]


NAMES = ListOf((Field((), Kind.STRING),), bare=True)
RECORDS = ListOf((Field(("fd",), Kind.NUMBER), Field(("name",), Kind.STRING)))


def names(count: int, cut: int = 0) -> Items:
    return Items([(f"n{number}",) for number in range(count)], cut)


@pytest.mark.parametrize(
    ("items", "cell"),
    [
        (names(0), ""),
        (names(1), "n0"),
        (names(2), "n0, n1"),
        (names(3), "n0, n1, +1"),
        (names(14), "n0, n1, +12"),
        (names(14, Reason.LOOP), "n0, n1, +12, ?"),
        (names(0, Reason.LOOP), "?"),
        (Items([(Reason.PAGED_OUT,), ("a",)]), "?, a"),
    ],
)
def test_lists_show_their_beginning(items: Items, cell: str) -> None:
    text = drawn(made.records((Field(("handle", "name"), NAMES),), [(items,)]))
    assert text.splitlines()[2] == cell


def test_values_of_records_in_a_list_stand_side_by_side() -> None:
    rows: list[tuple[made.Cell, ...]] = [
        (Items([(0, "/dev/null"), (1, Reason.NULL), (2, "x"), (3, "y")]),)
    ]
    text = drawn(made.records((Field(("handle",), RECORDS),), rows))
    assert text.splitlines()[2] == "0 /dev/null, 1, +2"


def test_long_texts_give_way_first_then_long_titles() -> None:
    fields = (
        Field(("parent_process_id",), Kind.NUMBER),
        Field(("command_line",), Kind.STRING),
        Field(("start",), Kind.ADDRESS),
    )
    batch = made.records(fields, [(1, "x" * 40, 0x7FFF_FFFF_F000)])
    assert drawn(batch, width=70) == (
        "parent_process_id  command_line                                  start\n"
        "-----------------  -----------------------------------  --------------\n"
        "                1  " + "x" * 34 + "…  0x7ffffffff000\n"
    )
    assert drawn(batch, width=50).splitlines()[0].startswith("parent_process_…  command_line")
    assert drawn(batch, width=42).splitlines()[2] == "       1  " + "x" * 15 + "…  0x7ffffffff000"
    assert max(map(len, drawn(batch, width=28).splitlines())) == 28


def test_a_text_is_cut_before_a_wider_number() -> None:
    fields = (Field(("name",), Kind.STRING), Field(("start",), Kind.ADDRESS))
    batch = made.records(fields, [("x" * 12, 0x7FFF_FFFF_F000)])
    assert drawn(batch, width=25).splitlines()[2] == "xxxxxxxx…  0x7ffffffff000"


def test_titles_are_cut_and_cleaned() -> None:
    fields = (Field(("a" * 30,), Kind.NUMBER), Field(("\x1b[2J",), Kind.NUMBER))
    head = drawn(made.records(fields, [(1, 2)]), width=20).splitlines()[0]
    assert head.split() == ["a" * 10 + "…", r"\x1b[2J"]


def test_wide_characters_take_two_columns() -> None:
    assert widths.columns_of("漢字e\u0301") == 5
    fields = (Field(("a",), Kind.STRING), Field(("b",), Kind.STRING))
    batch = made.records(fields, [("漢字", "x"), ("abcd", "y"), ("e\u0301", "z")])
    assert drawn(batch).splitlines()[2:] == ["漢字  x", "abcd  y", "e\u0301     z"]


@pytest.mark.parametrize(
    ("width", "cell"),
    [
        (12, "漢漢漢漢漢漢"),
        (11, "漢漢漢漢漢…"),
        (10, "漢漢漢漢…"),
        (9, "漢漢漢漢…"),
        (8, "漢漢漢…"),
    ],
)
def test_wide_characters_are_not_halved(width: int, cell: str) -> None:
    assert drawn(made.one(Kind.STRING, "漢" * 6), width=width).splitlines()[2] == cell


def test_off_a_terminal_nothing_is_cut() -> None:
    batches = [made.one(Kind.STRING, "a"), made.one(Kind.STRING, "b" * 500)]
    assert drawn(*batches).splitlines()[2:] == ["a", "b" * 500]


def test_the_first_screenful_is_laid_out_together() -> None:
    fields = (Field(("a",), Kind.STRING), Field(("b",), Kind.NUMBER))
    batches = [made.records(fields, [(text, 1)]) for text in ("x", "y" * 20)]
    assert drawn(*batches, width=40).splitlines()[2:] == ["x" + " " * 19 + "  1", "y" * 20 + "  1"]


def test_on_a_terminal_columns_grow_with_later_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_SCREENFUL", 1)
    fields = (Field(("a",), Kind.STRING), Field(("b",), Kind.NUMBER))
    batches = [made.records(fields, [(text, 1)]) for text in ("x", "y" * 20, "z" * 90, "w")]
    assert drawn(*batches, width=40).splitlines()[2:] == [
        "x  1",
        "y" * 20 + "  1",
        "z" * 36 + "…  1",
        "w" + " " * 36 + "  1",
    ]


def test_no_rows_leave_the_titles() -> None:
    batch = made.records(FIELDS, [])
    head = " pid  start  process_object.name  ok\n"[1:]
    expected = head + "---  -----  -------------------  --\n"
    assert drawn(batch) == expected
    assert "".join(table.table([], batch.fields)) == expected


def test_one_value_stands_alone() -> None:
    assert list(table.single([made.one(Kind.NUMBER, 57, path=())])) == ["57\n"]
    lost = made.one(Kind.BOOLEAN, Reason.PAGED_OUT, path=())
    assert list(table.single([lost])) == ["? paged out\n"]
    assert list(table.single([lost], Look(dim=True))) == ["\x1b[2m? paged out\x1b[0m\n"]


def test_rows_are_written_before_the_next_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_SCREENFUL", 1)
    found: list[int] = []

    def batches() -> Iterator[Records]:
        for number in range(3):
            found.append(number)
            yield made.one(Kind.NUMBER, number)

    pieces = iter(table.table(batches(), made.one(Kind.NUMBER).fields))
    assert next(pieces) == "x\n-\n0\n"
    assert found == [0]
    assert next(pieces) == "1\n"


def test_rows_that_were_found_before_a_run_was_stopped_are_written() -> None:
    def batches() -> Iterator[Records]:
        yield made.one(Kind.NUMBER, 7)
        raise Cancelled("stopped")

    pieces = table.table(batches(), made.one(Kind.NUMBER).fields)
    assert next(pieces) == "x\n-\n7\n"
    with pytest.raises(Cancelled):
        next(pieces)


@given(made.tables, st.integers(1, 200))
def test_a_table_is_no_wider_than_its_terminal(
    content: tuple[tuple[Field, ...], list[tuple[Any, ...]]], width: int
) -> None:
    fields, rows = content
    text = drawn(made.records(fields, rows), width=width)
    narrowest = 8 * len(fields) + 2 * (len(fields) - 1)
    assert max(map(widths.columns_of, text.split("\n"))) <= max(width, narrowest)


@given(made.hostile_texts, st.integers(1, 20))
def test_a_cell_fills_its_columns_exactly(text: str, width: int) -> None:
    cell = clean(text)
    for to_right in (False, True):
        fitted = widths.filled(cell, width, to_right=to_right)
        assert widths.columns_of(fitted) == width
        assert cell in fitted or "…" in fitted
