"""The pictures in docs/pictures/ show what memq shows now, and ask nothing of anyone."""

from __future__ import annotations

import re

import pytest
from rich.style import Style
from rich.text import Text

from tests.lab import ROOT
from tests.pictures import COMMAND, FOLDER, PICTURES, Picture, drawn, lines_of, seen, shown
from tests.ui.screen import NEEDS_TERMINAL

MAX_BYTES = 200_000
PAGES = (ROOT / "README.md", ROOT / "docs" / "interpreter.md")
each_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.name)


@NEEDS_TERMINAL
@each_picture
def test_a_picture_is_fresh(picture: Picture) -> None:
    now = shown(drawn(picture.name, seen(picture)))
    assert shown(picture.path.read_text("utf-8")) == now, f"a stale picture; run: {COMMAND}"


@each_picture
def test_a_picture_loads_nothing(picture: Picture) -> None:
    svg = picture.path.read_text("utf-8")
    assert re.findall(r"\w+://[^\"\s]*", svg) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r"url\(.", svg)) == {"url(#"}
    assert not re.search(r"href|@|<(image|script|foreignObject|use)\b", _without_text(svg))
    assert len(svg.encode()) < MAX_BYTES


def _without_text(svg: str) -> str:
    return re.sub(r"(<text [^>]*>)[^<]*", r"\1", svg)


def test_each_picture_is_on_a_page() -> None:
    placed = [
        (page.parent / target, words)
        for page in PAGES
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]*\.svg)\)", page.read_text("utf-8"))
    ]
    assert sorted(path for path, _ in placed) == sorted(one.path for one in PICTURES)
    assert sorted(FOLDER.iterdir()) == sorted(one.path for one in PICTURES)
    assert all(words for _, words in placed)


@pytest.mark.parametrize(
    "other",
    [
        Text("pod"),
        Text(" pid"),
        Text("pid", Style(dim=True)),
        Text("pid", Style(color="red")),
        Text("pid", Style(bgcolor="red")),
        Text("pid", Style(reverse=True)),
        Text("pid", Style(bold=True)),
    ],
)
def test_another_text_or_look_is_another_picture(other: Text) -> None:
    assert drawn("a", [Text("pid")]) == drawn("a", [Text("pid")])
    assert shown(drawn("a", [other])) != shown(drawn("a", [Text("pid")]))


@pytest.mark.parametrize(
    ("written", "style"),
    [
        ("\x1b[2m", Style(dim=True)),
        ("\x1b[1;2m", Style(bold=True, dim=True)),
        ("\x1b[1;2;22m", Style()),
        ("\x1b[38;5;2m", Style(color="#00cd00")),
        ("\x1b[48;2;2;2;2m", Style(bgcolor="#020202")),
        ("\x1b[38;5;236;2m", Style(color="#303030", dim=True)),
        ("\x1b[36m", Style(color="cyan")),
        ("\x1b[93m", Style(color="bright_yellow")),
        ("\x1b[7m", Style(reverse=True)),
        ("\x1b[4m", Style(underline=True)),
    ],
)
def test_looks_are_those_of_the_terminal(written: str, style: Style) -> None:
    (line,) = lines_of(f"{written}ab\x1b[0m\x1b[?25l".encode(), 3)
    same = drawn("a", [Text("ab", style)])
    assert shown(drawn("a", [line])) == shown(same)


def test_the_cursor_is_seen_unless_it_is_hidden() -> None:
    (line,) = lines_of(b"ab\x1b[D", 3)
    cursor = Text("a").append("b", Style(reverse=True))
    assert shown(drawn("a", [line])) == shown(drawn("a", [cursor]))
    assert lines_of(b"ab\x1b[?25l", 3)[0].plain == "ab"
    assert [line.plain for line in lines_of(b"ab\r\n\n", 5)] == ["ab", "", " "]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("_1: 1 row, 0.02 s", "_1: 1 row"),
        ("_1: 1 row, 12.31 s", "_1: 1 row"),
        ("at 1, 0.02 s later", "at 1, 0.02 s later"),
    ],
)
def test_the_time_that_it_took_is_left_out(line: str, left: str) -> None:
    assert lines_of(f"{line}\x1b[?25l".encode(), 3)[0].plain == left
