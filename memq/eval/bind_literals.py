"""Binding of literals."""

from __future__ import annotations

from memq.eval import refusals
from memq.eval.terms import NULL, Constant
from memq.lang import ast
from memq.schema.kinds import Kind, ValueType


def literal_term(node: ast.Expression) -> Constant:
    """Bind a literal."""

    def made(kind: Kind, value: str | float | bool | None) -> Constant:
        return Constant(node.span, ValueType(kind), value)

    match node:
        case ast.Number():
            if node.value >= 1 << 64:
                raise refusals.too_large(node)
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
            raise refusals.out_of_place(node)
