"""The values of literals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import QueryError
from memq.lang.ast import Duration, Expression, Number, Real, Regex, Statement, Text, Time

if TYPE_CHECKING:
    from memq.lang.parser import Parser


def value(parser: Parser, text: str) -> Statement:
    (statement,) = parser.parse(text).statements
    return statement


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("0", Number(0)),
        ("007", Number(7)),
        ("1_000_000", Number(1_000_000)),
        ("0xffff", Number(0xFFFF, "0x")),
        ("0XDead_beef", Number(0xDEADBEEF, "0x")),
        ("0xffff888003a10000", Number(0xFFFF888003A10000, "0x")),
        ("18446744073709551616", Number(2**64)),
        ("9" * 100, Number(10**100 - 1)),
        ("4KB", Number(4096, "KB")),
        ("2MB", Number(2 << 20, "MB")),
        ("1gb", Number(1 << 30, "GB")),
        ("3TB", Number(3 << 40, "TB")),
        ("1.5", Real(1.5)),
        ("0.1", Real(0.1)),
        ("1e3", Real(1000.0)),
        ("2.5E-3", Real(0.0025)),
        ("5ms", Duration(5, "ms")),
        ("30s", Duration(30, "s")),
        ("5m", Duration(5, "m")),
        ("2h", Duration(2, "h")),
        ("7d", Duration(7, "d")),
        ("1w", Duration(1, "w")),
    ],
)
def test_number(parser: Parser, text: str, node: Expression) -> None:
    assert value(parser, text) == node


@pytest.mark.parametrize(
    "text",
    [
        "5_",
        "1__0",
        "_1x 1",
        "0x",
        "0x_1",
        "0x1g",
        "1.5GB",
        "1.5h",
        "1e999",
        "12ab",
        "5min",
        "4K",
        "5 m",
        "9" * 101,
        "0x" + "f" * 99,
        "1" * 5000,
        "1." + "0" * 200,
    ],
)
def test_no_number(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError):
        parser.parse(text)


def test_a_real_is_not_a_whole_number(parser: Parser) -> None:
    assert parser.parse("1.0") != parser.parse("1")


def test_lengths_of_time() -> None:
    assert Duration(90, "m").nanoseconds == 5400 * 10**9
    assert Duration(2, "d").nanoseconds == Duration(48, "h").nanoseconds
    assert Duration(3, "us").nanoseconds == Duration(3000, "ns").nanoseconds


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ('""', ""),
        ("''", ""),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        (r'"\n\t\r\0\\\"\'"', "\n\t\r\0\\\"'"),
        (r'"\x41\u00e9\U0001F600"', "Aé\U0001f600"),
        (r'"\\n"', "\\n"),
        (r'"\x412"', "A2"),
        (r"@'C:\new'", r"C:\new"),
        (r'@"C:\new"', r"C:\new"),
        ('@"say ""hi"""', 'say "hi"'),
        ('@"ends\\"', "ends\\"),
        ('@"two\nlines"', "two\nlines"),
        ('"# // /* no comment"', "# // /* no comment"),
        ('"\u00a0日本"', "\u00a0日本"),
    ],
)
def test_string(parser: Parser, text: str, string: str) -> None:
    assert value(parser, text) == Text(string)


@pytest.mark.parametrize(
    "text",
    [
        r'"\q"',
        r'"\x4"',
        r'"\u12"',
        r'"\ud800"',
        r'"\U00110000"',
        r'"C:\Windows"',
        '"a\nb"',
        '"\\\n"',
        '"abc',
        "'abc\"",
        '@"abc',
        r'"abc\"',
        "@ 'a'",
    ],
)
def test_no_string(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError):
        parser.parse(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\u200b\u200e\u200f"), max_size=20))
def test_raw_string(parser: Parser, text: str) -> None:
    quoted = text.replace('"', '""')
    if text.isprintable():
        assert value(parser, f'@"{quoted}"') == Text(text)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("/bash/", Regex("bash")),
        ("/a/i", Regex("a", "i")),
        ("/a/sis", Regex("a", "is")),
        (r"/\/tmp\/.*/", Regex("/tmp/.*")),
        ("/[/]/", Regex("[/]")),
        (r"/[\]/]/", Regex(r"[\]/]")),
        (r"/\\/", Regex(r"\\")),
        (r"/\\\//", Regex(r"\\/")),
        ("/a b#c/", Regex("a b#c")),
        (r"/^\d+$/m", Regex(r"^\d+$", "m")),
    ],
)
def test_regex(parser: Parser, text: str, node: Regex) -> None:
    assert value(parser, text) == node


@pytest.mark.parametrize("text", ["/a", "//", "/*a/", "/a/g", "/[/", "/a\nb/", "/a\\/"])
def test_no_regex(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError):
        parser.parse(text)


NOVEMBER = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment", "fraction"),
    [
        ("2026-11-21T10:00:00Z", NOVEMBER, 0),
        ("2026-11-21T10:00:00", NOVEMBER, 0),
        ("2026-11-21 10:00", NOVEMBER, 0),
        ("2026-11-21t10:00z", NOVEMBER, 0),
        ("2026-11-21T10:00:00.000000001Z", NOVEMBER, 1),
        ("2026-11-21T10:00:00.25Z", NOVEMBER, 250_000_000),
        ("2026-11-21T12:30:00+02:30", NOVEMBER, 0),
        ("2026-11-21T05:00:00-0500", NOVEMBER, 0),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC), 0),
        ("1601-01-01T00:00:00Z", datetime(1601, 1, 1, tzinfo=UTC), 0),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), 0),
    ],
)
def test_time(parser: Parser, text: str, moment: datetime, fraction: int) -> None:
    nanoseconds = int(moment.timestamp()) * 10**9 + fraction
    assert value(parser, f't"{text}"') == Time(nanoseconds)
    assert value(parser, f"t'{text}'") == Time(nanoseconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026", "2026-13-01", "2026-02-30", "2026-11-21T25:00", "2026-11-21T10"),
        *("26-11-21", "2026-11-21T10:00:00.0000000001Z", "2026-11-21T10:00:61Z", "0000-01-01"),
        *("0001-01-01T00:00+10:00", "9999-12-31T23:00-10:00", "\u0662026-11-21"),
    ],
)
def test_no_time(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError, match="is not a time"):
        parser.parse(f't"{text}"')
