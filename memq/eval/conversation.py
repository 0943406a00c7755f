"""Statements that follow each other: what one has named, the next ones know, results included.

A name stands for what it was given to, and not for rows: `_`, the last result, is that query, and
is asked again where it is used. What was read of the dump is kept meanwhile (memq.schema.batch), so
that asking again costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memq.errors import QueryError, Span
from memq.eval import refusals
from memq.eval.pipeline import Script
from memq.eval.result import Result
from memq.eval.scope import Function
from memq.lang import ast
from memq.run import Run
from memq.schema.batch import Context

if TYPE_CHECKING:
    from memq.eval.bind import Binder
    from memq.eval.plan import Plan
    from memq.eval.scope import Found
    from memq.lang.parser import Parser
    from memq.schema.declare import System

LAST = "_"
"""The name of the last result; those before it are `_1`, `_2` and so on, in their order."""
_MOST_KEPT = 1 << 20
"""Objects that are kept between questions, those that they led to among them.

One takes up to some 1,000 bytes, when many of its fields and its structure were asked for.
"""


class Bound(NamedTuple):
    """A statement that was checked."""

    plan: Plan | None
    """None where it only gives a name."""
    text: str
    """What spans of the plan speak of: all texts so far, this one at the end."""
    begins: tuple[int, ...]
    """Where in it each of them begins."""
    named: str = ""
    """The name that its last statement gave, if it is a `let`."""
    found: Found | None = None
    node: ast.Expression | None = None


class Conversation:
    """Binds and runs one text after the other for one dump."""

    def __init__(self, system: System, kernel: Any, parser: Parser) -> None:
        self.parser = parser
        self.results = 0
        """How many there are so far; the last one is `_` and, by its number, `_1`, `_2`, ..."""
        self._context = Context(kernel, Run(), {})
        self._script = Script(system, kernel, "")
        self._text = ""
        """All texts that were bound: what a name stands for has its spans in one of them."""
        self._begins: tuple[int, ...] = ()

    @property
    def binder(self) -> Binder:
        """Who knows all names so far."""
        return self._script.binder

    def let(self, name: str, value: ast.Expression) -> None:
        """Give a value from outside a name."""
        self._script.let(ast.Let(name, value))

    def bind(self, text: str) -> Bound:
        """Check a text; QueryError if it is not right, and then no name has changed."""
        self.parser.parse(text)  # what is wrong with it is shown by itself
        placed = self._text + text
        query = self.parser.parse(placed, len(self._text))
        names, expansion = self.binder.names, self._script.expansion
        lets = dict(names.lets)
        self._script.expansion = expansion.copy()
        self.binder.text, self.binder.warnings = placed, {}
        try:
            return self._bound(query, placed)
        except BaseException as error:  # an interrupt, too
            names.lets, self._script.expansion = lets, expansion
            if isinstance(error, QueryError):
                raise error.at(placed) from None
            if isinstance(error, RecursionError):
                raise refusals.too_deep(Span(0, len(text))).at(text) from None
            raise

    def bind_apart(self, text: str) -> Bound:
        """Check a text that somebody else has written: what it names, it alone knows."""
        lets = dict(self.binder.names.lets)
        bound = self.bind(text)
        self.binder.names.lets = lets
        return bound

    def _bound(self, query: ast.Query, placed: str) -> Bound:
        found, node = self._script.found(query)
        last = query.statements[-1]
        named = last.name if isinstance(last, ast.Let) else ""
        plan = None if isinstance(found, Function) and named else self._script.plan(found, node)
        self._begins = (*self._begins, len(self._text))
        self._text = placed + "\n"
        return Bound(plan, placed, self._begins, named, found, node)

    def name_result(self, bound: Bound) -> str:
        """Give a bound query, which is asked now, the names `_` and `_N`; return the latter."""
        if bound.found is None or bound.node is None:
            raise TypeError("only what was bound can be named")
        self.results += 1
        name = f"{LAST}{self.results}"
        expansion, lets = self._script.expansion, self.binder.names.lets
        # Both are measured by what `_` means so far, which the query may have used.
        expansion.note(ast.Let(name, bound.node))
        expansion.note(ast.Let(LAST, ast.Name(name)))
        lets[name] = lets[LAST] = bound.found
        return name

    def forget(self) -> None:
        """Read anew what was read so far; names stay."""
        if self._context.kept is not None:
            self._context.kept.clear()

    def run(self, plan: Plan, run: Run) -> Result:
        """Return the answer to a plan; it is to be pulled before the next one is run."""
        kept = self._context.kept or {}
        weight = sum(part.batch.weight for each in kept.values() for part in each.portions)
        if weight > _MOST_KEPT:
            kept.clear()
        self._context.run = run
        return Result(plan, self._context)
