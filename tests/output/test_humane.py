"""Sizes, times and durations for people."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from memq.lang.ast import DURATION_UNITS, SIZE_UNITS
from memq.output import table
from memq.output.humane import duration_text, size_text
from memq.output.look import Look
from memq.schema.kinds import Kind
from tests.output import made

KB, MB, GB, TB = SIZE_UNITS.values()
S, M, H, D = (DURATION_UNITS[unit] for unit in "smhd")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (4 * KB, "4KB"),
        (135 * KB, "135KB"),
        (1023 * KB, "1023KB"),
        (KB + 1, "1.0KB"),
        (MB - 1, "1.0MB"),
        (1000 * KB - 1, "1.0MB"),
        (999 * KB + 1, "999.0KB"),
        (MB, "1MB"),
        (1536 * KB, "1.5MB"),
        (MB + 4 * KB, "1.0MB"),
        (2 * GB + 300 * MB, "2.3GB"),
        (5 * TB, "5TB"),
        ((1 << 64) - 1, "16777216.0TB"),
        (-4 * KB, "-4KB"),
        (-1, "-1"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@given(st.integers(0, 1 << 49) | st.integers(0, 1 << 22).map(lambda pages: pages * 4096))
def test_a_size_is_short_and_near_and_exact_without_a_fraction(size: int) -> None:
    text = size_text(size)
    number, unit = (text[:-2], SIZE_UNITS[text[-2:]]) if text.endswith("B") else (text, 1)
    value = Fraction(number) * unit
    assert len(number.replace(".", "")) <= 4
    assert abs(value - size) <= Fraction(unit, 20)
    assert "." in number or value == size


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5us"),
        (12 * 10**6, "12ms"),
        (S - 1, "999.9ms"),
        (12 * S + S // 2, "12.5s"),
        (M - 1, "59.9s"),
        (M, "1m 00s"),
        (2 * H + 5 * M + 59 * S, "2h 05m"),
        (3 * D + 4 * H + 59 * M, "3d 4h"),
        (-90 * S, "-1m 30s"),
        (-1, "-1ns"),
    ],
)
def test_durations(duration: int, text: str) -> None:
    assert duration_text(duration) == text


@given(st.integers(-(1 << 62), 1 << 62))
def test_a_duration_is_cut_by_less_than_its_last_unit(duration: int) -> None:
    parts = [_part(part) for part in duration_text(duration).lstrip("-").split()]
    told, rest = sum(amount * unit for amount, unit in parts), parts[-1][1]
    assert told <= abs(duration) < told + rest


def _part(text: str) -> tuple[Fraction, int]:
    number = text.rstrip("smhdnu")
    return Fraction(number), DURATION_UNITS[text[len(number) :]]


def test_a_table_for_people() -> None:
    fields = (
        made.Field(("size",), Kind.SIZE),
        made.Field(("since",), Kind.DURATION),
        made.Field(("created",), Kind.TIME),
        made.Field(("start",), Kind.ADDRESS),
        made.Field(("vad", "size"), made.ListOf((made.Field((), Kind.SIZE),), bare=True)),
    )
    moment = 1_795_286_669_883_798_123
    sizes = made.Items([(8192,), (5000,), (1,), (2,)])
    rows: list[tuple[made.Cell, ...]] = [
        (4096, 12_500_000_000, moment, 0x1000, sizes),
        (Reason.PAGED_OUT, Reason.NULL, Reason.NULL, Reason.PAGED_OUT, made.Items([])),
        (600, 2 * H, -1, 0, made.Items([])),
    ]
    batch = made.records(fields, rows)
    assert "".join(table.table([batch], batch.fields, Look(humane=True))) == (
        "size   since  created                start  vad.size\n"
        "----  ------  --------------------  ------  --------------\n"
        " 4KB   12.5s  2026-11-21 18:44:29Z  0x1000  8KB, 4.9KB, +2\n"
        "   ?                                     ?\n"
        " 600  2h 00m  1969-12-31 23:59:59Z     0x0\n"
    )


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.SIZE, 4096, "4KB (4096)"),
        (Kind.SIZE, 600, "600"),
        (Kind.NUMBER, 4096, "4096"),
        (Kind.DURATION, 90 * S, "1m 30s (90)"),
        (Kind.TIME, 0, "1970-01-01T00:00:00.000000Z"),
        (Kind.SIZE, Reason.PAGED_OUT, "? paged out"),
    ],
)
def test_one_value_is_exact_too(kind: Kind, value: made.Cell, text: str) -> None:
    (line,) = table.single([made.one(kind, value, path=())], Look(humane=True))
    assert line == f"{text}\n"
