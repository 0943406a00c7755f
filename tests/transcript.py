"""A session of the interpreter as text: entries behind their prompts, and what they show."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from memq.repl import enter
from memq.ui.plain import CONTINUATION, PROMPT
from memq.ui.session import Session
from memq.ui.terminal import Terminal

if TYPE_CHECKING:
    from memq.hunt.case_query import OpenCase
    from memq.image import Image

WIDTH = 96


class Paper(io.StringIO):
    """A stream that someone looks at."""

    def isatty(self) -> bool:
        return True


class Transcript:
    """Enters one text after the other, as at a terminal without colours."""

    def __init__(self, image: Image | OpenCase, width: int = WIDTH) -> None:
        self.paper = Paper()
        terminal = Terminal(self.paper, {"TERM": "dumb"}, columns=width)
        self.session = Session(image, terminal)
        self.session.settings.set("pager", "off")
        self.session.settings.set("time", "off")

    def enter(self, text: str) -> str:
        """Enter a text; return what it shows."""
        before = len(self.text)
        self.paper.write(f"{PROMPT}{text}".replace("\n", f"\n{CONTINUATION}") + "\n")
        begun = len(self.paper.getvalue())
        enter(self.session, text)
        shown = self.paper.getvalue()[begun:]
        if not shown.endswith("\n\n"):
            self.paper.write("\n")
        assert len(self.text) > before
        return shown

    @property
    def text(self) -> str:
        """All so far; the last line is no empty one."""
        return "".join(f"{line.rstrip()}\n" for line in self.paper.getvalue().rstrip().split("\n"))
