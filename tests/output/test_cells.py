"""Cells: what people read, and nothing that acts on a terminal, in any format."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import example, given

from memq.column import Column
from memq.errors import Reason
from memq.output import json as written
from memq.output import separated, table
from memq.output.cells import clean, clean_json, plain_cells
from memq.output.look import Look
from memq.schema.kinds import Kind, ValueType
from tests.output import made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memq.output.records import RecordField, Records
    from tests.output.made import Field

# Signs that are seen, though Unicode counts them as format: they stand over the digits they follow.
VISIBLE = set(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)


def is_safe(character: str) -> bool:
    """Whether a terminal shows the character, and does nothing."""
    code = ord(character)
    if 0x13430 <= code <= 0x1345F:  # how hieroglyphs stand together
        return True
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return character in VISIBLE or not unseen


@given(made.hostile_texts)
@example("".join(map(chr, range(0xD800))))
@example("".join(map(chr, range(0xE000, 0x20000))) + "".join(map(chr, range(0xE0000, 0xE1000))))
def test_nothing_is_left_that_acts(text: str) -> None:
    assert all(map(is_safe, clean(text)))
    encoded = written.encode(text)
    assert all(map(is_safe, encoded))
    assert json.loads(encoded) == text


@given(made.hostile_texts)
def test_what_is_harmless_stays(text: str) -> None:
    harmless = "".join(
        c for c in text if c.isprintable() and c not in "\u034f\u115f\u1160\u3164\uffa0"
    )
    assert clean(harmless) == harmless
    assert clean_json(harmless) == harmless


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\tc\x00", r"a\x0ab\x09c\x00"),
        ("\x9b2J", r"\x9b2J"),
        ("cod\u202egpj.exe", r"cod\u202egpj.exe"),
        ("\U000e0041", r"\U000e0041"),
        ("漢字 é 👍", "漢字 é 👍"),
        (r"\x41", r"\x41"),
    ],
)
def test_escapes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


Writer: TypeAlias = "Callable[[Sequence[Records], Sequence[RecordField]], Iterable[str]]"
FORMATS: list[tuple[Writer, int, set[str]]] = [
    (lambda batches, _: written.lines(batches, bare=False), 0, {"\n"}),
    (lambda batches, _: written.lines(batches, bare=True), 0, {"\n"}),
    (lambda batches, _: written.array(batches, bare=False), 2, {"\n"}),
    (separated.csv, 1, {"\n"}),
    (separated.tsv, 1, {"\n", "\t"}),
    (table.table, 2, {"\n"}),
    (lambda batches, fields: table.table(batches, fields, Look(30)), 2, {"\n"}),
]
"""Each with the lines that stand around the rows, and the controls that it may write."""


@given(made.tables.filter(lambda table: len(table[1]) > 0))
def test_no_format_writes_anything_that_acts(
    content: tuple[tuple[Field, ...], list[tuple[Any, ...]]],
) -> None:
    fields, rows = content
    batches = [made.records(fields, rows)] * 2
    for write, lines_around, allowed in FORMATS:
        text = "".join(write(batches, made.described(fields)))
        assert {c for c in text if not is_safe(c)} <= allowed
        assert text.endswith("\n")
        assert text.count("\n") == 2 * len(rows) + lines_around


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        (Kind.NUMBER, -7, "-7"),
        (Kind.SIZE, 2**64 - 1, "18446744073709551615"),
        (Kind.ADDRESS, 0, "0x0"),
        (Kind.ADDRESS, 2**64 - 1, "0xffffffffffffffff"),
        (Kind.BOOLEAN, True, "true"),
        (Kind.BOOLEAN, False, "false"),
        (Kind.STRING, "a\x07", r"a\x07"),
        (Kind.TIME, 0, "1970-01-01T00:00:00.000000Z"),
        (Kind.TIME, -1, "1969-12-31T23:59:59.999999Z"),
        (Kind.DURATION, 0, "0"),
        (Kind.DURATION, 100 * 10**9, "100"),
        (Kind.DURATION, 1_500_000_000, "1.5"),
        (Kind.DURATION, -1, "-0.000000001"),
        (Kind.DURATION, 2**63 - 1, "9223372036.854775807"),
    ],
)
def test_kinds(kind: Kind, value: made.Cell, cell: str) -> None:
    column = made.one(kind, value).columns[0]
    assert isinstance(column, Column)
    assert plain_cells(column, ValueType(kind)) == [cell]


def test_a_text_is_written_once_for_each_distinct_word() -> None:
    asked: list[str] = []

    def text(word: str) -> str:
        asked.append(word)
        return word.upper()

    column = made.one(Kind.STRING, "a", "b", "a", Reason.NULL, "a").columns[0]
    assert isinstance(column, Column)
    cells = plain_cells(column, ValueType(Kind.STRING), text=text)
    assert [cells[row] for row in (0, 1, 2, 4)] == ["A", "B", "A", "A"]
    assert len(asked) == len(set(asked))
