"""Pictures of the interpreter, as people see it on a terminal.

    python -m tests.pictures    draws them anew into docs/pictures/

A picture is what stands on the screen when a few keys have been pressed: the program runs on a
terminal of its own with the sample, so that a picture shows nothing that memq does not.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import pyte
from pyte.graphics import FG_AIXTERM, FG_ANSI
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.lab import ROOT, SAMPLE_GUEST
from tests.ui.screen import ENTER, RIGHT, TAB, Screen, memq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

COMMAND = "python -m tests.pictures"
FOLDER = ROOT / "docs" / "pictures"
COLUMNS = 100


class Step(NamedTuple):
    """Keys that are pressed at once, and what the screen shows before the next ones are."""

    keys: str
    shows: str
    """A pattern; what was there before does not match it."""


def _pressed(keys: str, shows: str) -> Step:
    return Step(keys, re.escape(shows))


def _entered(entry: str, shows: str) -> Step:
    """Enter something that ends in a new prompt."""
    return Step(entry + ENTER, rf"{re.escape(shows)}.*\nmemq>$")


class Picture(NamedTuple):
    """A file in docs/pictures/, and how to get at what it shows."""

    name: str
    rows: int
    """Of the terminal; those at its end that are empty are not drawn."""
    steps: tuple[Step, ...]

    @property
    def path(self) -> Path:
        """Where it is."""
        return FOLDER / f"{self.name}.svg"


PICTURES = (
    Picture(
        "session",
        40,
        (
            _entered("process.Where(vad.is_executable && vad.is_anonymous)", "_1: 1 row"),
            _entered(".Select([pid, name, vad.start, vad.protection])", "_2: 1 row"),
            _entered(
                ".tree process.Where(pid == 1 || pid in 199..301 && !is_kernel_thread)",
                "_3: 6 rows",
            ),
            _entered("process.Where(image_is_deletd)", "Did you mean"),
        ),
    ),
    Picture(
        "completion",
        28,
        (
            _entered("process.Where(name.Matches(/^lab/)).CountBy(parent.name)", "_1: 4 rows"),
            _pressed("process.Where(vad.", " is_anonymous "),
            _pressed(TAB * 10, "process.Where(vad.is_executable"),
        ),
    ),
    Picture(
        "browse",
        28,
        (
            _pressed(f".browse process.Where(pid == 354).Select(raw){ENTER}", "1/1"),
            _pressed(f"{RIGHT}/nsproxy{ENTER}", "nsproxy: struct nsproxy *"),
            _pressed(f"{RIGHT}/uts_ns{ENTER}", "uts_ns: struct uts_namespace *"),
            _pressed(f"{RIGHT}/name{ENTER}{RIGHT}", "name: struct new_utsname"),
            _pressed(f"/net_ns{ENTER}", "net_ns: struct net *"),
            _pressed(f"/nodename{ENTER}", "char [65] at"),
        ),
    ),
)

_TIME = re.compile(r", \d+\.\d\d s$")
"""At the end of the line below a result; `.set time off` leaves it out, and so do pictures."""


# What the terminal shows


class _Canvas(pyte.Screen):
    """A screen that knows what is dim: pyte does not, so that it stands as what blinks."""

    def select_graphic_rendition(self, *attributes: int, **more: Any) -> None:
        super().select_graphic_rendition(*_with_dim(attributes), **more)


def _with_dim(attributes: Sequence[int]) -> Iterator[int]:
    """Yield attributes with "dim" become "blink"; a 2 within a colour is none."""
    rest = iter(attributes)
    for one in rest:
        if one in (38, 48):
            kind = next(rest, 5)
            yield from (one, kind, *(next(rest, 0) for _ in range(3 if kind == 2 else 1)))
        elif one == 22:  # neither bold nor dim
            yield from (22, 25)
        else:
            yield 5 if one == 2 else one


def seen(picture: Picture) -> list[Text]:
    """Return the lines that the screen shows when all steps are done."""
    with tempfile.TemporaryDirectory() as folder, _start(picture, folder) as screen:
        screen.prompt(SAMPLE_GUEST)
        for step in picture.steps:
            screen.type(step.keys)
            screen.until(partial(_matches, step.shows), step)
        _settle(screen)
        return lines_of(screen.raw, picture.rows)


def lines_of(written: bytes, rows: int) -> list[Text]:
    """Return the lines that a terminal shows when that was written to it, the cursor's included."""
    canvas = _Canvas(COLUMNS, rows)
    pyte.ByteStream(canvas).feed(written)
    used = [number for number, line in enumerate(canvas.display, 1) if line.strip()]
    last = max(canvas.cursor.y + 1, *used)
    return [_line(canvas, row) for row in range(last)]


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text.rstrip(), re.DOTALL) is not None


