"""What a key of a rule can hold: each form reads a part of the tree, and describes itself.

Reading gives texts as the scalars that they are in the tree, for their places are asked for later,
and None for what was refused, with the problem noted.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from memq.hunt.problems import quoted
from memq.hunt.tree import Mapping, Node, Scalar, Sequence
from memq.lang.hints import did_you_mean, nearest
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.hunt.problems import Problems

_MOST = 1000
"""Items of one list, or entries of one table."""


class Form(ABC):
    """What a value looks like."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What it is, for sentences: "a text"."""

    @abstractmethod
    def json(self) -> dict[str, Any]:
        """Return it as JSON Schema has it."""

    @abstractmethod
    def read(self, node: Node, problems: Problems) -> Any:
        """Return what a node holds, or None for what is refused."""

    def refuse(self, node: Node, problems: Problems) -> None:
        """Note that a node is something else."""
        problems.add(
            f"{self.words[0].upper()}{self.words[1:]} is expected, and {_found(node)}.",
            node.span,
            self.advice(node),
        )

    def advice(self, node: Node) -> str:
        """Return a sentence on what to write instead."""
        return f"Write {self.words}."


def _found(node: Node) -> str:
    if isinstance(node, Scalar):
        is_empty = node.is_null or not node.value.strip()
        return "there is nothing" if is_empty else f"this is {quoted(node.value)}"
    what = "list" if isinstance(node, Sequence) else "mapping"
    return f"this is {'a' if node.items else 'an empty'} {what}"


@dataclass(frozen=True, slots=True)
class Text(Form):
    """A text that is not empty; `pattern` says what all of it looks like."""

    name: str = "a text"
    pattern: str = ""
    longest: int = 65536
    example: str = ""

    @property
    def words(self) -> str:
        """Its name."""
        return self.name

    def json(self) -> dict[str, Any]:
        """A string, with its pattern."""
        found: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.longest}
        return found | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        """Take a text that fits."""
        if not isinstance(node, Scalar) or node.is_null:
            self.refuse(node, problems)
        elif len(node.value) > self.longest:  # before a pattern looks at all of it
            message = f"This is longer than {self.longest} characters."
            problems.add(message, node.span, "Say it in fewer.")
        elif not self._fits(node.value):
            self.refuse(node, problems)
        else:
            return node
        return None

    def _fits(self, text: str) -> bool:
        return bool(re.fullmatch(self.pattern, text) if self.pattern else text.strip())

    def advice(self, node: Node) -> str:
        """How it is written."""
        return f"Write it as in `{self.example}`." if self.example else super().advice(node)


@dataclass(frozen=True, slots=True)
class Choice(Form):
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        """All words."""
        return f"one of {', '.join(self.choices)}"

    def json(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.choices)}

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        """Take one of the words."""
        if isinstance(node, Scalar) and node.value in self.choices:
            return node
        self.refuse(node, problems)
        return None

    def advice(self, node: Node) -> str:
        """How it is written."""
        near = nearest(node.value, self.choices) if isinstance(node, Scalar) else ()
        return did_you_mean(near) or "Write one of these."


