"""Binding of scripts: `let` by `let`, the last statement becomes a Plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from memq.errors import QueryError, Span
from memq.eval import functions, refusals, rules
from memq.eval.bind import Binder
from memq.eval.expansion import Expansion
from memq.eval.places import Pick, RecordShape, Root
from memq.eval.plan import Plan
from memq.eval.scope import Function, Partial
from memq.eval.select import shown
from memq.eval.series import Series
from memq.eval.shapes import bare_shape, columns, selected
from memq.eval.stage_nodes import SelectStage
from memq.eval.terms import ColumnTerm, Term
from memq.eval.usage import with_usage
from memq.lang import ast
from memq.lang.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.eval.places import Place
    from memq.eval.scope import Found
    from memq.schema.declare import System


def bind_query(
    text: str,
    system: System,
    kernel: Any = None,
    parameters: Mapping[str, ast.Expression] | None = None,
    *,
    optimize: bool = True,
) -> Plan:
    """Parse a script, check it against a system's declarations, and return the plan of its result.

    `kernel` is asked for raw types and symbols; `parameters` are names with literals, as a `let`
    before the script would give them.
    """
    try:
        return Script(system, kernel, text, optimize=optimize).bind(parse(text), parameters or {})
    except QueryError as error:
        raise error.at(text) from None
    except RecursionError:
        raise refusals.too_deep(Span(0, len(text))).at(text) from None


class Script:
    """Binds the statements of one text."""

    def __init__(self, system: System, kernel: Any, text: str, *, optimize: bool = True) -> None:
        self.binder = Binder(system, kernel, text)
        self.optimize = optimize
        self.expansion = Expansion()

    def bind(self, query: ast.Query, parameters: Mapping[str, ast.Expression]) -> Plan:
        """Bind a script's statements; the last one is the result."""
        for name, value in parameters.items():
            self.let(ast.Let(name, value))
        return self.plan(*self.found(query))

    def found(self, query: ast.Query) -> tuple[Found, ast.Expression]:
        """Bind the statements, and return what the last one speaks of, with its text's tree."""
        *before, last = query.statements
        for statement in before:
            if isinstance(statement, ast.Let):
                self.let(statement)
            else:
                self.expansion.check(statement)
                self.binder.find(statement, None)
                self._warn_of_lost(statement)
        if isinstance(last, ast.Let):
            self.let(last)
            return self.binder.names.lets[last.name], last.value
        self.expansion.check(last)
        return self.binder.find(last, None), last

    def _warn_of_lost(self, statement: ast.Expression) -> None:
        """Say of a statement before the last that its result is not shown."""
        text = self.binder.text[statement.span.start : statement.span.end]
        written = " ".join(text.split())
        self.binder.warnings[
            f"the result of `{written}` is not shown: only the last statement's is"
        ] = None

    def let(self, statement: ast.Let) -> None:
        """Bind `let name = value`."""
        bind_let(self.binder, self.expansion, statement)

    def plan(self, found: Found, node: ast.Expression) -> Plan:
        """Return the plan of a result, with how it is shown."""
        if isinstance(found, Function):
            raise QueryError(
                "A function is no result.",
                span=node.span,
                hint="Call it, or use it: `process.Where(name)`.",
            )
        whole = self._whole_record(found) if isinstance(found, Partial) else found
        if isinstance(whole, Series):
            return self._of_series(whole)
        many = self.binder.series(whole, node)
        if many is not None:
            return self._of_series(many)
        if isinstance(whole, ColumnTerm) and _is_value(whole.place):
            # A plain value is picked as objects and records are: what fails of those, fails here.
            return self._single(whole.place, node)
        raw = functions.raw_value(whole, node.span)
        return self._single(raw if raw is not None and not isinstance(whole, Pick) else whole, node)

    def _single(self, found: Term | Place, node: ast.Expression) -> Plan:
        """Return the plan of one value, or of one object."""
        if isinstance(found, Term):
            return self._settled(Plan(found, bare_shape(found.type)), None)
        root = self.binder.variables.new(found.shape)
        return self._settled(Plan(found, RecordShape(())), root)

    def _whole_record(self, found: Partial) -> Pick:
        """Return a picked record by itself."""
        if found.prefix or not isinstance(found.place, Pick):
            place = found.place
            if not isinstance(place, Pick):
                raise TypeError("a record comes from a series")
            inner = place.sequence
            root = self.binder.element(inner)
            made = selected(inner, root, columns(root, found.prefix), inner.span)
            return replace(place, sequence=made, shape=made.shape)
        return found.place

    def _of_series(self, series: Series) -> Plan:
        return self._settled(Plan(series, RecordShape(())), self.binder.variables.new(series.shape))

    def _settled(self, plan: Plan, root: Root | None) -> Plan:
        """Say how what comes out is shown, and what is read of narrowed collections."""
        if root is not None:
            plan = self._shown(plan, root)
        plan = replace(plan, warnings=tuple(self.binder.warnings))
        return with_usage(rules.optimized(plan) if self.optimize else plan)

    def _shown(self, plan: Plan, root: Root) -> Plan:
        extras = self.binder.names.extras
        if isinstance(plan.result, Series):
            extras[root] = extras.get(self.binder.element(plan.result), {})
        items = shown(self.binder, root)
        if items is None:
            shape = root.shape
            return replace(
                plan, records=shape if isinstance(shape, RecordShape) else RecordShape(())
            )
        fields = tuple(item.field for item in items)
        bare = len(items) == 1 and not items[0].path
        return replace(plan, shown=SelectStage(root, items), records=RecordShape(fields, bare))


