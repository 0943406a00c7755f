"""Rows of evidence as tables, and what of findings is kept for a report."""

from __future__ import annotations

from typing import Any

import pytest

from memq.hunt.reports.evidence import LONGEST, Cell, evidence_of
from memq.hunt.reports.grouping import results_of, tactics_of, techniques_of
from memq.hunt.running import Finding
from memq.image import Image
from memq.output.widths import columns_of, wrapped
from tests.hunt.findings import heading, of_every_sort, rule


def cells(*rows: Any) -> dict[str, list[str]]:
    """Return what stands in each column, in words."""
    evidence = evidence_of(rows, len(rows), len(rows))
    columns = zip(*evidence.rows, strict=True)
    pairs = zip(evidence.titles, columns, strict=True)
    return {title: [cell.worded for cell in column] for title, column in pairs}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"pid": 1, "a": {"b": {"c": True}}}, {"pid": "1", "a.b.c": "true"}),
        ({"x": 1.5, "y": None, "z": False}, {"x": "1.5", "y": "", "z": "false"}),
        ({"a": [1, None, "b"]}, {"a": "1, , b"}),
        ({"a": [{"p": 1, "q": {"r": 2}}, {"p": 3}]}, {"a": "1 2, 3"}),
        ({"a": list(range(10))}, {"a": "0, 1, 2, 3, 4, 5, 6, 7, +2"}),
        ({"a": None, "_unknown": {"a": "paged out"}}, {"a": "? (paged out)"}),
        ({"a": {"b": None, "_unknown": {"b": "why"}}}, {"a.b": "? (why)"}),
        ({"a": [1], "_cut_short": {"a": "a loop"}}, {"a": "1 ? (a loop)"}),
        ({"a": [1, {"_cut_short": "a loop"}]}, {"a": "1, ? (a loop)"}),
        ({"a": {"_unknown": "no such"}}, {"a": "? (no such)"}),
        ({"_unknown": "division by zero"}, {"value": "? (division by zero)"}),
        ("text", {"value": "text"}),
        (None, {"value": ""}),
    ],
)
def test_a_row_as_cells(row: Any, expected: dict[str, str]) -> None:
    assert {title: column[0] for title, column in cells(row).items()} == expected


def test_an_object_that_is_null_in_one_row_has_no_column_of_its_own() -> None:
    assert cells({"a": None, "b": None}, {"a": {"x": 1}, "b": None}) == {
        "b": ["", ""],
        "a.x": ["", "1"],
    }


def test_the_rows_of_a_dump_are_cells(sample: Any) -> None:
    with Image(sample) as image:
        query = "process.Where(pid < 3).Select([pid, parent, 1 / (pid - 2), vad.Take(1).start])"
        found = cells(*image.query(query).rows())
    assert found["1 / (pid - 2)"] == ["-1", "? (division by zero)"]
    assert found["parent.process_id"] == ["", ""]
    assert found["vad.Take(1).start"][0].startswith("0x")


def test_only_what_is_shown_is_kept() -> None:
    evidence = evidence_of([{"a": "x" * 5000}] * 20, 1000, 3)
    assert (len(evidence.rows), evidence.left_out) == (3, 997)
    (cell,) = evidence.rows[0]
    assert cell == Cell("x" * LONGEST + "… (of 5,000 characters)")
    results = results_of(of_every_sort(), heading(), 3)
    assert max(len(result.evidence.rows) for result in results.all) == 3
    assert [result.evidence.count for result in results.all][:3] == [2, 3, 1012]


def test_tactics_are_those_that_a_rule_names_if_its_technique_serves_them() -> None:
    attack = heading().attack

    def tactics(*tags: str) -> list[str]:
        own = rule(1, "A", "low", *tags)
        (technique,) = techniques_of(own, attack)
        return [one.short_name for one in tactics_of(own, technique, attack)]

    first, *others = attack.techniques["T1055"].tactics
    assert tactics("attack.t1055") == [first]
    assert tactics("attack.t1055", "attack.exfiltration") == [first]
    assert tactics(f"attack.{others[0]}", "attack.t1055") == [others[0]]


def test_rules_of_one_reason_stand_together_the_worst_first() -> None:
    levels = ("low", "critical", "medium", "high")
    findings = [
        Finding(rule(n, level, level), "skipped", "b" if n % 2 else "a")
        for n, level in enumerate(levels)
    ]
    told = results_of(findings, heading(), 0).told("skipped")
    assert [(one.reason, [result.rule.level for result in one.results]) for one in told] == [
        ("b", ["critical", "high"]),
        ("a", ["medium", "low"]),
    ]


# Lines of a terminal


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("  a b  c", 8, ["  a b  c"]),
        ("aa bb cc", 5, ["aa bb", "  cc"]),
        ("a bbbbbbbb", 5, ["a bbb", "  bbb", "  bb"]),
        ("name  a word", 9, ["name  a", "  word"]),
        ("日本 日本", 5, ["日本", "  日", "  本"]),
        ("", 5, [""]),
        ("日本", 3, ["日本"]),
        ("a b", None, ["a b"]),
    ],
)
def test_lines_are_broken_at_spaces(text: str, width: int | None, lines: list[str]) -> None:
    assert wrapped(text, width, 2) == lines


@pytest.mark.parametrize("width", range(4, 40))
def test_no_line_is_too_wide_and_nothing_is_lost(width: int) -> None:
    text = "some words, 日本語の長い言葉, e\u0301, and-one-that-is-longer-than-a-line-is"
    lines = wrapped(text, width, 2)
    assert max(map(columns_of, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())
