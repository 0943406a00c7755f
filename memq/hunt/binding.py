"""A rule's query with its filters, as one plan."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memq.errors import QueryError, Span
from memq.eval import refusals
from memq.eval.pipeline import Script
from memq.eval.series import Series
from memq.lang import ast
from memq.lang.limits import MAX_DEPTH
from memq.lang.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from memq.eval.plan import Plan
    from memq.hunt.rule import Rule
    from memq.schema.declare import System


class RuleBinder:
    """Makes plans of rules. It holds a parser: who has many rules keeps one.

    Places in a QueryError are those in the query's text with each condition's behind it, in lines
    of its own. What is only checked is not optimized, which takes half of the time.
    """

    def __init__(self) -> None:
        self.parser = Parser()

    def rule(
        self,
        rule: Rule,
        system: System,
        kernel: Any = None,
        parameters: Mapping[str, ast.Expression] | None = None,
    ) -> Plan:
        """Return the plan of a rule for a system of its own; `parameters` go before its defaults.

        A filter leaves out what it is certain of: a row of which its condition is unknown stays.
        """
        given = rule.defaults | dict(parameters or {})
        query = rule.queries[system.name]
        conditions = [one.where for one in rule.filters]
        text = "\n".join((query, *conditions))
        with _placed(text):
            tree = _Parsed(self.parser, query, conditions).filtered(_without)
            return self._rows(tree, Script(system, kernel, text), given)

    def check(
        self,
        query: str,
        conditions: Sequence[str],
        system: System,
        parameters: Mapping[str, ast.Expression],
    ) -> tuple[str, ...]:
        """Check a query, and filters as they are written, of which messages speak, and as used.

        Returns what is to be said of them, though they are right.
        """
        said: dict[str, None] = {}
        text = "\n".join((query, *conditions))
        with _placed(text):
            parsed = _Parsed(self.parser, query, conditions)
            for used in (_as_written, _without) if conditions else (_as_written,):
                tree = parsed.filtered(used)
                plan = self._rows(tree, Script(system, None, text, optimize=False), parameters)
                said |= dict.fromkeys(plan.warnings)
        return tuple(said)

    def check_value(
        self, text: str, system: System, parameters: Mapping[str, ast.Expression]
    ) -> None:
        """Check a query that need not give rows."""
        with _placed(text):
            Script(system, None, text, optimize=False).bind(self.parser.parse(text), parameters)

    @staticmethod
    def _rows(tree: ast.Query, script: Script, parameters: Mapping[str, ast.Expression]) -> Plan:
        plan = script.bind(tree, parameters)
        if not isinstance(plan.result, Series):
            raise QueryError(
                "This gives one value, and a rule gives rows: each is a match.",
                span=tree.statements[-1].span,
                hint="Give the objects themselves, by `Where`, and count nothing.",
            )
        return plan


@contextmanager
def _placed(text: str) -> Iterator[None]:
    """Give errors the text that their places speak of."""
    try:
        yield
    except QueryError as error:
        raise error.at(text) from None
    except RecursionError:
        raise refusals.too_deep(Span(0, len(text))).at(text) from None


def start_of_condition(query: str) -> int:
    """Return where the text of the first condition starts, as RuleBinder's errors count."""
    return len(query) + 1


class _Parsed:
    """The trees of a query and of conditions on its rows."""

    def __init__(self, parser: Parser, query: str, conditions: Sequence[str]) -> None:
        *before, last = parser.parse(query).statements
        self.before = before
        self.rows = last.value if isinstance(last, ast.Let) else last
        self.conditions: list[ast.Expression] = []
        self.span = last.span
        text = query
        for written in conditions:
            start = start_of_condition(text)
            text = f"{text}\n{written}"
            self.conditions.append(_condition(parser, text, start))

    def filtered(self, used: Callable[[ast.Expression], ast.Expression]) -> ast.Query:
        """Return the query with a Where behind it for each condition, as that is used."""
        rows, span = self.rows, self.rows.span
        for condition in self.conditions:
            where = ast.Member(rows, "Where", span=span)
            rows = ast.Call(where, (used(condition),), span=span)
        tree = ast.Query((*self.before, rows))
        # As the parser bounds what it builds itself.
        if self.conditions and _depth(tree) > MAX_DEPTH + 1:
            raise refusals.too_deep(self.span)
        return tree


def parts_of(node: ast.Node) -> Iterator[ast.Node]:
    """Yield the nodes directly within one."""
    names: tuple[str, ...] = node.__match_args__
    for name in names:
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, ast.Node):
                yield part


def _depth(tree: ast.Node) -> int:
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [part for node in level for part in parts_of(node)]
    return depth


def _condition(parser: Parser, text: str, start: int) -> ast.Expression:
    first, *others = parser.parse(text, start).statements
    if others or isinstance(first, ast.Let):
        span = (others[0] if others else first).span
        message = "A filter is one condition, and this is another statement."
        raise QueryError(message, text, span, "Name nothing by `let`, and leave out the `;`.")
    return first


def _as_written(condition: ast.Expression) -> ast.Expression:
    return condition


def _without(condition: ast.Expression) -> ast.Expression:
    """Return `!(condition ?? false)`."""
    if isinstance(condition, ast.Lambda):
        return ast.Lambda(condition.parameters, _not(condition.body), span=condition.span)
    return _not(condition)


def _not(condition: ast.Expression) -> ast.Expression:
    span = condition.span
    certain = ast.Binary("??", condition, ast.Boolean(False, span=span), span=span)
    return ast.Unary("!", certain, span=span)
