"""How bound things are written for people: terms as the query has them, places by their names."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from memq.eval.places import Pick, RawStep, RecordShape, Root, Step, way_to
from memq.eval.reading import walk
from memq.eval.terms import And, FieldTerm, Not, Or, Term
from memq.lang import ast, printer
from memq.lang.parser import parse
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.errors import Span
    from memq.eval.places import Place

LONGEST = 200
"""Characters of a term; of a longer one only so much is written."""


class Words:
    """Finds what stands where in the text that a plan was bound from."""

    def __init__(self, text: str) -> None:
        self._nodes: dict[Span, ast.Expression] = {}
        for node in _expressions(parse(text)):
            self._nodes.setdefault(node.span, node)

    def term(self, term: Term) -> str:
        """Return a term as it is written, its conditions in the order in which they are asked."""
        return self.shortened(self._node(term))

    def at(self, span: Span) -> str:
        """Return what is written at a place; nothing if no expression stands there."""
        node = self._nodes.get(span)
        return "" if node is None else self.shortened(node)

    def shortened(self, node: ast.Expression) -> str:
        """Return a node's text, in one line of bounded length."""
        text = printer.write(node)
        return text if len(text) <= LONGEST else text[:LONGEST] + " ..."

    def _node(self, term: Term) -> ast.Expression:
        """Return the syntax of a term; what a rule has changed is put together anew."""
        found = self._nodes.get(term.span)
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
