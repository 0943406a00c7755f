"""A viewer of raw structures on the whole screen: a tree that is opened line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import (
    BufferControl,
    FormattedTextControl,
    UIContent,
    UIControl,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.styles import Style

from memq.ui.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.output import Output

    from memq.ui.nodes import Node

_HELP = "→ opens  ← closes  / searches names  n next  q leaves"
_PAGE = 20
"""Lines of a page before the screen's height is known."""
_STYLE = Style.from_dict({"chosen": "reverse", "name": "bold", "bar": "reverse", "unknown": "dim"})


def browse(
    nodes: Sequence[Node], source: Input | None = None, screen: Output | None = None
) -> None:
    """Show nodes until the user leaves; `source` and `screen` are the terminal if not given."""
    viewer = _Viewer(Outline(nodes))
    Application(
        layout=viewer.layout,
        key_bindings=viewer.keys,
        style=_STYLE,
        full_screen=True,
        input=source,
        output=screen,
    ).run()


class _Lines(UIControl):
    """The outline's lines, of which only those on the screen are made."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline

    def create_content(self, width: int, height: int) -> UIContent:
        """Return the lines, and where the chosen one is, so that it stays on the screen."""
        return UIContent(
            self._fragments,
            line_count=max(1, len(self.outline.lines)),
            cursor_position=Point(0, self.outline.chosen),
            show_cursor=False,
        )

    def is_focusable(self) -> bool:
        """Keys come here."""
        return True

    def _fragments(self, number: int) -> StyleAndTextTuples:
        if number >= len(self.outline.lines):
            return [("class:unknown", "(nothing)")]
        line = self.outline.lines[number]
        if number == self.outline.chosen:
            return [("class:chosen", line.text)]
        label = line.node.label
        start, found, rest = line.text.partition(label) if label else (line.text, "", "")
        is_unknown = line.node.value.startswith("?")
        return [("", start), ("class:name", found), ("class:unknown" if is_unknown else "", rest)]


class _Viewer:
    """The screen: lines, a bar that says what the chosen one is, a place to type what is sought."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.tree = Window(_Lines(outline), wrap_lines=False)
        self.search = Buffer(multiline=False, accept_handler=self._sought)
        field = Window(BufferControl(self.search, [BeforeInput("/")]), height=1)
        is_searching = has_focus(self.search)
        bar = Window(FormattedTextControl(self._bar), height=1, style="class:bar")
        rows = [self.tree, ConditionalContainer(field, is_searching), bar]
        self.layout = Layout(HSplit(rows), focused_element=self.tree)
        self.keys = KeyBindings()
        self._bind()

    def _bar(self) -> str:
        outline = self.outline
        if outline.message:
            return outline.message
        detail = outline.line.node.detail if outline.line else ""
        place = f"{outline.chosen + 1:,}/{len(outline.lines):,}"
        return "  ".join(filter(None, (place, detail, _HELP)))

    def _bind(self) -> None:
        outline, in_tree = self.outline, has_focus(self.tree)
        actions: list[tuple[str, Callable[[], None]]] = [
            ("up k", lambda: outline.move(-1)),
            ("down j", lambda: outline.move(1)),
            ("pageup", lambda: outline.move(-self._page())),
            ("pagedown", lambda: outline.move(self._page())),
            ("home g", lambda: outline.choose(0)),
            ("end G", lambda: outline.choose(len(outline.lines))),
            ("right l", outline.expand),
            ("left h", outline.collapse),
            ("enter space", outline.toggle),
            ("n", lambda: outline.find(1)),
            ("N", lambda: outline.find(-1)),
            ("/", lambda: self.layout.focus(self.search)),
        ]
        for names, action in actions:
            for name in names.split():
                self.keys.add(name, filter=in_tree)(_handler(action))
        for name in ("q", "escape"):
            self.keys.add(name, filter=in_tree, eager=True)(_leave)
        self.keys.add("c-c")(_leave)
        self.keys.add("escape", filter=has_focus(self.search), eager=True)(_handler(self._stop))

    def _page(self) -> int:
        info = self.tree.render_info
        return _PAGE if info is None else max(1, info.window_height - 1)

    def _sought(self, buffer: Buffer) -> bool:
        """Search for what was typed; the place to type is empty the next time."""
        self.outline.search(buffer.text)
        self.layout.focus(self.tree)
        return False

    def _stop(self) -> None:
        self.search.reset()
        self.layout.focus(self.tree)


def _handler(action: Callable[[], None]) -> Callable[[KeyPressEvent], None]:
    return lambda _event: action()


def _leave(event: KeyPressEvent) -> None:
    event.app.exit()