def _start(picture: Picture, folder: str) -> Screen:
    """Start memq as for someone who has entered nothing yet, on a dark terminal of 256 colours."""
    screen = memq(
        f"samples/{SAMPLE_GUEST}.lime.xz",
        rows=picture.rows,
        columns=COLUMNS,
        COLUMNS=str(COLUMNS),
        LINES=str(picture.rows),
        XDG_STATE_HOME=folder,
        PYTHONUTF8="1",
        COLORFGBG="",
        PROMPT_TOOLKIT_COLOR_DEPTH="DEPTH_8_BIT",
        PROMPT_TOOLKIT_NO_CPR="",
    )
    # A menu takes the lines below the cursor; the terminal is asked where that is, and answers.
    screen.screen.write_process_input = screen.type
    return screen


def _settle(screen: Screen) -> None:
    """Wait until nothing more comes."""
    size = -1
    while size != len(screen.raw):
        size = len(screen.raw)
        screen.read(0.3)


def _line(canvas: Any, row: int) -> Text:
    cursor = canvas.cursor
    at = cursor.x if cursor.y == row and not cursor.hidden else -1
    cells = [(canvas.buffer[row][x], x == at) for x in range(COLUMNS)]
    while cells and cells[-1] == (canvas.default_char, False):
        cells.pop()
    line = Text()
    for style, same in groupby(cells, lambda cell: _style(*cell)):
        line.append("".join(char.data for char, _ in same), style)
    if found := _TIME.search(line.plain):
        line.right_crop(len(line) - found.start())
    return line


_NUMBERS = {name: code - 30 for code, name in FG_ANSI.items() if code < 38} | {
    name: code - 90 + 8 for code, name in FG_AIXTERM.items()
}
"""The sixteen colours of terminals, by pyte's names."""


def _style(char: Any, is_cursor: bool) -> Style:
    return Style(
        color=_colour(char.fg),
        bgcolor=_colour(char.bg),
        bold=char.bold,
        dim=char.blink,
        italic=char.italics,
        underline=char.underscore,
        reverse=char.reverse != is_cursor,
    )


def _colour(name: str) -> Color | None:
    if name == "default":
        return None
    return Color.from_ansi(_NUMBERS[name]) if name in _NUMBERS else Color.parse(f"#{name}")


# What is drawn

_THEME = TerminalTheme(
    (22, 27, 34),
    (208, 215, 222),
    [
        (72, 79, 88),
        (255, 123, 114),
        (126, 231, 135),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (208, 215, 222),
    ],
    [
        (139, 148, 158),
        (255, 161, 152),
        (160, 240, 170),
        (240, 200, 100),
        (165, 214, 255),
        (226, 197, 255),
        (130, 230, 236),
        (255, 255, 255),
    ],
)
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
}}
.{unique_id}-title {{
  font-family: Helvetica, Arial, sans-serif;
  font-size: 18px;
  font-weight: bold;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""As rich has it, but for fonts that would be fetched from elsewhere."""


def drawn(name: str, lines: Iterable[Text]) -> str:
    """Return lines of a screen as an SVG; the same lines make the same text."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=COLUMNS,
        color_system="truecolor",
        force_terminal=True,
        legacy_windows=False,
        no_color=False,
        _environ={},
    )
    for line in (*lines, Text()):  # rich cuts off the lower edge of the last one
        console.print(line, no_wrap=True, overflow="crop", highlight=False)
    svg = console.export_svg(
        title="memq", theme=_THEME, code_format=_FORMAT, font_aspect_ratio=0.6, unique_id=name
    )
    return _ENDS.sub("", svg).replace("><", ">\n<")


_ENDS = re.compile(r"<text [^>]*>\n</text>")
"""Ends of lines, which rich draws as if they were to be seen."""
_STYLES = re.compile(r"^\.(\S+) \{ (.*?);? \}$", re.MULTILINE)


def shown(svg: str) -> list[str]:
    """Return all that an SVG shows, one piece a line: where it stands, how it looks, its text."""
    root = ET.fromstring(svg)
    styles = dict(_STYLES.findall(svg))
    return [
        f"{one.get('x')} {one.get('y')} {one.get('width')} {one.get('fill')} "
        f"{styles.get(one.get('class', ''))} {one.text}"
        for one in root.iter()
        if one.tag.endswith(("}text", "}rect"))
    ]


def main() -> int:
    """Draw all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        picture.path.write_text(drawn(picture.name, seen(picture)), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
