"""CSV and tab-separated lines."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from memq.output import separated
from memq.output.cells import clean
from memq.schema.kinds import Kind
from tests.output import made
from tests.output.made import Field, Items, ListOf

if TYPE_CHECKING:
    from memq.output.records import Records

NAMES = ListOf((Field(("name",), Kind.STRING), Field(("fd",), Kind.NUMBER)))
FIELDS = (
    Field(("pid",), Kind.NUMBER),
    Field(("process_object", "process_id"), Kind.NUMBER),
    Field(("name",), Kind.STRING),
    Field(("handle",), NAMES),
)
ROWS: list[tuple[made.Cell, ...]] = [
    (1, Reason.NULL, 'a,"b"', Items([("/x", 0), (Reason.PAGED_OUT, 1)])),
    (Reason.PAGED_OUT, 2, Reason.NULL, Items([], Reason.LOOP)),
    (3, 4, "a\tb\nc", Items([])),
]


def as_csv(batch: Records) -> str:
    return "".join(separated.csv([batch], batch.fields))


def test_csv() -> None:
    assert as_csv(made.records(FIELDS, ROWS)) == (
        "pid,process_object.process_id,name,handle\n"
        '1,,"a,""b""","[{""name"":""/x"",""fd"":0},'
        '{""name"":null,""fd"":1,""_unknown"":{""name"":""paged out""}}]"\n'
        '?,2,,"[{""_cut_short"":""the structure loops""}]"\n'
        "3,4,a\\x09b\\x0ac,[]\n"
    )


def test_tsv() -> None:
    batch = made.records(FIELDS, ROWS)
    assert "".join(separated.tsv([batch], batch.fields)) == (
        "pid\tprocess_object.process_id\tname\thandle\n"
        '1\t\ta,"b"\t[{"name":"/x","fd":0},{"name":null,"fd":1,"_unknown":{"name":"paged out"}}]\n'
        '?\t2\t\t[{"_cut_short":"the structure loops"}]\n'
        "3\t4\ta\\x09b\\x0ac\t[]\n"
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ('=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-bash", "-bash"),
        ("-", "-"),
        ("\t=1", r"\x09=1"),
        ("", ""),
    ],
)
def test_no_name_is_a_formula(text: str, cell: str) -> None:
    assert separated.csv_cell(text) == cell


def test_negative_numbers_are_no_formulas() -> None:
    assert as_csv(made.one(Kind.NUMBER, -5)) == "x\n-5\n"


def test_titles_are_guarded_too() -> None:
    fields = (Field(("=1", "a,b"), Kind.NUMBER), Field(("\x1b",), Kind.NUMBER))
    assert as_csv(made.records(fields, [])) == '"\'=1.a,b",\\x1b\n'


def test_plain_values_have_a_title() -> None:
    assert as_csv(made.one(Kind.NUMBER, 5, path=())) == "value\n5\n"


def test_a_row_with_an_empty_cell_alone_is_no_empty_line() -> None:
    text = as_csv(made.one(Kind.STRING, "a", Reason.NULL, "", "b"))
    assert text == 'x\na\n""\n""\nb\n'
    assert list(csv.reader(io.StringIO(text))) == [["x"], ["a"], [""], [""], ["b"]]


@given(made.tables)
def test_csv_is_read_back_by_a_reader_of_csv(
    table: tuple[tuple[Field, ...], list[tuple[Any, ...]]],
) -> None:
    fields, rows = table
    head, *lines = csv.reader(io.StringIO(as_csv(made.records(fields, rows)), newline=""))
    assert len(head) == len(fields)
    assert [len(line) for line in lines] == [len(fields)] * len(rows)
    for line, row in zip(lines, rows, strict=True):
        for text, field, cell in zip(line, fields, row, strict=True):
            if isinstance(cell, Reason):
                assert text == ("" if cell is Reason.NULL else "?")
            elif isinstance(cell, str):
                assert text in (clean(cell), f"'{clean(cell)}")
            elif isinstance(field.of, ListOf):
                assert isinstance(json.loads(text), list)


@given(st.lists(st.tuples(made.hostile_texts, made.hostile_texts), min_size=1))
def test_tsv_has_as_many_cells_as_titles(rows: list[tuple[str, str]]) -> None:
    fields = (Field(("a",), Kind.STRING), Field(("b",), Kind.STRING))
    batch = made.records(fields, list(rows))
    lines = "".join(separated.tsv([batch], batch.fields)).split("\n")
    assert lines[1:-1] == [f"{clean(a)}\t{clean(b)}" for a, b in rows]
