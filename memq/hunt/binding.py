"""A rule's query with its filters, as one plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.errors import QueryError, Span
from memq.eval import refusals
from memq.eval.pipeline import Script
from memq.eval.series import Series
from memq.lang import ast
from memq.lang.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memq.eval.plan import Plan
    from memq.hunt.rule import Rule
    from memq.schema.declare import System


def bind_rule(
    rule: Rule,
    system: System,
    kernel: Any = None,
    parameters: Mapping[str, ast.Expression] | None = None,
) -> Plan:
    """Return the plan of a rule that is for that system; `parameters` go before its defaults."""
    given = rule.defaults | dict(parameters or {})
    conditions = [one.where for one in rule.filters]
    return bind_filtered(rule.queries[system.name], conditions, system, kernel, given)


def bind_filtered(
    query: str,
    conditions: Sequence[str],
    system: System,
    kernel: Any,
    parameters: Mapping[str, ast.Expression],
    *,
    kept: bool = False,
) -> Plan:
    """Return the plan of the rows of a query of which no condition is true.

    A filter leaves out what it is certain of: a row of which its condition is unknown stays. Where
    they are `kept`, it is the plan of those of which all are true, which is what filters leave out.
    Places in a QueryError are those in the query's text with each condition's behind it, in lines
    of its own.
    """
    text = "\n".join((query, *conditions))
    try:
        tree = _filtered(Parser(), query, conditions, kept=kept)
        plan = Script(system, kernel, text).bind(tree, parameters)
    except QueryError as error:
        raise error.at(text) from None
    except RecursionError:
        raise refusals.too_deep(Span(0, len(query))).at(text) from None
    if not isinstance(plan.result, Series):
        *_, last = tree.statements
        message = "This gives one value, and a rule gives rows: each is a match."
        hint = "Give the objects themselves, by `Where`, and count nothing."
        raise QueryError(message, text, last.span, hint)
    return plan


def start_of_condition(query: str) -> int:
    """Return where the text of the first condition starts, in the places of bind_filtered."""
    return len(query) + 1


def _filtered(parser: Parser, query: str, conditions: Sequence[str], *, kept: bool) -> ast.Query:
    """Return the tree of a query with a Where behind it for each condition."""
    *before, last = parser.parse(query).statements
    rows = last.value if isinstance(last, ast.Let) else last
    text = query
    for written in conditions:
        start = start_of_condition(text)
        text = f"{text}\n{written}"
        condition = _condition(parser, text, start)
        rows = _where(rows, condition if kept else _without(condition))
    return ast.Query((*before, rows))


def _condition(parser: Parser, text: str, start: int) -> ast.Expression:
    first, *others = parser.parse(text, start).statements
    if others or isinstance(first, ast.Let):
        span = (others[0] if others else first).span
        message = "A filter is one condition, and this is another statement."
        raise QueryError(message, text, span, "Name nothing by `let`, and leave out the `;`.")
    return first


def _where(rows: ast.Expression, condition: ast.Expression) -> ast.Expression:
    return ast.Call(ast.Member(rows, "Where", span=rows.span), (condition,), span=rows.span)


def _without(condition: ast.Expression) -> ast.Expression:
    """Return `!(condition ?? false)`."""
    if isinstance(condition, ast.Lambda):
        return ast.Lambda(condition.parameters, _not(condition.body), span=condition.span)
    return _not(condition)


def _not(condition: ast.Expression) -> ast.Expression:
    span = condition.span
    certain = ast.Binary("??", condition, ast.Boolean(False, span=span), span=span)
    return ast.Unary("!", certain, span=span)
