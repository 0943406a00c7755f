"""YAML as a tree in which everything knows its place.

The tree is made of the parser's events, not of what PyYAML would construct: nothing is converted
(a date stays text), no tag makes an object, duplicate keys are seen, and every depth is bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from memq.errors import Span
from memq.hunt.problems import quoted
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.hunt.problems import Problems, Source

_DEEPEST = 16
_MOST_ALIASES = 8
"""Enough to repeat a list; what an alias stands for can have others in it, and so grow."""
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPENING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number, whatever has no parts: as it is written."""

    value: str
    span: Span
    is_plain: bool = True
    """Whether it is written without quotes, and not as a block."""

    @property
    def is_null(self) -> bool:
        """Whether there is nothing, or the word for nothing."""
        return self.is_plain and self.value in _NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values; each key once."""

    items: tuple[tuple[Scalar, Node], ...]
    span: Span


Node: TypeAlias = Scalar | Sequence | Mapping


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    """What ends the reading of a file."""

    def __init__(self, message: str, span: Span, hint: str) -> None:
        super().__init__(message)
        self.told = message, span, hint


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun."""

    is_mapping: bool
    start: int
    anchor: str | None
    parts: list[Node]


def documents(problems: Problems) -> Iterator[Node]:
    """Yield the tree of each document of a file; the first thing that is no YAML ends it."""
    builder = _Builder(problems)
    try:
        yield from builder.trees(problems.source)
    except _Refusal as refusal:
        problems.add(*refusal.told)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = mark.index if mark is not None else 0
        problems.add(f"This is no YAML: {error.problem}.", Span(place, place + 1), _SYNTAX)
    except yaml.reader.ReaderError as error:
        place = int(error.position)
        message = f"The character U+{ord(problems.source.text[place]):04X} cannot stand in YAML."
        problems.add(message, Span(place, place + 1), "Take it out, or write it as an escape.")


_SYNTAX = (
    "Look at indentation, quotes and colons; a text with signs in it is written as a block, "
    "behind `|`."
)


class _Builder:
    """Makes trees of events, without recursion."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.aliases = 0

    def trees(self, source: Source) -> Iterator[Node]:
        for event in yaml.parse(source.text, Loader=_parser_for(source)):
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
            tree = self._taken(event)
            if tree is not None and not self.open:
                yield tree

    def _taken(self, event: yaml.Event) -> Node | None:
        """Take an event; return the whole tree when it is complete."""
        span = _span(event)
        if isinstance(event, yaml.AliasEvent):
            return self._put(self._meant(event, span))
        if getattr(event, "tag", None) is not None:
            message = "A rule has no tags of YAML's."
            raise _Refusal(message, span, "Leave out what begins with `!`.")
        if isinstance(event, yaml.ScalarEvent):
            return self._put(self._scalar(event, span), event.anchor)
        if isinstance(event, _OPENING):
            self._begin(event, span)
        elif isinstance(event, _CLOSING):
            closed = self.open.pop()
            return self._put(self._closed(closed, span.end), closed.anchor)
        return None

    def _put(self, node: Node, anchor: str | None = None) -> Node:
        if anchor is not None:
            self.anchors[anchor] = node
        if self.open:
            self.open[-1].parts.append(node)
        return node

    def _begin(self, event: yaml.CollectionStartEvent, span: Span) -> None:
        if len(self.open) == _DEEPEST:
            raise _Refusal("This is nested too deeply.", span, "A rule needs but a few levels.")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.open.append(_Open(is_mapping, span.start, event.anchor, []))

    def _meant(self, event: yaml.AliasEvent, span: Span) -> Node:
        self.aliases += 1
        if self.aliases > _MOST_ALIASES:
            message = f"There are more than {_MOST_ALIASES} aliases in this file."
            raise _Refusal(message, span, "Write out what this one stands for.")
        if event.anchor not in self.anchors:
            message = f"No whole value before this is called {quoted(f'&{event.anchor}')}."
            raise _Refusal(message, span, "Write out what is meant.")
        return self.anchors[event.anchor]

    def _scalar(self, event: yaml.ScalarEvent, span: Span) -> Scalar:
        if _SURROGATE.search(event.value):
            message = "There is half a character in this text."
            raise _Refusal(message, span, r"Write all of it in one escape, as in `\U0001F600`.")
        return Scalar(event.value, span, not event.style)

    def _closed(self, closed: _Open, end: int) -> Node:
        span = Span(closed.start, end)
        if not closed.is_mapping:
            return Sequence(tuple(closed.parts), span)
        found: dict[str, tuple[Scalar, Node]] = {}
        for key, value in zip(closed.parts[::2], closed.parts[1::2], strict=True):
            if not isinstance(key, Scalar):
                hint = "Write the name of one of the format's keys."
                self.problems.add("A key is a word, and this is none.", key.span, hint)
            elif key.value in found:
                first = self.problems.source.place(found[key.value][0].span)
                message = f"The key {quoted(key.value)} is here twice."
                self.problems.add(message, key.span, f"It stands at {first} already: keep one.")
            else:
                found[key.value] = key, value
        return Mapping(tuple(found.values()), span)


def _parser_for(source: Source) -> Any:
    """Return the parser: one in C takes a tenth of the time, but has other words for what is wrong.

    It is not there on every machine, and people's messages are to be the same on all.
    """
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader) if source.is_proven else yaml.SafeLoader


def _span(event: yaml.Event) -> Span:
    """Return the place of an event; PyYAML counts characters, as we do."""
    start, end = event.start_mark, event.end_mark
    return Span(start.index if start else 0, end.index if end else 0)


def span_within(source: Source, node: Scalar, span: Span) -> Span:
    """Return where in the file a part of a text stands.

    White space is what YAML changes in plain texts and blocks, so all else is counted. A text with
    escapes cannot be followed so, and is meant as a whole.
    """
    start = _content(source.text, node)
    raw = source.text[start : node.span.end]
    places = [start + place for place, char in enumerate(raw) if not char.isspace()]
    written = [source.text[place] for place in places]
    meant = [char for char in node.value if not char.isspace()]
    if not meant or written[: len(meant)] != meant:
        return node.span
    before = sum(not char.isspace() for char in node.value[: span.start])
    inside = sum(not char.isspace() for char in node.value[span.start : span.end])
    if before >= len(meant):  # at its end, where something is missing
        return Span(places[len(meant) - 1] + 1, places[len(meant) - 1] + 2)
    return Span(places[before], places[before + max(0, inside - 1)] + 1)


def _content(text: str, node: Scalar) -> int:
    """Return where the text itself begins: behind a quote, or below the head of a block."""
    start = node.span.start
    if node.is_plain:
        return start
    if text[start] in "|>":
        return text.find("\n", start) + 1 or start
    return start + 1
