"""How tables look where they go; for people at a terminal, otherwise than for files."""

from __future__ import annotations

from dataclasses import field

from memq.node import dataclass


@dataclass(slots=True)
class Look:
    """What a table is fitted to, and what did not fit."""

    width: int | None = None
    """Columns that there are; None: as many as a table needs."""
    dim: bool = False
    """Whether what is unknown is shown dim, and what is to be seen first bold."""
    humane: bool = False
    """Whether sizes, times and durations are rounded for people (memq.output.humane)."""
    left_out: list[str] = field(default_factory=list)
    """Columns for which there was no room, known as soon as the first row is written."""

    @property
    def note(self) -> str:
        """What to say of the columns that were left out; empty if there are all."""
        count = len(self.left_out)
        columns = "column" if count == 1 else "columns"
        return f"{count} {columns} left out: {', '.join(self.left_out)}" if count else ""

    def strong(self, text: str) -> str:
        """Return a text that is to be seen first."""
        return f"\x1b[1m{text}\x1b[0m" if self.dim else text

    def marked(self, mark: str) -> str:
        """Return a mark as it is shown."""
        return f"\x1b[2m{mark}\x1b[0m" if self.dim else mark