def bind_let(binder: Binder, expansion: Expansion, statement: ast.Let) -> None:
    """Bind `let name = value` in a binder's names."""
    name, names = statement.name, binder.names
    if name in names.system.objects or name in functions.FUNCTIONS:
        what = "a source" if name in names.system.objects else "a function"
        raise QueryError(
            f"`{name}` is {what} already.", span=statement.name_span, hint="Choose another name."
        )
    value = statement.value
    expansion.note(statement)
    if isinstance(value, ast.Lambda):
        names.lets[name] = Function(value, dict(names.lets))
    else:
        names.lets[name] = binder.find(value, None)


def _is_value(place: Place) -> bool:
    """Whether a place is one of a series of plain values."""
    return isinstance(place, Pick) and isinstance(place.shape, RecordShape) and place.shape.bare


def parameter_of(text: str) -> tuple[str, ast.Expression]:
    """Read NAME=VALUE, as --let has it; QueryError if it is something else."""
    name, sign, value = text.partition("=")
    if not sign or not (name.isascii() and name.isidentifier()):
        raise QueryError(f"--let takes NAME=VALUE, and this is {text!r}.")
    return name, literal_of(value)


def literal_of(text: str) -> ast.Expression:
    """Return what a parameter from outside stands for: the literal that it is, else the text."""
    try:
        query = parse(text)
    except QueryError:
        return ast.Text(text)
    value = query.statements[0] if len(query.statements) == 1 else None
    if isinstance(value, ast.Let) or value is None or not is_literal(value):
        return ast.Text(text)
    return value


def is_literal(node: ast.Expression) -> bool:
    """Whether an expression is a literal, a negative number, or a list of literals."""
    if isinstance(node, ast.ListLiteral):
        return all(map(is_literal, node.items))
    if isinstance(node, ast.Unary):
        return node.op == "-" and isinstance(node.operand, ast.Number | ast.Real)
    return isinstance(
        node,
        ast.Number | ast.Real | ast.Text | ast.Time | ast.Duration | ast.Boolean | ast.Null,
    )


def node_of(value: object) -> ast.Expression:
    """Return the literal of a Python value: text, numbers, truth values, None, lists of these."""
    if isinstance(value, ast.Node):
        return cast("ast.Expression", value)
    match value:
        case None:
            return ast.Null()
        case bool():
            return ast.Boolean(value)
        case int():
            number = ast.Number(abs(value))
            return ast.Unary("-", number) if value < 0 else number
        case float():
            real = ast.Real(abs(value))
            return ast.Unary("-", real) if value < 0 else real
        case str():
            return ast.Text(value)
        case list() | tuple():
            return ast.ListLiteral(tuple(node_of(item) for item in value))
        case _:
            raise QueryError(f"A parameter cannot be a `{type(value).__name__}`.")
