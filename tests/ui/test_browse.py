"""The viewer on a terminal that is none: keys go in, what is shown is asked of the screen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from memq.ui import browse
from memq.ui.browse import browse as show
from memq.ui.nodes import Node, record_nodes
from memq.ui.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
PAGE_DOWN, PAGE_UP, HOME, END = "\x1b[6~", "\x1b[5~", "\x1b[H", "\x1b[F"
RECORDS = [{"name": "init", "inner": {"a": 1, "b": [1, 2]}}, {"name": "sh"}]


def after(keys: str, monkeypatch: pytest.MonkeyPatch, nodes: Sequence[Node] = ()) -> Outline:
    """Return what the viewer shows when the keys have been pressed, and it was left."""
    made: list[Outline] = []

    def remember(nodes: Sequence[Node]) -> Outline:
        made.append(Outline(nodes))
        return made[-1]

    monkeypatch.setattr(browse, "Outline", remember)
    with create_pipe_input() as source:
        source.send_text(keys)
        show(nodes or list(record_nodes(RECORDS)), source, DummyOutput())
    return made[0]


@pytest.mark.parametrize(
    ("keys", "chosen", "lines"),
    [
        ("q", "[0]", 2),
        ("\x03", "[0]", 2),
        (f"{DOWN}q", "[1]", 2),
        (f"{DOWN}{DOWN}{DOWN}{UP}q", "[0]", 2),
        (f"{RIGHT}q", "[0]", 4),
        ("\rq", "[0]", 4),
        (f"{RIGHT}{RIGHT}q", "name", 4),
        (f"{RIGHT}{DOWN}{DOWN}{RIGHT}{DOWN}{DOWN}\rq", "b", 8),
        (f"{RIGHT}{RIGHT}{LEFT}q", "[0]", 4),
        (f"{RIGHT}{RIGHT}{LEFT}{LEFT}q", "[0]", 2),
        (f"{RIGHT}\rq", "[0]", 2),
        (f"{RIGHT}{END}q", "[1]", 4),
        (f"{RIGHT}{END}{HOME}q", "[0]", 4),
        (f"{RIGHT}{PAGE_DOWN}q", "[1]", 4),
        (f"{RIGHT}{PAGE_DOWN}{PAGE_UP}q", "[0]", 4),
        (f"{RIGHT}/INN\rq", "inner", 4),
        (f"{RIGHT}/n\rnq", "inner", 4),
        (f"{RIGHT}/n\rnNq", "name", 4),
        (f"{RIGHT}/qq\rq", "[0]", 4),
    ],
)
def test_keys(keys: str, chosen: str, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outline = after(keys, monkeypatch)
    assert outline.line is not None
    assert (outline.line.node.label, len(outline.lines)) == (chosen, lines)


def test_escape_leaves_the_search_and_then_the_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    outline = after(f"{RIGHT}/inn\x1bq", monkeypatch)
    assert (outline.chosen, outline.sought) == (0, "")
    assert after("\x1b", monkeypatch).chosen == 0


def test_nothing_can_be_browsed() -> None:
    with create_pipe_input() as source:
        source.send_text(f"{RIGHT}{LEFT}\r{DOWN}/a\rq")
        show([], source, DummyOutput())


def test_the_screen() -> None:
    text = io.StringIO()
    screen = Vt100_Output(text, lambda: Size(rows=6, columns=70), term="xterm")
    with create_pipe_input() as source:
        source.send_text(f"{RIGHT}q")
        show(list(record_nodes(RECORDS)), source, screen)
    drawn = text.getvalue()
    assert "▸" in drawn or "▾" in drawn
    assert "{...} 1 member" in drawn
    assert "/ searches names" in drawn
