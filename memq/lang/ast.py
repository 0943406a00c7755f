"""The syntax tree of a query: frozen, comparable, each node with its place in the text.

What is written in several ways has one form here: `and` is And, `a not in b` is `!(a in b)`,
brackets that only group are gone, and an And directly within an And is one with it (so for Or).
The parser bounds the depth of what it builds to `limits.MAX_DEPTH`, so that recursion is safe.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from memq.errors import Span
from memq.node import dataclass

_NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A part of a query; its span takes no part in equality."""

    span: Span = field(default=_NOWHERE, repr=False, kw_only=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return _flat(self) == _flat(other)

    def __hash__(self) -> int:
        return hash(tuple(_flat(self)))


def _flat(node: Node) -> list[object]:
    """Return all that tells a tree from another one, without recursion.

    The methods that dataclass writes take several levels of the stack for each of the tree, and a
    comparison can happen anywhere.
    """
    found: list[object] = []
    todo: list[object] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, Node):
            names: tuple[str, ...] = item.__match_args__
            found.append(type(item))
            todo.extend(getattr(item, name) for name in names)
        elif isinstance(item, tuple):
            found.append(len(item))
            todo.extend(item)
        else:
            found.append(item)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A bare name: a source, a field, a parameter or a `let`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`target.name`; a method's call is a Call of a Member."""

    target: Expression
    name: str

    @property
    def name_span(self) -> Span:
        """The place of the name after the dot."""
        return Span(max(0, self.span.end - len(self.name)), self.span.end)


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """`target(arguments)`."""

    target: Expression
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Index(Node):
    """`target[index]`."""

    target: Expression
    index: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Lambda(Node):
    """`p => body`, `(a, b) => body`."""

    parameters: tuple[str, ...]
    body: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """A prefix operator: `!` (also written `not`), `-` or `~`."""

    op: str
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    """An operator between two operands: `== != === !== < <= > >= in | ^ & << >> + - * / % ??`."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class And(Node):
    """Two or more operands of `&&`, none of them an And."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Or(Node):
    """Two or more operands of `||`, none of them an Or."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Range(Node):
    """`start..end`, both ends included."""

    start: Expression
    end: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Number(Node):
    """A whole number, never negative; `unit` is how it was written: "", "0x", "KB", "MB", ...

    The value of `4KB` is 4096.
    """

    value: int
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Real(Node):
    """A number with a fraction, never negative: `1.5`."""

    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Text(Node):
    """A string, its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Regex(Node):
    r"""A regular expression; in the pattern `\/` has become `/`. Flags are sorted, each once."""

    pattern: str
    flags: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Time(Node):
    """A point in time: nanoseconds since 1970-01-01T00:00:00Z, negative before it."""

    nanoseconds: int


@dataclass(frozen=True, slots=True, eq=False)
class Duration(Node):
    """A length of time as it was written: `90m` is amount 90, unit "m"."""

    amount: int
    unit: str

    @property
    def nanoseconds(self) -> int:
        """The length in nanoseconds."""
        return self.amount * DURATION_UNITS[self.unit]


@dataclass(frozen=True, slots=True, eq=False)
class Boolean(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class Null(Node):
    """`null`."""


@dataclass(frozen=True, slots=True, eq=False)
class ListLiteral(Node):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry(Node):
    """One `name: value` of a record."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Record(Node):
    """`{name: value, ...}`, each name once."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Let(Node):
    """`let name = value`."""

    name: str
    value: Expression
    name_span: Span = field(default=_NOWHERE, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Query(Node):
    """One statement or more; the last one's value is the result."""

    statements: tuple[Statement, ...]


Literal: TypeAlias = Number | Real | Text | Regex | Time | Duration | Boolean | Null
Expression: TypeAlias = (
    Name
    | Member
    | Call
    | Index
    | Lambda
    | Unary
    | Binary
    | And
    | Or
    | Conditional
    | Range
    | Literal
    | ListLiteral
    | Record
)
Statement: TypeAlias = Let | Expression

DURATION_UNITS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
    "w": 7 * 86_400 * 1_000_000_000,
}
SIZE_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
