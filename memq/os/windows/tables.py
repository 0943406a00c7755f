"""Which types and symbols a kernel is read by.

By the identity of its PDB where that is known; else the types of near builds, each of which has to
prove itself, and symbols only as far as the image itself exports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.os.hints import Hints
    from memq.progress import Progress
    from memq.symbols.tables import Identity
    from memq.symbols.types import Types


@dataclass(frozen=True, slots=True)
class Choice:
    """Types and symbols that a kernel may be read by."""

    types: Types
    rvas: Mapping[str, int]
    """RVAs of the symbols; empty where only types are known."""
    source: str
    """For people."""
    is_exact: bool
    """Whether they are this very image's."""
    warnings: tuple[str, ...] = ()


class Question(NamedTuple):
    """What is known of a kernel's image, by which types and symbols are chosen."""

    identity: tuple[str, Identity] | None
    """Name and identity of its PDB."""
    build: int | None
    exports: Mapping[str, int]
    """RVAs of what it exports."""
    word_size: int


def choices(hints: Hints, question: Question, progress: Progress) -> Iterator[Choice]:
    """Yield what a kernel may be read by, the best first; SymbolError if there is nothing."""
    if hints.profile is not None:
        from memq.symbols.isf import open_isf  # noqa: PLC0415 - seldom needed

        table = open_isf(hints.profile, progress)
        yield Choice(table, table.symbols, str(hints.profile), is_exact=True)
        return
    raise SymbolError("no types are known of it; give them with --profile")
