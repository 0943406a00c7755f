"""JSON: equal to the obvious encoder's, always valid, and written as rows come."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Column
from memq.errors import Cancelled, Reason
from memq.output import json as written
from memq.output.records import Lists, Records, slices
from memq.schema.kinds import Kind, ValueType
from tests.output import made
from tests.output.made import Field, Items, ListOf

if TYPE_CHECKING:
    from collections.abc import Iterator


def parsed(text: str) -> Any:
    """Parse strictly: no key twice, numbers exact."""
    return json.loads(text, parse_float=Decimal, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), pairs
    return found


def same(left: Any, right: Any) -> bool:
    """Whether two trees are equal, the order of their keys included."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


@given(made.tables)
def test_rows_are_what_the_obvious_encoder_gives(
    table: tuple[tuple[Field, ...], list[tuple[Any, ...]]],
) -> None:
    fields, rows = table
    whole = made.records(fields, rows)
    batches = [made.records(fields, [row]) for row in rows]
    for bare in (False, True):
        expected = made.trees(fields, rows, bare=bare)
        assert same([parsed(row) for row in written.rows_of(whole, bare=bare)], expected)
        assert same(parsed("".join(written.array(batches, bare=bare))), expected)
        lines = "".join(written.lines(batches, bare=bare)).split("\n")
        assert lines.pop() == ""
        assert same([parsed(line) for line in lines], expected)


def test_every_kind() -> None:
    fields = (
        Field(("number",), Kind.NUMBER),
        Field(("size",), Kind.SIZE),
        Field(("address",), Kind.ADDRESS),
        Field(("yes",), Kind.BOOLEAN),
        Field(("name",), Kind.STRING),
        Field(("at",), Kind.TIME),
        Field(("took",), Kind.DURATION),
        Field(("ratio",), Kind.FLOAT),
    )
    row = (-1, 2**64 - 1, 0xFFFF888000000000, True, 'é"\\', 1_500_000_000_123_456_789, -500, 1)
    assert written.rows_of(made.records(fields, [row])) == [
        (
            '{"number":-1,"size":18446744073709551615,"address":"0xffff888000000000","yes":true,'
            '"name":"é\\"\\\\","at":"2017-07-14T02:40:00.123456Z","took":-0.0000005,"ratio":1.0}'
        )
    ]


def test_an_unknown_value_is_null_and_says_why_in_its_own_record() -> None:
    fields = (
        Field(("pid",), Kind.NUMBER),
        Field(("process_object", "name"), Kind.STRING),
        Field(("process_object", "dtb"), Kind.ADDRESS),
    )
    row = (Reason.NULL, Reason.PAGED_OUT, Reason.NOT_IN_DUMP)
    assert written.rows_of(made.records(fields, [row, (1, "a", 2)])) == [
        (
            '{"pid":null,"process_object":{"name":null,"dtb":null,'
            '"_unknown":{"name":"paged out","dtb":"memory not in the dump"}}}'
        ),
        '{"pid":1,"process_object":{"name":"a","dtb":"0x2"}}',
    ]


def test_a_list_that_is_not_whole_says_why_beside_it() -> None:
    inner = ListOf((Field(("fd",), Kind.NUMBER),))
    fields = (Field(("pid",), Kind.NUMBER), Field(("handle",), inner))
    rows: list[tuple[made.Cell, ...]] = [
        (1, Items([(0,), (1,)], Reason.LOOP)),
        (Reason.MALFORMED, Items([], Reason.LIMIT)),
        (2, Items([])),
    ]
    assert written.rows_of(made.records(fields, rows)) == [
        '{"pid":1,"handle":[{"fd":0},{"fd":1}],"_cut_short":{"handle":"the structure loops"}}',
        (
            '{"pid":null,"handle":[],"_unknown":{"pid":"malformed data"},'
            '"_cut_short":{"handle":"beyond the limit of the walk"}}'
        ),
        '{"pid":2,"handle":[]}',
    ]


