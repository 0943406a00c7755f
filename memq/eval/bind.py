"""Binding of expressions: from syntax to terms, every name found and every type checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval import calls, checks, refusals
from memq.eval.methods import method_of
from memq.eval.refusals import AGGREGATES, FUNCTIONS
from memq.eval.scope import Found, Frame, Names, RecordShape, Shape, Variables
from memq.eval.terms import (
    BOOLEAN,
    NULL,
    NUMBER,
    Aggregate,
    And,
    Arithmetic,
    Choice,
    Coalesce,
    ColumnTerm,
    Comparison,
    Constant,
    FieldTerm,
    InList,
    IsKnown,
    Membership,
    MethodCall,
    Negative,
    Not,
    Or,
    Place,
    Step,
    Term,
)
from memq.lang import ast
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from memq.errors import Span
    from memq.schema.declare import Field, System


class Binder:
    """Binds expressions for one system."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.names = Names(system)
        self.variables = Variables()

    # What an expression is: an object, or a value

    def find(self, node: ast.Expression, frame: Frame | None) -> Found | Term:
        """Return the place or field that a path speaks of, or the term that it is."""
        column = self._column(node, frame)
        if column is not None:
            return column
        match node:
            case ast.Name():
                found = self.names.bare(frame, node.name, node.span)
                if found is None:
                    raise refusals.unknown_name(node, frame, self.names)
                return found
            case ast.Member():
                target = self.find(node.target, frame)
                if isinstance(target, Place):
                    return self.names.member(target, node.name, node.name_span)
                value = self._value(target, node.target)
                raise refusals.no_member(value.type, node)
            case _:
                return self.term(node, frame)

    def term(self, node: ast.Expression, frame: Frame | None) -> Term:
        """Bind an expression that is a value."""
        match node:
            case ast.Name() | ast.Member():
                return self._value(self.find(node, frame), node)
            case ast.And() | ast.Or():
                made = And if isinstance(node, ast.And) else Or
                operands = tuple(self.condition(operand, frame) for operand in node.operands)
                return made(node.span, BOOLEAN, operands)
            case ast.Unary():
                return self._unary(node, frame)
            case ast.Binary():
                return self._binary(node, frame)
            case ast.Conditional():
                return self._choice(node, frame)
            case ast.Call():
                return self._call(node, frame)
            case _:
                return self._literal(node)

    def condition(self, node: ast.Expression, frame: Frame | None) -> Term:
        """Bind an expression that must be true or false."""
        term = self.term(node, frame)
        checks.need_condition(term)
        return term

    def _value(self, found: Found | Term, node: ast.Expression) -> Term:
        if isinstance(found, Term):
            return found
        if isinstance(found, tuple):
            return self.field_term(*found, node.span)
        raise refusals.no_value(found, node)

    def field_term(self, place: Place, field: Field, span: Span) -> FieldTerm:
        """Return the term of a field, typed as this system compares it."""
        fold = field.value_type.ignores_case and self.system.ignores_case
        return FieldTerm(span, replace(field.value_type, ignores_case=fold), place, field)

    def _column(self, node: ast.Expression, frame: Frame | None) -> ColumnTerm | None:
        """Return the column of a record that a path spells, if the element is a record."""
        path = spelled(node)
        if frame is None or path is None or not isinstance(frame.shape, RecordShape):
            return None
        wanted = {path}
        if path[0] in (frame.parameter, frame.shape.of):
            wanted.add(path[1:])
        for number, field in enumerate(frame.shape.fields):
            if field.path in wanted:
                if field.type is None:
                    raise QueryError(
                        f"`{'.'.join(field.path)}` is a list, and a value is expected.",
                        span=node.span,
                        hint="Ask what is in it before the `Select`.",
                    )
                return ColumnTerm(node.span, field.type, frame.root, number)
        return None

    # Operators

    def _unary(self, node: ast.Unary, frame: Frame | None) -> Term:
        if node.op == "!":
            return Not(node.span, BOOLEAN, self.condition(node.operand, frame))
        operand = self.term(node.operand, frame)
        checks.need_number(operand)
        if node.op == "-":
            if isinstance(operand, Constant) and isinstance(operand.value, int | float):
                if isinstance(operand.value, int) and operand.value > 1 << 63:
                    raise QueryError("The number does not fit 64 bits.", span=node.span)
                return replace(operand, value=-operand.value, span=node.span)
            return Negative(node.span, NUMBER, operand)
        minus = Constant(node.span, NUMBER, -1)
        return Arithmetic(node.span, NUMBER, (operand, minus), "^")

    def _binary(self, node: ast.Binary, frame: Frame | None) -> Term:
        if node.op == "in":
            return self._in(node, frame)
        left, right = self.term(node.left, frame), self.term(node.right, frame)
        if node.op == "??":
            type_ = checks.common(left, right)
            return Coalesce(node.span, type_, (left, right))
        if node.op in checks.COMPARISONS:
            checks.comparable(node, left, right)
            exact = node.op in ("===", "!==")
            fold = not exact and (left.type.ignores_case or right.type.ignores_case)
            sign = {"===": "==", "!==": "!="}.get(node.op, node.op)
            return Comparison(node.span, BOOLEAN, (left, right), sign, fold)
        type_ = checks.result_of(node, left, right)
        return Arithmetic(node.span, type_, (left, right), node.op)

    def _choice(self, node: ast.Conditional, frame: Frame | None) -> Term:
        condition = self.condition(node.condition, frame)
        yes, no = self.term(node.then, frame), self.term(node.otherwise, frame)
        return Choice(node.span, checks.common(yes, no), (condition, yes, no))

    def _in(self, node: ast.Binary, frame: Frame | None) -> Term:
        left = self.term(node.left, frame)
        match node.right:
            case ast.ListLiteral(items=items):
                others = tuple(self.term(item, frame) for item in items)
                for other in others:
                    checks.comparable(node, left, other)
                fold = any(one.type.ignores_case for one in (left, *others))
                return InList(node.span, BOOLEAN, (left, *others), fold)
            case ast.Range(start=start, end=end):
                low, high = self.term(start, frame), self.term(end, frame)
                for other in (low, high):
                    checks.need_number(other)
                    checks.comparable(node, left, other)
                return And(
                    node.span,
                    BOOLEAN,
                    (
                        Comparison(node.span, BOOLEAN, (left, low), ">="),
                        Comparison(node.span, BOOLEAN, (left, high), "<="),
                    ),
                )
            case _:
                return self._within(node, left, frame)

    def _within(self, node: ast.Binary, left: Term, frame: Frame | None) -> Term:
        """Bind `in` where the right side is a collection's field, or a text."""
        found = self.find(node.right, frame)
        if isinstance(found, tuple) and isinstance(found[0], Step) and found[0].many:
            place, field = found[0], found[1]
            other = self.field_term(place, field, node.right.span)
            checks.comparable(node, left, other)
            fold = left.type.ignores_case or other.type.ignores_case
            return Membership(node.span, BOOLEAN, left, place, field, fold)
        right = self._value(found, node.right)
        checks.need_texts(left, right)
        fold = left.type.ignores_case or right.type.ignores_case
        return MethodCall(node.span, BOOLEAN, (right, left), "Contains", fold)

    # Calls

    def _call(self, node: ast.Call, frame: Frame | None) -> Term:
        target = node.target
        if isinstance(target, ast.Name) and target.name in FUNCTIONS:
            checks.need_count(node, 1)
            operand = self.term(node.arguments[0], frame)
            return IsKnown(node.span, BOOLEAN, operand, target.name == "is_unknown")
        if not isinstance(target, ast.Member):
            raise refusals.no_function(target)
        aggregate = AGGREGATES.get(target.name.lower())
        if aggregate is not None:
            return self._aggregate(node, target, aggregate, frame)
        return self._method(node, target, frame)

    def _aggregate(
        self, node: ast.Call, target: ast.Member, operator: str, frame: Frame | None
    ) -> Term:
        place = self.find(target.target, frame)
        if not isinstance(place, Step) or not place.many:
            raise refusals.no_collection(operator, place, target.target)
        if len(node.arguments) > 1 or (operator == "All" and not node.arguments):
            checks.need_count(node, 1)
        variable = self.variables.new(place.type)
        body = None
        if node.arguments:
            inner, expression = self.inner(variable, place.type, node.arguments[0], frame)
            body = self.condition(expression, inner)
        type_ = NUMBER if operator == "Count" else BOOLEAN
        return Aggregate(node.span, type_, operator, place, variable, body)

    def inner(
        self, variable: Place, shape: Shape, argument: ast.Expression, frame: Frame | None
    ) -> tuple[Frame, ast.Expression]:
        """Return the frame of a method's argument, and the expression in it."""
        if isinstance(variable, Step):
            raise TypeError("a frame needs a variable")
        if isinstance(argument, ast.Lambda):
            if len(argument.parameters) != 1:
                raise QueryError(
                    "A lambda of one parameter is expected.",
                    span=argument.span,
                    hint="One is written `x => ...`.",
                )
            return Frame(variable, shape, argument.parameters[0], frame), argument.body
        return Frame(variable, shape, None, frame), argument

    def _method(self, node: ast.Call, target: ast.Member, frame: Frame | None) -> Term:
        found = self.find(target.target, frame)
        if isinstance(found, Step) and found.many:
            raise refusals.no_method_of_collections(target)
        operand = self._value(found, target.target)
        method = method_of(operand.type.kind, target.name)
        if method is None:
            raise refusals.no_method(operand.type, target)
        arguments = calls.arguments(
            node, method, operand.type, lambda argument: self.term(argument, frame)
        )
        return MethodCall(
            node.span,
            method.result_type(operand.type),
            (operand, *arguments),
            method.name,
            operand.type.ignores_case,
        )

    # Literals

    def _literal(self, node: ast.Expression) -> Term:
        def made(kind: Kind, value: str | float | bool | None) -> Constant:
            return Constant(node.span, ValueType(kind), value)

        match node:
            case ast.Number():
                if node.value >= 1 << 64:
                    raise QueryError("The number does not fit 64 bits.", span=node.span)
                return made(Kind.ADDRESS if node.unit == "0x" else Kind.NUMBER, node.value)
            case ast.Real():
                return made(Kind.FLOAT, node.value)
            case ast.Text():
                return made(Kind.STRING, node.value)
            case ast.Boolean():
                return made(Kind.BOOLEAN, node.value)
            case ast.Null():
                return Constant(node.span, NULL, None)
            case ast.Time():
                return made(Kind.TIME, node.nanoseconds)
            case ast.Duration():
                return made(Kind.DURATION, node.nanoseconds)
            case _:
                what = _NODES.get(type(node).__name__, "This")
                raise QueryError(f"{what} has no place here.", span=node.span)


_NODES = {
    "Lambda": "A lambda",
    "ListLiteral": "A list",
    "Record": "A record",
    "Range": "A range",
    "Regex": "A regular expression",
    "Index": "An index",
}


def spelled(node: ast.Expression) -> tuple[str, ...] | None:
    """Return the names of a path as they were written; None if it is not a path."""
    names: list[str] = []
    while isinstance(node, ast.Member):
        names.append(node.name)
        node = node.target
    if not isinstance(node, ast.Name):
        return None
    return (node.name, *reversed(names))
