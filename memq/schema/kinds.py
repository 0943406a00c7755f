"""What a field's values are: the types that annotations of fields name.

Each is a Column at run time; which one it is decides how values compare and how they are written.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias

import numpy as np

from memq.column import Column, Text
from memq.node import dataclass


class Kind(Enum):
    """The types of the query language."""

    NUMBER = "number"
    FLOAT = "real number"
    SIZE = "size in bytes"
    ADDRESS = "address"
    BOOLEAN = "truth value"
    STRING = "text"
    TIME = "time"
    DURATION = "duration"
    FLAGS = "set of flags"
    ENUM = "named number"
    REGEX = "regular expression"
    NULL = "null"

    @property
    def is_numeric(self) -> bool:
        """Whether values are integers that compare with each other."""
        return self in _NUMERIC


_NUMERIC = frozenset((Kind.NUMBER, Kind.SIZE, Kind.ADDRESS, Kind.FLOAT, Kind.FLAGS, Kind.ENUM))


@dataclass(frozen=True, slots=True)
class NamesBy:
    """Names of flags that stand for their bits only where another field says so.

    Bit 5 of an access mask is one right to a process, another one to a file.
    """

    field: str
    by_start: tuple[tuple[str, tuple[str, ...]], ...]
    """How names begin, and the values of the field with which they mean anything."""

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of the field with which a name means anything; none: with any."""
        starts = ((start, values) for start, values in self.by_start if _begins(name, start))
        return next((values for _, values in starts), ())


def _begins(name: str, start: str) -> bool:
    return name.strip().upper().startswith(start)


@dataclass(frozen=True, slots=True)
class ValueType:
    """A kind, and how its values compare."""

    kind: Kind
    ignores_case: bool = False
    """Names and paths of a Windows dump compare without regard to case."""
    choices: tuple[str, ...] = ()
    """Every value that the field can have, where they are few and known."""
    names: tuple[tuple[str, int], ...] = ()
    """Of flags and of named numbers: each name with its bits, or its value."""
    names_by: NamesBy | None = None
    """Of flags whose names do not mean the same everywhere."""

    def nothing(self) -> Column:
        """Return the column of no values."""
        if self.kind is Kind.STRING:
            return Text(np.zeros(0, np.int64), None, ())
        return Column(np.zeros(0, bool if self.kind is Kind.BOOLEAN else np.int64))


Number: TypeAlias = Annotated[Column, Kind.NUMBER]
Size: TypeAlias = Annotated[Column, Kind.SIZE]
Address: TypeAlias = Annotated[Column, Kind.ADDRESS]
Boolean: TypeAlias = Annotated[Column, Kind.BOOLEAN]
Time: TypeAlias = Annotated[Column, Kind.TIME]
"""Nanoseconds since 1970-01-01 UTC, int64."""
Duration: TypeAlias = Annotated[Column, Kind.DURATION]
"""Nanoseconds, int64."""
Flags: TypeAlias = Annotated[Column, Kind.FLAGS]
"""Numbers whose bits have names; the names stand in the declaration of the field."""
String: TypeAlias = Annotated[Text, Kind.STRING]
"""Text that compares exactly on every system."""
Name: TypeAlias = Annotated[Text, Kind.STRING]
"""A name or path of the system: compares as the system compares names."""

ANNOTATIONS = {
    "Number": ValueType(Kind.NUMBER),
    "Size": ValueType(Kind.SIZE),
    "Address": ValueType(Kind.ADDRESS),
    "Boolean": ValueType(Kind.BOOLEAN),
    "Time": ValueType(Kind.TIME),
    "Duration": ValueType(Kind.DURATION),
    "Flags": ValueType(Kind.FLAGS),
    "String": ValueType(Kind.STRING),
    "Name": ValueType(Kind.STRING, ignores_case=True),
}
"""How the annotation of a field is read; "Name" ignores case only where the system does."""
