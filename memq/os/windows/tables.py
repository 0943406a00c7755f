"""Which types and symbols a kernel is read by.

By the identity of its PDB where that is known; else the types of near builds, each of which has to
prove itself, and symbols only as far as the image itself exports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import SymbolError
from memq.symbols.store import ProfileStore
from memq.symbols.types import Types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.os.hints import Hints
    from memq.progress import Progress
    from memq.symbols.tables import Identity


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
    store = ProfileStore()
    exact = None if question.identity is None else store.table(question.identity[1])
    if exact is not None:
        yield Choice(exact.types, exact.rvas, exact.source, is_exact=True)
        return
    yield from _near(store, question)


def _near(store: ProfileStore, question: Question) -> Iterator[Choice]:
    """Yield the types of near builds; no symbols, as those are elsewhere in each build."""
    name = "its PDB is not known"
    if question.identity is not None:
        name = f"its PDB is {question.identity[0]} {question.identity[1]}"
    advice = f"{name}: give it, or an ISF file, with --profile"
    if question.build is None:
        raise SymbolError(f"its build is not known; {advice}")
    found = store.nearest(question.build, question.exports, question.word_size)
    if found is None:
        raise SymbolError(f"memq has no profile of such a machine; {advice}")
    for number, candidate in enumerate(found.candidates):
        source = f"memq's profile of build {candidate.entry.build}, which is not this one's"
        warning = f"{found.warning}; {advice}"
        yield Choice(found.types(number), {}, source, is_exact=False, warnings=(warning,))


class NoTypes(Types):
    """What is known of a machine's structures where no table of it is: nothing."""

    def struct(self, name: str) -> None:
        """Return no structure."""

    def enum(self, name: str) -> None:
        """Return no enum."""

    def enumerator(self, name: str) -> None:
        """Return no constant."""

    def names(self) -> list[str]:
        """Return no names."""
        return []
