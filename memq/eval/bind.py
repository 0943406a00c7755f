"""Binding of expressions: from syntax to terms, every name found and every type checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memq.eval import checks, collection_checks, functions, nulls, refusals
from memq.eval.bind_literals import literal_term
from memq.eval.invoke import Calls
from memq.eval.places import Pick, RawStep, Root, Step, collections_on
from memq.eval.reading import named
from memq.eval.scope import (
    Found,
    Frame,
    Function,
    Names,
    Partial,
    Variables,
)
from memq.eval.series import ColumnSeries, ListSeries, PlaceSeries, Series, SharedSeries
from memq.eval.shapes import bare_shape, projected, text_keys
from memq.eval.terms import (
    BOOLEAN,
    NULL,
    NUMBER,
    And,
    Arithmetic,
    Choice,
    Coalesce,
    ColumnTerm,
    Comparison,
    Constant,
    FieldTerm,
    InList,
    Membership,
    MethodCall,
    Negative,
    Not,
    Or,
    RawTerm,
    Term,
)
from memq.lang import ast, printer
from memq.schema.kinds import ValueType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.eval.places import Place
    from memq.schema.declare import System


class Binder:
    """Binds expressions for one system; `kernel` is what raw structures are read by, if any."""

    def __init__(self, system: System, kernel: Any = None, text: str = "") -> None:
        self.system = system
        self.kernel = kernel
        self.text = text
        """Where the spans of what is bound stand; warnings repeat it."""
        self.names = Names(system)
        self.variables = Variables()
        self.warnings: dict[str, None] = {}
        self.elements: dict[Series, Root] = {}
        """The variable by which a series' elements were spoken of first."""
        self.calls = Calls(self)

    # What an expression is: an object, a value, a series

    def find(self, node: ast.Expression, frame: Frame | None) -> Found:
        """Return what an expression speaks of."""
        written = self._written_column(node, frame)
        if written is not None:
            return written
        match node:
            case ast.Name():
                found = self.names.bare(frame, node.name, node.span)
                if found is None and node.name == "raw" and frame is not None and frame.place:
                    return functions.raw_of(self, frame.place, node.span)
                if found is None:
                    raise refusals.unknown_name(node, frame, self.names)
                return found
            case ast.Member():
                found = self.member(self.find(node.target, frame), node)
                return replace(found, span=node.span) if isinstance(found, Term) else found
            case ast.Call():
                return self.calls.find(node, frame)
            case ast.Index():
                return self._index(node, frame)
            case ast.ListLiteral():
                return self._list(node, frame)
            case _:
                return self._operation(node, frame)

    def _written_column(self, node: ast.Expression, frame: Frame | None) -> Found | None:
        """Return the column of a record whose key is the text of the expression."""
        if frame is None or frame.place is None or isinstance(node, ast.Name | ast.Member):
            return None
        keys = text_keys(frame.place.shape)
        if not keys:
            return None
        written = printer.write(node)
        return (
            self.names.column(Partial(frame.place), written, node.span) if written in keys else None
        )

    def member(self, target: Found, node: ast.Member) -> Found:
        """Return what a name behind a dot is."""
        match target:
            case Partial():
                return self.names.column(target, node.name, node.name_span)
            case Series():
                return self._of_series(target, node)
            case Function():
                raise refusals.not_called(node.target)
            case Term():
                raise refusals.no_member(target.type, node)
            case _:
                return self._of_place(target, node)

    def _of_place(self, place: Place, node: ast.Member) -> Found:
        if place.type is not None and node.name == "raw":
            return functions.raw_of(self, place, node.name_span)
        if isinstance(place, RawStep) or functions.is_raw(place):
            return functions.raw_member(self, place, node)
        return self.names.member(place, node.name, node.name_span)

    def _of_series(self, series: Series, node: ast.Member) -> Found:
        """Return the series of something of each element: `process.pid` of all processes."""
        root = self.element(series)
        whole = self.names.whole(root, node.target.span)
        return self.as_series(projected(self, series, root, self.member(whole, node), node.span))

    def as_series(self, found: Found) -> Series:
        """Return a series as it is."""
        if not isinstance(found, Series):
            raise TypeError("not a series")
        return found

    def element(self, series: Series) -> Root:
        """Return the variable that stands for an element; stages that keep elements keep it."""
        if series not in self.elements:
            root = self.variables.new(series.shape)
            self.names.extras[root] = self._extras(series)
            self.elements[series] = root
        return self.elements[series]

    def _extras(self, series: Series) -> dict[str, ValueType]:
        """Return what `Let` added to elements that come from elsewhere."""
        if isinstance(series, SharedSeries):
            return self.names.extras.get(self.element(series.inner), {})
        if isinstance(series, ColumnSeries):
            return self.names.item_extras.get((series.place, series.column), {})
        return {}

    def series(self, found: Found, node: ast.Expression) -> Series | None:
        """Return what was found as a series, if it is one: a collection, or a field of one."""
        match found:
            case Series():
                return found
            case Step(many=True):
                return PlaceSeries(node.span, found.type, found)
            case Term() | Step() | RawStep():
                places = named(found) if isinstance(found, Term) else frozenset()
                if isinstance(found, Step):
                    places = collections_on(found)
                if not places:
                    return None
                deepest = collection_checks.deepest(places, node)
                inner = PlaceSeries(node.span, deepest.type, deepest)
                return projected(self, inner, deepest, found, node.span)
            case _:
                return None

    def term(self, node: ast.Expression, frame: Frame | None) -> Term:
        """Bind an expression that is a value."""
        return self.as_term(self.find(node, frame), node)

    def as_term(self, found: Found, node: ast.Expression) -> Term:
        """Return what was found as a value, or refuse it."""
        if isinstance(found, Term):
            return found
        if isinstance(found, Function):
            raise refusals.not_called(node)
        raw = functions.raw_value(found, node.span)
        if raw is not None:
            return raw
        raise refusals.no_value(found, node)

    def condition(self, node: ast.Expression, frame: Frame | None) -> Term:
        """Bind an expression that must be true or false."""
        term = self.term(node, frame)
        checks.need_condition(term)
        return term

    def single(self, node: ast.Expression, frame: Frame | None) -> Term:
        """Bind an expression that has one value for each element: of no collection's fields."""
        term = self.term(node, frame)
        checks.need_single(term)
        return term

    # Frames

    def frame(
        self, places: Sequence[Place], argument: ast.Expression, outer: Frame | None
    ) -> tuple[Frame, ast.Expression]:
        """Return the frame of a method's argument, and the expression in it.

        `places` are the elements that it may speak of, one for each parameter of a lambda.
        """
        argument, outer = self._function(argument, outer)
        if not isinstance(argument, ast.Lambda):
            if len(places) != 1:
                raise refusals.lambda_expected(argument, len(places))
            return Frame(self._inner(places[0]), None, outer), argument
        if len(argument.parameters) != len(places):
            raise refusals.lambda_expected(argument, len(places))
        frame = outer
        for place, parameter in zip(places, argument.parameters, strict=True):
            alone = len(places) == 1
            frame = Frame(self._inner(place), parameter, frame, has_bare_names=alone)
        if frame is None:
            raise refusals.lambda_expected(argument, len(places))
        return frame, argument.body

    def _inner(self, place: Place) -> Place:
        """Return the object of an element that is nothing but an object."""
        found = self.names.whole(place, ast.Null().span)
        return place if isinstance(found, Term | Series | Partial | Function) else found

    def _function(
        self, argument: ast.Expression, outer: Frame | None
    ) -> tuple[ast.Expression, Frame | None]:
        """Return the lambda that a name stands for, and the frame in which it was written."""
        if isinstance(argument, ast.Name):
            found = self.names.named(outer, argument.name, argument.span)
            if isinstance(found, Function):
                # Names in it mean what they meant where it was written.
                return found.node, Frame(None, values=self.names.captured(found.lets))
        return argument, outer

    # Operators

    def _operation(self, node: ast.Expression, frame: Frame | None) -> Term:
        match node:
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
            case _:
                return literal_term(node)

    def _unary(self, node: ast.Unary, frame: Frame | None) -> Term:
        if node.op == "!":
            return Not(node.span, BOOLEAN, self.condition(node.operand, frame))
        operand = self.term(node.operand, frame)
        checks.need_number(operand)
        if node.op == "-":
            if isinstance(operand, Constant) and isinstance(operand.value, int | float):
                if isinstance(operand.value, int) and operand.value > 1 << 63:
                    raise refusals.too_large(node)
                return replace(operand, value=-operand.value, span=node.span)
            return Negative(node.span, NUMBER, operand)
        checks.need_bits("~", operand)
        minus = Constant(node.span, NUMBER, -1)
        return Arithmetic(node.span, NUMBER, (operand, minus), "^")

    def _binary(self, node: ast.Binary, frame: Frame | None) -> Term:
        if node.op == "in":
            return self._in(node, frame)
        if node.op in ("==", "!=", "===", "!==") and ast.Null() in (node.left, node.right):
            found = nulls.comparison(self, node, frame)
            if found is not None:
                return found
        left, right = self.term(node.left, frame), self.term(node.right, frame)
        if node.op == "??":
            return Coalesce(node.span, checks.common(left, right), (left, right))
        if node.op in checks.COMPARISONS:
            left, right = checks.comparable(node, left, right)
            is_exact = node.op in ("===", "!==")
            fold = not is_exact and (left.type.ignores_case or right.type.ignores_case)
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
                return self._in_list(node, left, [self.term(item, frame) for item in items])
            case ast.Range(start=start, end=end):
                low, high = self.term(start, frame), self.term(end, frame)
                for other in (low, high):
                    checks.need_orderly(other)
                    checks.comparable(node, left, other)
                above = Comparison(node.span, BOOLEAN, (left, low), ">=")
                below = Comparison(node.span, BOOLEAN, (left, high), "<=")
                return And(node.span, BOOLEAN, (above, below))
            case _:
                return self._within(node, left, frame)

    def _in_list(self, node: ast.Binary, left: Term, items: list[Term]) -> Term:
        others = []
        for item in items:
            left, other = checks.comparable(node, left, item)
            others.append(other)
        fold = any(one.type.ignores_case for one in (left, *others))
        return InList(node.span, BOOLEAN, (left, *others), fold)

    def _within(self, node: ast.Binary, left: Term, frame: Frame | None) -> Term:
        """Bind `in` where the right side is a collection's field, a list or a text."""
        found = self.find(node.right, frame)
        # What a method makes of an element's text is one text; a collection's field is all of it.
        is_path = not isinstance(found, Term) or isinstance(found, _PATHS)
        series = self.series(found, node.right) if is_path else None
        if series is None:
            right = self.as_term(found, node.right)
            checks.need_texts(left, right)
            fold = left.type.ignores_case or right.type.ignores_case
            return MethodCall(node.span, BOOLEAN, (right, left), "Contains", fold)
        return self.membership(node, left, series)

    def membership(self, node: ast.Binary | ast.Call, left: Term, series: Series) -> Term:
        """Return the term that looks for a value in a series of values."""
        type_ = collection_checks.value_type(series, node)
        other = Constant(node.span, type_, None)
        if isinstance(node, ast.Binary):
            checks.comparable(node, left, other)
        fold = left.type.ignores_case or type_.ignores_case
        return Membership(node.span, BOOLEAN, left, series, fold)

    # Indexes, lists, literals

    def _index(self, node: ast.Index, frame: Frame | None) -> Found:
        """Bind `a[i]`: an element of a series, a column of a record, an element of an array."""
        target = self.find(node.target, frame)
        if isinstance(target, Partial) and isinstance(node.index, ast.Text):
            return self.names.column(target, node.index.value, node.index.span)
        raw = functions.raw_element(self, target, node, frame)
        if raw is not None:
            return raw
        series = self.series(target, node.target)
        if series is None:
            raise refusals.no_index(target, node)
        index = self.single(node.index, frame)
        checks.need_whole(index)
        return self.pick("ElementAt", series, node, index)

    def pick(
        self,
        operator: str,
        series: Series,
        node: ast.Expression,
        argument: Term | None = None,
        variable: Root | None = None,
    ) -> Found:
        """Return one element of a series."""
        number = self.variables.number()
        place = Pick(number, operator, series, series.shape, argument, variable)
        self.names.extras[place] = self.names.extras.get(self.element(series), {})
        return self.names.whole(place, node.span)

    def _list(self, node: ast.ListLiteral, frame: Frame | None) -> Found:
        """Bind a list of values."""
        items = tuple(self.single(item, frame) for item in node.items)
        type_ = NULL
        for item in items:
            type_ = checks.common(Constant(item.span, type_, None), item)
        return ListSeries(node.span, bare_shape(type_), items)


_PATHS = (FieldTerm, ColumnTerm, RawTerm)
"""What a path to a field, a column or a raw value is bound to."""
