"""What a viewer of trees shows: the lines that are open, and the one that is chosen.

It knows no terminal: keys are its methods, and lines are text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import MemqError
from memq.node import dataclass
from memq.output.cells import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.ui.nodes import Node

MAX_LINES = 50_000
"""Lines that are open at once; what would be more is not opened."""
CLOSED, OPEN, LEAF = "▸", "▾", " "


@dataclass(slots=True)
class Line:
    """A node on the screen."""

    node: Node
    level: int
    is_open: bool = False

    @property
    def text(self) -> str:
        """The whole line."""
        sign = LEAF if self.node.is_leaf else OPEN if self.is_open else CLOSED
        return f"{'  ' * self.level}{sign} {self.node.line(is_open=self.is_open)}"


class Outline:
    """Lines of nodes, some of them opened."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.lines = [Line(node, 0) for node in nodes]
        self.chosen = 0
        self.message = ""
        """What the last key has to say."""
        self.sought = ""

    @property
    def line(self) -> Line | None:
        """The chosen line; None where there is nothing at all."""
        return self.lines[self.chosen] if self.lines else None

    def move(self, distance: int) -> None:
        """Choose a line above or below, the first or the last if there is none so far."""
        self.choose(self.chosen + distance)

    def choose(self, number: int) -> None:
        """Choose a line by its number, counted from 0."""
        self.message = ""
        self.chosen = max(0, min(number, len(self.lines) - 1))

    def expand(self) -> None:
        """Open the chosen line; choose the first one below it if it is open."""
        self.message = ""
        line = self.line
        if line is None or line.node.is_leaf:
            return
        if line.is_open:
            self.move(int(self._end() > self.chosen + 1))
            return
        try:
            children = line.node.children()
        except MemqError as error:
            self.message = clean(str(error))
            return
        if len(self.lines) + len(children) > MAX_LINES:
            self.message = f"{MAX_LINES:,} lines are open at most: close some"
            return
        line.is_open = True
        below = [Line(child, line.level + 1) for child in children]
        self.lines[self.chosen + 1 : self.chosen + 1] = below

    def collapse(self) -> None:
        """Close the chosen line; choose the one that it is below if it is closed."""
        self.message = ""
        line = self.line
        if line is None:
            return
        if line.is_open:
            line.is_open = False
            del self.lines[self.chosen + 1 : self._end()]
            return
        above = range(self.chosen - 1, -1, -1)
        self.chosen = next((n for n in above if self.lines[n].level < line.level), self.chosen)

    def toggle(self) -> None:
        """Open the chosen line, or close it."""
        if self.line is not None and self.line.is_open:
            self.collapse()
        else:
            self.expand()

    def search(self, text: str) -> None:
        """Choose the next line whose name has the text in it; of an empty one, the last one's."""
        self.sought = text or self.sought
        self.find(1)

    def find(self, step: int) -> None:
        """Choose the next line (step 1) or the one before (-1) that has what was sought."""
        self.message = ""
        wanted, count = self.sought.casefold(), len(self.lines)
        if not wanted:
            return
        for distance in range(1, count + 1):
            number = (self.chosen + step * distance) % count
            if wanted in self.lines[number].node.label.casefold():
                self.chosen = number
                return
        self.message = clean(f"no open line has `{self.sought}` in its name")

    def _end(self) -> int:
        """Return the number of the first line that is not below the chosen one."""
        level = self.lines[self.chosen].level
        below = range(self.chosen + 1, len(self.lines))
        return next((n for n in below if self.lines[n].level <= level), len(self.lines))