def test_plain_values_and_plain_lists_say_why_in_their_place() -> None:
    assert written.rows_of(
        made.one(Kind.STRING, "a", Reason.NULL, Reason.PAGED_OUT, path=()), bare=True
    ) == ['"a"', "null", '{"_unknown":"paged out"}']
    inner = ListOf((Field((), Kind.STRING),), bare=True)
    lists = made.records(
        (Field((), inner),), [(Items([("a",), (Reason.PAGED_OUT,)], Reason.LOOP),)]
    )
    assert written.rows_of(lists, bare=True) == [
        '["a",{"_unknown":"paged out"},{"_cut_short":"the structure loops"}]'
    ]


def test_a_number_that_is_none_is_null() -> None:
    fields = (Field(("x",), Kind.FLOAT),)
    batch = made.records(fields, [(0,), (0,)])
    column = batch.columns[0]
    assert isinstance(column, Column)
    column.values[:] = (float("nan"), float("inf"))
    assert written.rows_of(batch) == ['{"x":null}', '{"x":null}']


def test_names_of_another_plane_stay_valid_json() -> None:
    (row,) = written.rows_of(made.one(Kind.STRING, "a\U000e0041\U0001f600"))
    assert row == '{"x":"a\\udb40\\udc41\U0001f600"}'
    assert json.loads(row) == {"x": "a\U000e0041\U0001f600"}


def test_no_rows() -> None:
    assert "".join(written.array([], bare=False)) == "[]\n"
    assert "".join(written.lines([], bare=False)) == ""


def test_a_key_is_not_both_a_value_and_a_record() -> None:
    fields = (Field(("a",), Kind.NUMBER), Field(("a", "b"), Kind.NUMBER))
    with pytest.raises(TypeError, match="both a value and a record"):
        written.rows_of(made.records(fields, [(1, 2)]))


@pytest.mark.parametrize("write", [written.lines, written.array])
def test_rows_are_written_before_the_next_are_found(write: Any) -> None:
    found: list[int] = []

    def batches() -> Iterator[Records]:
        for number in range(3):
            found.append(number)
            yield made.one(Kind.NUMBER, number)

    pieces = iter(write(batches(), bare=False))
    assert '{"x":0}' in next(pieces)
    assert found == [0]


def test_an_array_ends_where_the_run_was_cancelled() -> None:
    def batches() -> Iterator[Records]:
        yield made.one(Kind.NUMBER, 1)
        raise Cancelled("stopped")

    pieces: list[str] = []
    with pytest.raises(Cancelled):
        pieces.extend(written.array(batches(), bare=False))
    assert json.loads("".join(pieces)) == [{"x": 1}, {"_cut_short": "stopped by the user"}]


@pytest.mark.parametrize("items", [0, 1, 1000])
def test_many_records_are_written_in_small_pieces(items: int) -> None:
    inner = ListOf((Field(("y",), Kind.NUMBER),))
    fields = (Field(("x",), Kind.NUMBER), Field(("many",), inner))
    rows = 40_000 if items < 2 else 100
    numbers = np.arange(rows, dtype=np.int64)
    starts = np.arange(rows + 1, dtype=np.int64) * items
    batch = Records(
        rows,
        made.described(fields),
        (
            Column(numbers),
            Lists(
                starts,
                made.one(Kind.NUMBER, *range(items), path=("y",)).take(
                    np.arange(rows * items, dtype=np.int64) % max(items, 1)
                ),
            ),
        ),
    )
    pieces = list(slices([batch]))
    assert sum(len(piece) for piece in pieces) == rows
    assert max(int(piece.weights.sum()) for piece in pieces) < (1 << 13) + items + 1
    assert "".join(written.lines(pieces, bare=False)) == "\n".join(written.rows_of(batch)) + "\n"


def test_a_value_needs_a_type() -> None:
    with pytest.raises(TypeError, match="has a type"):
        written.values(Column(np.zeros(1)), None)
    assert written.values(Column(np.zeros(1, np.int64)), ValueType(Kind.NUMBER)) == ["0"]


ENDS = ('",\n  "', ",\n  ", '"', "\\", "\x7f", "\u202e", "\n]", "[\n  ")
AWKWARD = st.text() | st.sampled_from(ENDS)


@given(st.lists(AWKWARD))
def test_texts_are_encoded_together_as_each_alone(texts: list[str]) -> None:
    assert written.encode_all(texts) == [written.encode(text) for text in texts]
    assert [json.loads(one) for one in written.encode_all(texts)] == texts
