"""Trees in tables: the lines before the texts."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Column
from memq.errors import Reason
from memq.output.lines import DEEPEST, Lines, prefixes
from memq.output.look import Look
from memq.output.table import table
from memq.output.widths import columns_of
from memq.schema.kinds import Kind
from tests.output import made
from tests.output.made import Field

if TYPE_CHECKING:
    from memq.output.records import Records

PID, NAME, DEPTH = (
    Field(("pid",), Kind.NUMBER),
    Field(("name",), Kind.STRING),
    Field(("depth",), Kind.NUMBER),
)


def tree(fields: tuple[Field, ...], *rows: Any, unknown: tuple[int, ...] = ()) -> Records:
    """Records of rows, each with its level before its cells."""
    levels = np.array([level for level, *_ in rows], np.int64)
    status = np.zeros(len(rows), np.uint8)
    status[list(unknown)] = Reason.LOOP
    records = made.records(fields, [tuple(cells) for _, *cells in rows])
    return replace(records, levels=Column(levels, status))


def drawn(*batches: Records, hidden: str | None = None, **settings: Any) -> str:
    return "".join(table(batches, batches[0].fields, Look(**settings), lines=Lines(hidden)))


FAMILY: tuple[tuple[Any, ...], ...] = (
    (0, 1, "systemd"),
    (1, 296, "sshd"),
    (2, 300, "bash"),
    (1, 301, "cron"),
    (2, 302, "sh"),
    (3, 303, "sleep"),
    (2, 304, "sh"),
    (0, 2, "kthreadd"),
)


def test_a_tree() -> None:
    assert drawn(tree((PID, NAME), *FAMILY)) == (
        "pid  name\n"
        "---  --------------\n"
        "  1  systemd\n"
        "296  ├─ sshd\n"
        "300  │  └─ bash\n"
        "301  └─ cron\n"
        "302     ├─ sh\n"
        "303     │  └─ sleep\n"
        "304     └─ sh\n"
        "  2  kthreadd\n"
    )


def test_the_last_of_its_parent_is_sought_in_later_batches() -> None:
    whole = tree((PID, NAME), *FAMILY)
    parts = [whole.take(np.arange(at, at + 2, dtype=np.int64)) for at in range(0, 8, 2)]
    assert drawn(*parts) == drawn(whole)


def test_the_lines_stand_in_the_first_column_of_texts() -> None:
    fields = (PID, Field(("state",), Kind.STRING), NAME)
    rows = [(0, 1, "running", "a"), (1, 2, "idle", "b")]
    assert drawn(tree(fields, *rows)).splitlines()[2:] == [
        "  1  running  a",
        "  2  └─ idle  b",
    ]


def test_without_texts_they_have_a_column_of_their_own() -> None:
    assert drawn(tree((PID,), (0, 1), (1, 7), (2, 9), (1, 8))) == (
        "tree    pid\n------  ---\n          1\n├─        7\n│  └─     9\n└─        8\n"
    )


def test_a_column_that_the_lines_show_is_left_out() -> None:
    batch = tree((DEPTH, NAME), (0, 0, "a"), (1, 1, "b"))
    assert drawn(batch, hidden="depth") == "name\n----\na\n└─ b\n"
    assert drawn(batch).splitlines()[0].split() == ["depth", "name"]
    numbers = tree((PID, DEPTH), (0, 5, 0), (1, 6, 1))
    assert drawn(numbers, hidden="depth").splitlines()[0].split() == ["tree", "pid"]


def test_what_has_no_name_has_its_lines() -> None:
    rows = [(0, 1, "a"), (1, 2, Reason.NULL), (1, 3, Reason.PAGED_OUT), (2, 4, "\x1b[2J")]
    batch = tree((PID, NAME), *rows)
    assert drawn(batch).splitlines()[2:] == [
        "  1  a",
        "  2  ├─",
        "  3  └─ ?",
        r"  4     └─ \x1b[2J",
    ]
    assert "  3  └─ \x1b[2m?\x1b[0m\n" in drawn(batch, width=80, dim=True)


def test_what_is_of_unknown_depth_begins_a_tree_of_its_own() -> None:
    rows = [*zip((0, 1, 0, 1, 2, 1, 0), "abcdefg", strict=True)]
    assert drawn(tree((NAME,), *rows, unknown=(2, 3, 4, 5))) == (
        "name\n----------\na\n└─ b\n?─ c\n   ├─ d\n   │  └─ e\n   └─ f\ng\n"
    )


def test_lines_are_part_of_a_cell_that_is_cut() -> None:
    batch = tree((PID, NAME), (0, 1, "a" * 30), (1, 2, "b" * 30))
    lines = drawn(batch, width=20).splitlines()
    assert [columns_of(line) for line in lines[1:]] == [20, 20, 20]
    assert lines[3] == f"  2  └─ {'b' * 11}…"


def test_below_the_deepest_the_depth_is_a_number() -> None:
    rows = [(level, str(level)) for level in [*range(10_000), DEEPEST + 2]]
    lines = drawn(tree((NAME,), *rows)).splitlines()[2:]
    assert max(map(columns_of, lines)) < 3 * DEEPEST + 10
    assert lines[DEEPEST] == f"{'   ' * (DEEPEST - 1)}└─ {DEEPEST}"
    assert lines[DEEPEST + 1] == "[41] └─ 41"
    assert lines[DEEPEST + 2] == "[42] ├─ 42"
    assert lines[9_999:] == ["[9999] └─ 9999", "[42] └─ 42"]
    doubtful = tree((NAME,), *rows, unknown=tuple(range(len(rows))))
    assert drawn(doubtful).splitlines()[2 + 41] == "[?+41] └─ 41"


def test_nothing_is_a_table_without_rows() -> None:
    empty = tree((PID, NAME))
    assert drawn(empty) == "pid  name\n---  ----\n"
    assert "".join(table([], made.described((PID,)), lines=Lines())) == "tree  pid\n----  ---\n"


# Every tree


@st.composite
def orders(draw: st.DrawFn) -> list[int]:
    """Levels of the rows of some trees: none is more than one below the row before it."""
    levels: list[int] = []
    for _ in range(draw(st.integers(0, 30))):
        levels.append(draw(st.integers(0, min(levels[-1] + 1, 6))) if levels else 0)
    return levels


def _plainly(levels: list[int], row: int) -> str:
    def goes_on(level: int) -> bool:
        """Whether a row of a level follows before that tree ends."""
        following = next((one for one in levels[row + 1 :] if one <= level), 0)
        return following == level

    level = levels[row]
    past = "".join("│  " if goes_on(one) else "   " for one in range(1, level))
    return past + ("" if not level else "├─ " if goes_on(level) else "└─ ")


@given(orders())
def test_every_line_is_right(levels: list[int]) -> None:
    found = prefixes(np.array(levels, np.int64), np.ones(len(levels), bool)).tolist()
    assert found == [_plainly(levels, row) for row in range(len(levels))]


def test_many_rows_take_no_time() -> None:
    numbers = np.arange(1, 20_000)
    # Below each row stand its double, and one more: 14 levels.
    levels = np.sort(np.log2(numbers).astype(np.int64))
    begun = time.monotonic()
    prefixes(levels, np.ones(len(levels), bool))
    assert time.monotonic() - begun < 1


def test_what_is_measured_at_once_is_one_column_wide() -> None:
    """As Unicode's tables have it, which other characters are looked up in."""
    for code in [*range(0x300), *range(0x2500, 0x2580)]:
        character = chr(code)
        assert not unicodedata.combining(character)
        assert unicodedata.category(character) not in ("Mn", "Me")
        assert unicodedata.east_asian_width(character) not in "WF"
