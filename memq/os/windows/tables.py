"""Which types and symbols a kernel is read by.

By the identity of its PDB where that is known; else the types of near builds, each of which has to
prove itself, and symbols only as far as the image itself exports them.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import SymbolError
from memq.node import dataclass
from memq.symbols.store import ProfileStore
from memq.symbols.types import Types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.os.hints import Hints
    from memq.progress import Progress
    from memq.symbols.tables import Identity, ImageTable
    from memq.symbols.types import StructType


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
    has_all_symbols: bool = False
    warnings: tuple[str, ...] = ()


class Question(NamedTuple):
    """What is known of a kernel's image, by which types and symbols are chosen."""

    identity: tuple[str, Identity] | None
    """Name and identity of its PDB."""
    build: int | None
    exports: Mapping[str, int]
    """RVAs of what it exports."""
    word_size: int

    @property
    def advice(self) -> str:
        """Which file would have the types and symbols, and how it is given."""
        name = "its PDB is not known"
        if self.identity is not None:
            name = f"its PDB is {self.identity[0]} {self.identity[1]}"
        return f"{name}: give it, or an ISF file, with --profile, or name a --symbol-server"


def choices(hints: Hints, question: Question, progress: Progress) -> Iterator[Choice]:
    """Yield what a kernel may be read by, the best first; SymbolError if there is nothing."""
    if hints.profile is not None and not hints.profile.is_dir():
        yield _given(hints.profile, question, progress)
        return
    store = ProfileStore()
    exact = None if question.identity is None else store.table(question.identity[1])
    if exact is None and question.identity is not None:
        exact = _elsewhere(hints, *question.identity, progress)
    if exact is not None:
        yield Choice(exact.types, exact.rvas, exact.source, True, exact.has_all_symbols)
        return
    yield from _near(store, question)


def _given(path: Path, question: Question, progress: Progress) -> Choice:
    """Return the table of a file that was given: its symbols only if it is this image's."""
    from memq.symbols.table_files import open_table  # noqa: PLC0415 - seldom needed

    table = open_table(path, progress)
    own = None if question.identity is None else question.identity[1]
    if own is None or table.identity in {None, own}:
        return Choice(table.types, table.rvas, str(path), True, table.has_all_symbols)
    warning = (
        f"{path}: is the table of {table.identity}, the kernel's is {own}: only types are used"
    )
    return Choice(table.types, {}, str(path), is_exact=False, warnings=(warning,))


def _elsewhere(
    hints: Hints, name: str, identity: Identity, progress: Progress
) -> ImageTable | None:
    """Return an image's table from where else symbols are kept: folders, caches, a server."""
    path = _kept(hints, name, identity)
    if path is None and hints.symbol_server is not None:
        from memq.symbols.server import fetch_pdb  # noqa: PLC0415 - seldom needed

        path = fetch_pdb(hints.symbol_server, name, identity, _folder(), progress)
    if path is None:
        return None
    from memq.symbols.table_files import open_table  # noqa: PLC0415 - seldom needed

    return open_table(path, progress)


def _kept(hints: Hints, name: str, identity: Identity) -> Path | None:
    """Return the file of an image's table in a folder that was given, or where others keep them."""
    from memq.symbols.cache import find_pdb  # noqa: PLC0415 - seldom needed
    from memq.symbols.table_files import find_isf  # noqa: PLC0415 - seldom needed

    folders = [hints.profile] if hints.profile is not None else []
    volatility = find_spec("volatility3")  # found, not imported
    if volatility is not None and volatility.submodule_search_locations:
        folders += [Path(place) / "symbols" for place in volatility.submodule_search_locations]
    for folder in folders:
        found = find_isf(folder, name, identity)
        if found is not None:
            return found
    own = f"srv*{_folder()}"
    told = os.environ.get("_NT_SYMBOL_PATH", "")
    given = str(hints.profile) if hints.profile is not None else ""
    return find_pdb(name, identity, ";".join(part for part in (given, told, own) if part))


def _folder() -> Path:
    """Return where memq keeps what it has fetched."""
    from memq.layers.compress import cache_folder  # noqa: PLC0415 - slow, and seldom needed

    return cache_folder() / "symbols"


def _near(store: ProfileStore, question: Question) -> Iterator[Choice]:
    """Yield the types of near builds; no symbols, as those are elsewhere in each build."""
    advice = question.advice
    if question.build is None:
        raise SymbolError(f"its build is not known; {advice}")
    found = store.nearest(question.build, question.exports, question.word_size)
    if found is None:
        raise SymbolError(f"memq has no profile of such a machine; {advice}")
    for number, candidate in enumerate(found.candidates):
        source = f"memq's profile of build {candidate.entry.build}, which is not this one's"
        warning = f"{found.warning(number)}; {advice}"
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

    def required(self, name: str) -> StructType:
        """Raise SymbolError that says what is to be done."""
        raise SymbolError(
            f"no types of this kernel are known, so that there is no {name}: "
            "give its table with --profile"
        )
