"""What one evaluation needs besides the dump: cancel, limits, and what it has to say at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import Any

import numpy as np

from memq.errors import Cancelled, Reason
from memq.node import dataclass
from memq.progress import Progress


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of walks; what lies beyond is unknown, never silently missing."""

    children: int = 1 << 24
    """Elements of one collection, over all parents of one batch."""
    list_length: int = 1 << 22
    """Elements of one linked list."""
    rows_at_once: int = 1 << 18
    """Rows that a condition over several collections is evaluated on at once."""
    join_above: int = 1 << 12
    """Where there are more pairs of elements than this, those with equal keys are sought first."""


@dataclass(slots=True)
class Run:
    """State of one evaluation; passed down, never kept in a module."""

    progress: Progress = field(default_factory=Progress)
    limits: Limits = field(default_factory=Limits)
    cancelled: bool = False
    matched: int = 0
    undecided: Counter[Reason] = field(default_factory=Counter)
    lost: Counter[Reason] = field(default_factory=Counter)
    """Sub-objects that narrowing left out because their place was unknown."""
    keeps_undecided: bool = False
    """Whether the elements that could not be decided are kept, in `doubts`."""
    doubts: list[tuple[Any, Any]] = field(default_factory=list)
    """Batches of elements, and for each element the reason why it is undecided."""
    notes: dict[str, Reason] = field(default_factory=dict)
    """What was cut short, in words, each once, in the order in which it was met, and why.

    Reason.KNOWN where nothing is missing: a mere remark.
    """

    def check(self) -> None:
        """Raise Cancelled if the user asked for it; called between batches and levels of a walk.

        Called often enough, too, to show that the run goes on.
        """
        if self.cancelled:
            raise Cancelled("stopped")
        self.progress.tick(0, 0)

    def doubt(self, elements: Any, reasons: Any) -> None:
        """Count elements that could not be decided, one for each reason, and keep them if asked."""
        self.undecided.update(_counts(reasons))
        if self.keeps_undecided and len(reasons):
            self.doubts.append((elements, reasons))

    def lose(self, reasons: Any) -> None:
        """Count sub-objects that were left out, one for each reason."""
        self.lost.update(_counts(reasons))

    def note(self, text: str, reason: Reason) -> None:
        """Keep a note for the end of the run, unless it was made before; at most 1,000."""
        if len(self.notes) < 1000:
            self.notes.setdefault(text, reason)

    def remark(self, text: str) -> None:
        """Keep a note of what is worth to know, though nothing is missing for it."""
        self.note(text, Reason.KNOWN)

    @property
    def is_whole(self) -> bool:
        """Whether all was looked at, and all of it decided."""
        return not (any(self.notes.values()) or self.undecided.total() or self.lost.total())


def _counts(reasons: Any) -> dict[Reason, int]:
    """How often each reason stands in an array of them."""
    counts = np.bincount(reasons).tolist()
    return {Reason(code): count for code, count in enumerate(counts) if count}
