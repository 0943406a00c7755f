"""Rules as they are once they are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.hunt.problems import RuleError
    from memq.lang.ast import Expression


@dataclass(frozen=True, slots=True)
class Filter:
    """What a site leaves out of a rule's matches: the rows of which `where` is true."""

    title: str
    where: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name in a rule's query that whoever runs it can give another value."""

    default: Expression
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it looks for, and what people should know of it."""

    title: str
    id: str
    """A UUID, in small letters."""
    level: str
    queries: Mapping[str, str]
    """The query's text for each system, by the system's name (memq.os.systems)."""
    place: str
    """FILE:LINE:COLUMN."""
    version: int = 1
    status: str = ""
    description: str = ""
    references: tuple[str, ...] = ()
    author: str = ""
    date: str = ""
    modified: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    parameters: Mapping[str, Parameter] | None = None

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems that it is for."""
        return tuple(self.queries)

    @property
    def defaults(self) -> dict[str, Expression]:
        """What each parameter is unless another value is given, as RuleBinder takes it."""
        return {name: one.default for name, one in (self.parameters or {}).items()}


@dataclass(frozen=True, slots=True)
class Playbook:
    """What was loaded: the rules that are right, in order of their files, and what is wrong."""

    rules: tuple[Rule, ...]
    errors: tuple[RuleError, ...]
    asked: int
    """How many rules there are, right and wrong."""
    filters: int = 0
    """How many filters stand in documents of their own."""
    warnings: tuple[RuleError, ...] = ()
    """What rarely means what it says."""
    left: tuple[RuleError, ...] = ()
    """What can only be checked with a dump."""
