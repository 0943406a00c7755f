"""How bound things are written for people: terms as the query has them, places by their names."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import fields
from typing import TYPE_CHECKING

from memq.eval.places import Pick, RawStep, RecordShape, Root, Step, way_to
from memq.eval.reading import walk
from memq.eval.terms import And, FieldTerm, Not, Or, Term
from memq.lang import ast, printer
from memq.lang.parser import Parser
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.errors import Span
    from memq.eval.places import Place

LONGEST = 200
"""Characters of a term; of a longer one only so much is written."""


class Words:
    """Finds what stands where in the text that a plan was bound from.

    The text may be several, each of which begins at one of `begins`, and is read by itself.
    """

    def __init__(self, text: str, begins: Sequence[int] = (0,)) -> None:
        self._text = text
        self._begins = begins
        self._parser = Parser()
        self._read: dict[int, dict[Span, ast.Expression]] = {}

    def term(self, term: Term) -> str:
        """Return a term as it is written, its conditions in the order in which they are asked."""
        return self.shortened(self._node(term))

    def at(self, span: Span) -> str:
        """Return what is written at a place; nothing if no expression stands there."""
        node = self._found(span)
        return "" if node is None else self.shortened(node)

    def shortened(self, node: ast.Expression) -> str:
        """Return a node's text, in one line of bounded length."""
        text = printer.write(node)
        return text if len(text) <= LONGEST else text[:LONGEST] + " ..."

    def _found(self, span: Span) -> ast.Expression | None:
        """Return what stands at a place, if it is an expression."""
        number = bisect_right(self._begins, span.start)
        if number not in self._read:
            end = self._begins[number] if number < len(self._begins) else len(self._text)
            query = self._parser.parse(self._text[:end], self._begins[number - 1])
            nodes: dict[Span, ast.Expression] = {}
            for node in _expressions(query):
                nodes.setdefault(node.span, node)
            self._read[number] = nodes
        return self._read[number].get(span)

    def _node(self, term: Term) -> ast.Expression:
        """Return the syntax of a term; what a rule has changed is put together anew."""
        found = self._found(term.span)
        match term, found:
            case And(operands=operands), ast.And():
                return ast.And(tuple(map(self._node, operands)))
            case Or(operands=operands), ast.Or():
                return ast.Or(tuple(map(self._node, operands)))
            case Not(operand=operand), ast.Unary(op="!"):
                return ast.Unary("!", self._node(operand))
            case _:
                return ast.Name("...") if found is None else found


def _expressions(root: ast.Node) -> Iterator[ast.Expression]:
    """Yield every node of a tree, the outer ones first; without recursion."""
    todo: list[object] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(node)
        elif isinstance(node, ast.Node):
            if not isinstance(node, ast.Query | ast.Let | ast.Entry):
                yield node  # type: ignore[misc]
            todo.extend(getattr(node, one.name) for one in fields(node))


def path(place: Place) -> str:
    """Return the names that lead to a place."""
    return ".".join(reversed([_name(one) for one in way_to(place)]))


def _name(place: Place) -> str:
    match place:
        case Root(shape=shape):
            return getattr(shape, "type_name", "record")
        case Step(name=name) | RawStep(name=name):
            return name or "raw"
        case Pick(operator=operator):
            return operator
        case _:
            return "column"


def key_of(place: Place, column: int) -> str:
    """Return the keys of a column of the record at a place."""
    shape = place.shape
    fields_ = shape.fields if isinstance(shape, RecordShape) else ()
    return ".".join(fields_[column].path) if column < len(fields_) else ""


def names(places: Iterable[Step]) -> list[str]:
    """Return the names of collections, each once."""
    return list(dict.fromkeys(place.name for place in places))


def cost(cost_: Cost) -> str:
    """Return the word for a cost."""
    return cost_.name.lower().replace("_", " ")


def dear(terms: Iterable[Term]) -> list[str]:
    """Return the fields that take more than a look at the object itself, and what they take."""
    found = {}
    for term in terms:
        for one in walk(term):
            if isinstance(one, FieldTerm) and one.field.cost > Cost.MEMBER:
                found[f"{path(one.place)}.{one.field.name}"] = cost(one.field.cost)
    return [f"{name} ({word})" for name, word in found.items()]