@dataclass(frozen=True, slots=True)
class Date(Form):
    """A day, as ISO 8601 has it."""

    @property
    def words(self) -> str:
        """A date."""
        return "a date"

    def json(self) -> dict[str, Any]:
        """A string, for dates are no type of JSON."""
        return {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        """Take a day that there is."""
        if isinstance(node, Scalar) and len(node.value) == len("2026-11-21"):
            with suppress(ValueError):
                date.fromisoformat(node.value)
                return node
        self.refuse(node, problems)
        return None

    def advice(self, node: Node) -> str:
        """How it is written."""
        return "Write it as in `2026-11-21`."


@dataclass(frozen=True, slots=True)
class Whole(Form):
    """A whole number from 1."""

    @property
    def words(self) -> str:
        """A number."""
        return "a whole number from 1"

    def json(self) -> dict[str, Any]:
        """An integer."""
        return {"type": "integer", "minimum": 1, "maximum": 999_999}

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        """Take digits, of a number that anybody needs."""
        written = node.value if isinstance(node, Scalar) and node.is_plain else ""
        if isinstance(node, Scalar) and re.fullmatch("[1-9][0-9]{0,5}", written):
            return node
        self.refuse(node, problems)
        return None


@dataclass(frozen=True, slots=True)
class Literal(Form):
    """A value as `--let` takes it, or a list of such values."""

    @property
    def words(self) -> str:
        """Any literal."""
        return "a text, a number, another literal of the query language, or a list of these"

    def json(self) -> dict[str, Any]:
        """A plain value, or a list of such."""
        plain = {"type": ["string", "number", "boolean", "null"]}
        return {"anyOf": [plain, {"type": "array", "items": plain, "maxItems": _MOST}]}

    def read(self, node: Node, problems: Problems) -> Scalar | Sequence | None:
        """Take whatever has no mapping in it."""
        items = node.items if isinstance(node, Sequence) else (node,)
        if len(items) <= _MOST and all(isinstance(item, Scalar) for item in items):
            return node  # type: ignore[return-value] # a mapping is an item that is no scalar
        self.refuse(node, problems)
        return None


@dataclass(frozen=True, slots=True)
class ListOf(Form):
    """A list; where `or_one`, a single item may stand for a list of it."""

    item: Form
    or_one: bool = False
    most: int = _MOST

    @property
    def words(self) -> str:
        """A list, and of what."""
        return (
            f"{self.item.words}, or a list of such"
            if self.or_one
            else f"a list (each item {self.item.words})"
        )

    def json(self) -> dict[str, Any]:
        """An array."""
        items = self.item.json()
        many = {"type": "array", "items": items, "minItems": 1, "maxItems": self.most}
        return {"anyOf": [items, many]} if self.or_one else many

    def read(self, node: Node, problems: Problems) -> list[Any] | None:
        """Take the items that are right."""
        if self.or_one and isinstance(node, Scalar):
            one = self.item.read(node, problems)
            return None if one is None else [one]
        if not isinstance(node, Sequence) or not 0 < len(node.items) <= self.most:
            self.refuse(node, problems)
            return None
        found = [self.item.read(item, problems) for item in node.items]
        return [item for item in found if item is not None]

    def advice(self, node: Node) -> str:
        """How it is written."""
        if isinstance(node, Sequence) and len(node.items) > self.most:
            return f"Write at most {self.most} items."
        return f"Write each item ({self.item.words}) in a line of its own, behind `- `."


@dataclass(frozen=True, slots=True)
class TableOf(Form):
    """A mapping of names to values of one form; where `or_one`, one value may stand for all."""

    name: Form
    value: Form
    or_one: bool = False

    @property
    def words(self) -> str:
        """A mapping, and of what."""
        table = f"a mapping from {self.name.words} to {self.value.words}"
        return f"{self.value.words}, or {table}" if self.or_one else table

    def json(self) -> dict[str, Any]:
        """An object with any names."""
        values = self.value.json()
        table = {
            "type": "object",
            "propertyNames": self.name.json(),
            "additionalProperties": values,
            "minProperties": 1,
        }
        return {"anyOf": [values, table]} if self.or_one else table

    def read(self, node: Node, problems: Problems) -> dict[Scalar, Any] | Any:
        """Take the pairs that are right, by the scalars of their names."""
        if self.or_one and isinstance(node, Scalar):
            return self.value.read(node, problems)
        if not isinstance(node, Mapping) or not 0 < len(node.items) <= _MOST:
            self.refuse(node, problems)
            return None
        pairs = [
            (self.name.read(name, problems), self.value.read(value, problems))
            for name, value in node.items
        ]
        return {name: value for name, value in pairs if name is not None and value is not None}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record: its name, what it holds, what it means."""

    name: str
    form: Form
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record(Form):
    """A mapping with known keys."""

    name: str
    keys: tuple[Key, ...]

    @property
    def words(self) -> str:
        """Its name."""
        return self.name

    def json(self) -> dict[str, Any]:
        """An object with these keys, and no others."""
        return {
            "type": "object",
            "properties": {
                key.name: {"description": key.meaning, **key.form.json()} for key in self.keys
            },
            "required": [key.name for key in self.keys if key.required],
            "additionalProperties": False,
        }

    def read(self, node: Node, problems: Problems) -> dict[str, Any] | None:
        """Return what stands under each key; a key that is missing or was refused is not there."""
        if not isinstance(node, Mapping):
            self.refuse(node, problems)
            return None
        known = {key.name: key for key in self.keys}
        found: dict[str, Any] = {}
        for name, value in node.items:
            key = known.get(name.value)
            if key is None:
                self._refuse_key(name, problems)
            else:
                found[key.name] = key.form.read(value, problems)
        self._ask_for_missing(found, node, problems)
        return {name: value for name, value in found.items() if value is not None}

    def _refuse_key(self, name: Scalar, problems: Problems) -> None:
        names = [key.name for key in self.keys]
        near = () if problems.is_full else nearest(name.value, names)
        hint = did_you_mean(near) or f"There are: {', '.join(names)}."
        problems.add(f"{self.name.capitalize()} has no key {quoted(name.value)}.", name.span, hint)

    def _ask_for_missing(self, found: dict[str, Any], node: Mapping, problems: Problems) -> None:
        for key in self.keys:
            if key.required and key.name not in found:
                first = node.items[0][0].span if node.items else node.span
                message = f"{self.name.capitalize()} needs the key `{key.name}`."
                problems.add(message, first, f"It is {key.form.words}. {key.meaning}")

    def advice(self, node: Node) -> str:
        """How it is written."""
        needed = ", ".join(key.name for key in self.keys if key.required)
        return f"Write its keys with their values; it needs {needed}."
