"""Tables on terminals of some widths: what gives way, in which order, and what never does.

The golden file holds the default columns of real objects. `MEMQ_ACCEPT=1 pytest
tests/output/test_fitting.py` writes it anew: read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memq
from memq.output import table, widths
from memq.output.cells import clean
from memq.output.fitting import Need, fitted, kept
from memq.output.look import Look
from memq.schema.kinds import Kind
from tests.output import made
from tests.output.made import Field
from tests.output.test_cells import is_safe

if TYPE_CHECKING:
    from memq.output.records import Records

GOLDEN = Path(__file__).with_name("tables.txt")
WIDTHS = (60, 80, 100, 132, 200)
QUERIES = (
    "process.Where(pid == 1 || name.StartsWith('systemd') || ppid == 218).Take(12)",
    "process.Where(is_kernel_thread).Take(3)",
    "vad.Where(process.name == 'systemd').Skip(6).Take(5)",
    "handle.Where(name.EndsWith('log') || name.Contains('socket')).Take(5)",
    "driver.Take(4)",
    "syscall.Take(4)",
    "process.Take(2).Select([process_id, parent_process_id, command_line, create_time])",
    "process.Where(vad.Any()).Take(3).Select([pid, vad.size, vad.size.Sum(), handle.name])",
)


def test_real_objects_at_each_width(sample: Path) -> None:
    with memq.open(sample) as image:
        text = "\n".join(_at_each_width(image, query) for query in QUERIES)
    if "MEMQ_ACCEPT" in os.environ:
        GOLDEN.write_text(text, "utf-8", newline="\n")
    assert text == GOLDEN.read_text("utf-8")


def _at_each_width(image: memq.Image, query: str) -> str:
    """Draw the table; where it is the same on wider terminals, once."""
    widths: dict[str, list[str]] = {}
    for width in WIDTHS:
        widths.setdefault(_drawn(image, query, width), []).append(str(width))
    tables = [f"{', '.join(some)} columns\n{text}" for text, some in widths.items()]
    return f"> {query}\n\n" + "\n".join(tables)


def _drawn(image: memq.Image, query: str, width: int) -> str:
    answer, look = image.query(query), Look(width, humane=True)
    text = "".join(table.table(answer.batches(), answer.result.shape.fields, look))
    assert max(map(widths.columns_of, text.splitlines())) <= width
    return text + (f"{look.note}\n" if look.note else "")


def drawn(batch: Records, width: int, *aliases: tuple[str, ...] | None) -> str:
    """Draw records of which the fields with aliases are default columns."""
    fields = tuple(
        replace(field, aliases=names) for field, names in zip(batch.fields, aliases, strict=True)
    )
    return "".join(table.table([batch], fields, Look(width)))


IDS = made.records(
    (Field(("left", "process_id"), Kind.NUMBER), Field(("parent_process_id",), Kind.NUMBER)),
    [(1234567890123, 7)],
)


def test_a_long_title_of_a_default_column_becomes_its_alias() -> None:
    titles = [
        drawn(IDS, width, ("number", "pid"), ("ppid",)).splitlines()[0] for width in (34, 33, 20)
    ]
    assert titles == [
        "left.process_id  parent_process_id",
        "     left.pid  ppid",
        "     left.pid  ppid",
    ]


def test_what_was_asked_for_by_name_keeps_its_name() -> None:
    assert drawn(IDS, 33, None, ("ppid",)).splitlines()[0] == "left.process_id  ppid"
    assert drawn(IDS, 33, ("pid",), None).splitlines()[0] == "     left.pid  parent_process_id"


def test_a_title_that_has_room_over_its_cells_stays() -> None:
    fields = (Field(("command_line",), Kind.STRING), Field(("process_id",), Kind.NUMBER))
    batch = made.records(fields, [("x" * 30, 1)])
    assert drawn(batch, 40, ("cmdline",), ("pid",)).splitlines()[0].split() == [
        "command_line",
        "pid",
    ]


@pytest.mark.parametrize(
    ("width", "cell"),
    [
        (32, "/usr/lib/systemd/systemd-journal"),
        (31, "…/lib/systemd/systemd-journal"),
        (28, "…/systemd/systemd-journal"),
        (18, "…/systemd-journal"),
        (16, "…systemd-journal"),
        (9, "…-journal"),
    ],
)
def test_a_path_keeps_its_end(width: int, cell: str) -> None:
    batch = made.one(Kind.STRING, "/usr/lib/systemd/systemd-journal")
    assert drawn(batch, width, None).splitlines()[2] == cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("/bin/sleep 1000000", "/bin/slee…"),
        ("/tmp/a/longname (deleted)", "…(deleted)"),
        ("C:\\Windows\\cmd.exe", "…\\cmd.exe"),
        ("no/path/but/a/text", "no/path/b…"),
        ("/a/long_long_long/b", "…ng_long/b"),
        ("/漢漢漢漢/漢漢漢", "…/漢漢漢"),
    ],
)
def test_other_texts_keep_their_beginning(text: str, cell: str) -> None:
    assert drawn(made.one(Kind.STRING, text), 10, None).splitlines()[2] == cell


def test_default_columns_are_left_out_from_the_end() -> None:
    fields = tuple(Field((name,), Kind.STRING) for name in ("first", "second", "third", "fourth"))
    batch = made.records(fields, [("x" * 30,) * 4])

    def titles(width: int, *aliases: tuple[str, ...] | None) -> list[str]:
        return drawn(batch, width, *aliases).splitlines()[0].split()

    asked, default = None, ()
    assert titles(70, *[default] * 4) == ["first", "second", "third", "fourth"]
    assert titles(69, *[default] * 4) == ["first", "second", "third"]
    assert titles(10, *[default] * 4) == ["first"]
    assert titles(40, default, asked, default, asked) == ["second", "fourth"]
    assert titles(40, *[asked] * 4) == ["first", "second", "third", "fourth"]


def test_a_column_that_is_left_out_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_SCREENFUL", 1)
    fields = (Field(("a",), Kind.STRING), Field(("bb",), Kind.STRING))
    batches = [made.records(fields, [(text, text)]) for text in ("x" * 30, "y", "z" * 40)]
    shown = tuple(replace(field, aliases=()) for field in batches[0].fields)
    look = Look(20)
    pieces = table.table(batches, shown, look)
    assert next(pieces) == f"a\n{'-' * 20}\n{'x' * 19}…\n"
    assert look.left_out == ["bb"]
    assert list(pieces) == ["y\n", f"{'z' * 19}…\n"]
    assert look.left_out == ["bb"]


needs = st.lists(
    st.builds(
        Need,
        st.integers(1, 30),
        st.integers(1, 30),
        st.booleans(),
        st.booleans(),
        st.integers(0, 60),
    ).map(lambda need: replace(need, short=min(need.short, need.title))),
    min_size=1,
    max_size=8,
)


@given(needs, st.integers(1, 200))
def test_no_room_is_wasted_and_none_overdrawn(found: list[Need], width: int) -> None:
    numbers = kept(found, width, 2)
    rest = [found[number] for number in numbers]
    widths = fitted(rest, width, 2)
    total = sum(widths) + 2 * (len(rest) - 1)
    assert total <= width or all(each <= 8 for each in widths)
    assert all(need.is_default for n, need in enumerate(found) if n not in numbers)
    for need, each in zip(rest, widths, strict=True):
        assert each <= need.wish
        assert each >= need.enough or total >= width


@given(made.tables, st.integers(1, 100), st.data())
def test_a_table_of_default_columns_fits_and_is_clean(
    content: tuple[tuple[Field, ...], list[tuple[Any, ...]]], width: int, data: st.DataObject
) -> None:
    batch = made.records(*content)
    some = st.none() | st.lists(st.sampled_from(["a", "\x1b[2J"]), max_size=2).map(tuple)
    aliases = [data.draw(some) for _ in batch.fields]
    text = drawn(batch, width, *aliases)
    assert all(is_safe(character) for character in text if character != "\n")
    asked = max(1, aliases.count(None))
    narrowest = 8 * asked + 2 * (asked - 1)
    assert max(map(widths.columns_of, text.split("\n"))) <= max(width, narrowest)


@given(st.text("/漢a\u0301é", max_size=12).map("/".__add__), st.integers(1, 12))
def test_a_path_is_cut_between_characters(path: str, width: int) -> None:
    cell = widths.filled(clean(path), width, to_right=False)
    assert widths.columns_of(cell) == width
    end = cell.rstrip(" ").removeprefix("…")
    assert path.endswith(end)
    assert not end.startswith("\u0301")
