"""What is known of a dump that completion offers: values of fields, names of types and symbols.

Each list is made when it is first asked for, and kept.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from memq.column import Text
from memq.errors import MemqError
from memq.eval.raw_types import find_type, member_of
from memq.run import Run
from memq.schema.batch import Context
from memq.schema.declare import Cost, Field
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.schema.batch import ObjectType
    from memq.symbols.types import Type

MOST_ELEMENTS = 4096
"""Objects of one type whose values are looked at."""
MOST_SECONDS = 0.5
"""No more objects are looked for after this time."""
MOST_NUMBERS = 16
"""Distinct numbers that a field may have, so that they are worth to be offered."""
MOST_NAMES = 500
"""Types or symbols that are found for one text."""
_LONGEST = 200
"""Characters of a value that is offered."""
_FEW = 50
"""Names that begin with a text; where there are fewer, those that hold it follow."""
_SHORTEST = 3
"""Characters that a name is looked for by, when they are not its first ones."""


class Dump(Protocol):
    """What is asked: an open image."""

    @property
    def kernel(self) -> Any:
        """The kernel that the objects are read by."""


class KnownValues:
    """Distinct values of the cheap fields of a dump's objects, and its kernel's own names."""

    def __init__(self, image: Dump) -> None:
        self._kernel = image.kernel
        self._objects: dict[type[ObjectType], list[ObjectType]] = {}
        self._values: dict[tuple[type[ObjectType], str], tuple[str | int, ...]] = {}

    def of(self, type_: type[ObjectType], field: Field) -> tuple[str | int, ...]:
        """Return the known values of a field, sorted: texts, or numbers where they are few.

        None of fields that cost more than a pointer's read, nor of what others own: there are too
        many of these, and they would have to be walked to.
        """
        key = type_, field.name
        if key not in self._values:
            self._values[key] = self._distinct(type_, field)
        return self._values[key]

    def _distinct(self, type_: type[ObjectType], field: Field) -> tuple[str | int, ...]:
        is_text = field.value_type.kind is Kind.STRING
        if not is_text and field.value_type.kind is not Kind.NUMBER:
            return ()
        if field.cost > Cost.FOLLOW or type_.owner_type or self._kernel is None:
            return ()
        try:
            columns = [batch.column(field.name) for batch in self._batches(type_)]
        except MemqError:
            return ()
        if is_text:
            texts = (column for column in columns if isinstance(column, Text))
            words = {
                column.words[code]
                for column in texts
                for code in np.flatnonzero(np.bincount(column.values[column.known])).tolist()
            }
            return tuple(sorted(word for word in words if word and len(word) <= _LONGEST))
        found = {int(value) for column in columns for value in set(column.values[column.known])}
        return tuple(sorted(found)) if len(found) <= MOST_NUMBERS else ()

    def _batches(self, type_: type[ObjectType]) -> list[ObjectType]:
        """Return the first objects of a type."""
        if type_ not in self._objects:
            self._objects[type_] = list(self._found(type_))
        return self._objects[type_]

    def _found(self, type_: type[ObjectType]) -> Iterator[ObjectType]:
        """Yield objects until there are enough, or it takes too long.

        The walk is left where it is: one that was told to stop early would say so to others.
        """
        left, end = MOST_ELEMENTS, monotonic() + MOST_SECONDS
        for portion in type_.portions(Context(self._kernel, Run())):
            batch = portion.batch
            yield batch.take(np.arange(left)) if len(batch) > left else batch
            left -= len(batch)
            if left <= 0 or monotonic() > end:
                return

    # The kernel's own names

    def types(self, partial: str) -> list[str]:
        """Return names of structs and unions that fit a text: at most 500."""
        return self._types.matching(partial)

    def type_at(self, path: Sequence[str]) -> Type | None:
        """Return a type of the kernel's, or that of a member that a path leads to, if any."""
        types = getattr(self._kernel, "types", None)
        try:
            found = None if types is None else find_type(types, path[0])
            for name in path[1:]:
                found = None if found is None else member_of(found, name)
        except MemqError:
            return None
        return found

    def symbols(self, partial: str) -> list[str]:
        """Return symbols of the kernel that fit a text: at most 500."""
        return self._symbols.matching(partial)

    @cached_property
    def _types(self) -> _Lines:
        types = getattr(self._kernel, "types", None)
        try:
            return _Lines([] if types is None else [name.encode() for name in types.names()])
        except MemqError:
            return _Lines([])

    @cached_property
    def _symbols(self) -> _Lines:
        symbols = getattr(self._kernel, "symbols", None)
        try:
            lines = [] if symbols is None else symbols.text().splitlines()
        except MemqError:
            return _Lines([])
        # Ahead of each name stands the letter of its type.
        return _Lines([line[1:] for line in lines])


class _Lines:
    """Many names as one text, which is searched without a look at each."""

    def __init__(self, names: Iterable[bytes]) -> None:
        self._text = b"\n" + b"\n".join(names) + b"\n"
        self._small = self._text.lower()
        self._last: dict[bool, tuple[bytes, list[bytes]]] = {}
        """The last text that all names were found of, at the beginning (True) or anywhere."""

    def matching(self, partial: str) -> list[str]:
        """Return names that begin so, sorted; where there are few, also names that hold the text.

        Letters of ASCII alone are alike in both cases: the kernel has no others.
        """
        wanted = partial.encode(errors="replace").lower()
        if b"\n" in wanted:
            return []
        found = sorted(set(self._found(wanted, begins=True)))
        if len(found) < _FEW and len(wanted) >= _SHORTEST:
            found += sorted(set(self._found(wanted, begins=False)) - set(found))
        return [name.decode(errors="backslashreplace") for name in found]

    def _found(self, wanted: bytes, *, begins: bool) -> list[bytes]:
        """Return names that begin with a text, or hold it: all, or as many as are asked for.

        What fits a text fits its beginning, so that a letter more only sifts what was found.
        """
        before, known = self._last.get(begins, (b"\n", []))
        if wanted.startswith(before):
            fits = bytes.startswith if begins else bytes.__contains__
            return [name for name in known if fits(name.lower(), wanted)]
        sought = b"\n" + wanted if begins else wanted
        found = list(islice(self._holding(sought), MOST_NAMES))
        if len(found) < MOST_NAMES:
            self._last[begins] = wanted, found
        return found

    def _holding(self, text: bytes) -> Iterator[bytes]:
        """Yield the names in which a text stands, that may begin with the line feed before them."""
        at = self._small.find(text)
        while at >= 0:
            start = self._text.rfind(b"\n", 0, at + 1) + 1
            end = self._text.find(b"\n", start)
            if end > start:
                yield self._text[start:end]
            at = self._small.find(text, max(end, at + 1)) if end >= 0 else -1
