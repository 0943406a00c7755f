"""Completion: what may be written next, as a function of the text before the cursor.

What is offered comes from the declarations of objects, methods and functions, from the dump's types
and symbols, and from the binder, which says what a name means at the cursor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from memq.eval.scene import At, Scene, scene
from memq.ui import names
from memq.ui.arguments import Words, argument_groups, commands_of
from memq.ui.matching import Entry, Group, best
from memq.ui.members import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memq.eval.bind import Binder
    from memq.lang.parser import Parser
    from memq.schema.declare import System
    from memq.ui.values import KnownValues

_COMMAND = re.compile(r"\s*(\.[A-Za-z_]*)")


class Suggestion(NamedTuple):
    """One thing that may be written: `text` takes the place of what stands from `start` on."""

    text: str
    start: int
    """Counted back from the cursor: negative, or 0 where nothing is replaced."""
    shown: str
    meta: str
    kind: str


class CommandWords(Protocol):
    """A command that begins with a dot, as far as completion needs to know it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def doc(self) -> str:
        """Its help."""

    @property
    def arguments(self) -> str:
        """Its arguments as the help shows them."""

    @property
    def takes(self) -> tuple[str, ...]:
        """What each of its arguments is, in order, as memq.ui.arguments knows it; or a query."""


class World(Protocol):
    """All that completion asks."""

    @property
    def binder(self) -> Binder:
        """Binds in this session: it knows what was named so far."""

    @property
    def parser(self) -> Parser:
        """Reads queries."""

    @property
    def system(self) -> System:
        """The dump's system."""

    @property
    def commands(self) -> Mapping[str, CommandWords]:
        """The commands by their names."""

    @property
    def values(self) -> KnownValues:
        """Values and names of the dump."""

    @property
    def findings(self) -> Mapping[int, str]:
        """The findings that there are, and the titles of their rules."""

    @property
    def settings(self) -> Mapping[str, Sequence[str]]:
        """What can be set, and to which words."""


def suggest(text: str, world: World) -> list[Suggestion]:
    """Return what may be written behind a text, the best first: at most 500."""
    command = _COMMAND.match(text)
    if command is None:
        return _of_query(text, world)
    if command.end() == len(text):
        return _suggestions(command[1], len(command[1]), [commands_of(world)])
    words = Words.of(command[1], text[command.end() :], world)
    if words is None:
        return []
    if words.kind == "query":
        return _of_query(words.partial, world)
    return _suggestions(words.wanted, len(words.wanted), argument_groups(words, world))


def _of_query(text: str, world: World) -> list[Suggestion]:
    found = scene(text, world.binder, world.parser)
    length = len(found.quote) + len(found.partial)
    return _suggestions(found.partial, length, _groups(found, world))


def _groups(found: Scene, world: World) -> Iterable[Group]:
    """Yield what fits a scene."""
    match found.at:
        case At.MEMBER if found.target is not None:
            yield from members(found.binder, found.target)
        case At.NUMBER:
            yield from names.constants(found)
        case At.NAME | At.TEXT:
            yield from names.written_out(found, world.values)
            yield from names.values(found, world.values, is_text=found.at is At.TEXT)
            if found.at is At.NAME:
                yield from names.names(found)
        case At.OPERATOR:
            yield from names.operators(found)
        case _:
            return


def _suggestions(partial: str, length: int, groups: Iterable[Group]) -> list[Suggestion]:
    return [_suggestion(entry, length) for entry in best(partial, groups)]


def _suggestion(entry: Entry, length: int) -> Suggestion:
    return Suggestion(entry.text, -length, entry.shown, entry.meta, entry.kind)
