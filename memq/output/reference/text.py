"""The reference as text for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from memq.output.reference import words
from memq.schema.declare import Cost, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from memq.schema.declare import SubObject, System
    from memq.schema.reference import Callable, Entry, ObjectEntry, Operator, Reference

_LEAST_WIDTH = 72
"""What the columns of names, types and costs take."""


def as_text(reference: Reference, width: int) -> str:
    """Return the reference in lines of at most so many columns, or of 72 where that is less."""
    paper = Paper(reference.systems, width)
    lines = list(paper.head())
    for entry in reference.objects:
        lines += ["", *paper.object_lines(entry)]
    for title, callables in words.groups(reference.callables):
        lines += ["", *paper.titled_lines(title, callables)]
    if reference.callables.operators:
        lines += ["", *paper.operator_lines(reference.callables.operators)]
    return "\n".join(lines) + "\n"


class Paper:
    """Lines of one width about what can be asked of some systems; the help shows parts of them."""

    def __init__(self, systems: Mapping[str, System], width: int) -> None:
        self._systems = systems
        self._width = max(width, _LEAST_WIDTH)

    def head(self) -> Iterator[str]:
        """Yield what has to be known to read the rest."""
        yield from self._wrapped(
            "Behind each name stand its aliases, its type, and its cost where that is not the "
            "least; * marks the default columns. The cost says how a value is come by:"
        )
        for cost in Cost:
            name = words.cost_name(cost)
            yield from self._wrapped(f"{name:13}{cost.text}", first=2, rest=15)

    def object_lines(self, entry: ObjectEntry) -> Iterator[str]:
        """Yield all about one object."""
        yield from self._wrapped(f"{entry.name}: {words.told(entry, self._systems, words.summary)}")
        for label, text in self._facts(entry):
            yield from self._wrapped(f"{label:13}{text}", first=2, rest=15)
        for example in dict.fromkeys(one.example for one in entry.declared.values()):
            yield f"  example      {example}"  # in one line, to be copied
        parts: tuple[Entry[Field | SubObject], ...] = (*entry.fields, *entry.subobjects)
        yield ""
        for part in parts:
            yield from self.part_lines(part, entry)

    def _facts(self, entry: ObjectEntry) -> Iterator[tuple[str, str]]:
        type_ = entry.first()
        yield "systems", words.titles(entry, self._systems)
        if type_.principal:
            yield "principal", f"{type_.principal}: its fields need no prefix"
        if type_.owner_type:
            yield "owner", type_.owner_type
        yield "identity", words.told(entry, self._systems, words.identity)

    def part_lines(self, part: Entry[Field | SubObject], owner: ObjectEntry) -> Iterator[str]:
        """Yield one line with the name and what it is, and the doc below."""
        one = part.first()
        mark = "*" if isinstance(one, Field) and one.shown else " "
        names = ", ".join((one.name, *one.aliases))
        tail = f"{_type(one):24}{words.told(part, self._systems, words.cost)}"
        yield from self._wrapped(f"{mark} {names:32} {tail}".rstrip(), rest=35)
        doc = words.told(part, self._systems, words.description)
        more = words.only(part, owner, self._systems)
        yield from self._wrapped(f"{doc} {more}".rstrip(), first=6, rest=6)

    def titled_lines(self, title: str, callables: Iterable[Callable]) -> Iterator[str]:
        """Yield a title, and below it all about some methods or functions."""
        yield from self._wrapped(title)
        for one in callables:
            yield ""
            yield from self.callable_lines(one)

    def callable_lines(self, one: Callable) -> Iterator[str]:
        """Yield what a method or a function gives, and how it is called."""
        yield from self._wrapped(one.signature, first=2, rest=6)
        yield from self._wrapped(words.callable_doc(one), first=6, rest=6)
        yield f"      example  {one.example}"  # in one line, to be copied

    def operator_lines(self, operators: Iterable[Operator]) -> Iterator[str]:
        """Yield what operators there are, those first that bind least."""
        yield from self._wrapped("Operators, from those that bind least to those that bind most:")
        yield ""
        for one in operators:
            yield from self._wrapped(f"{', '.join(one.written):18}{one.doc}", first=2, rest=20)
            yield f"{'':20}example  {one.example}"

    def _wrapped(self, text: str, first: int = 0, rest: int = 0) -> list[str]:
        return textwrap.wrap(
            text,
            self._width,
            initial_indent=" " * first,
            subsequent_indent=" " * rest,
            break_on_hyphens=False,
        )


def _type(part: Field | SubObject) -> str:
    if isinstance(part, Field):
        return part.value_type.kind.value
    return f"{'collection of ' if part.many else 'one '}{part.item}"
