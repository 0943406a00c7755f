"""Comparisons with `null` of what is no plain value: objects, and pointers of the kernel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval import functions
from memq.eval.places import ColumnPlace, Pick, Root, Step
from memq.eval.terms import BOOLEAN, NULL, NUMBER, Comparison, Constant, Not, ObjectTerm, Or, Term
from memq.lang import ast
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.eval.bind import Binder
    from memq.eval.scope import Frame


def comparison(binder: Binder, node: ast.Binary, frame: Frame | None) -> Term | None:
    """Bind `x == null` where x is an object or a pointer; None where it is anything else."""
    other = node.right if isinstance(node.left, ast.Null) else node.left
    found = binder.find(other, frame)
    raw = functions.raw_value(found, other.span)
    if raw is not None and raw.type.kind is Kind.ADDRESS:
        # A pointer to nothing holds 0; where there is no pointer either, it is null.
        zero = Comparison(node.span, BOOLEAN, (raw, Constant(node.span, NUMBER, 0)), "==")
        equal: Term = Or(node.span, BOOLEAN, (zero, _is_null(raw, node)))
    elif isinstance(found, Root | ColumnPlace | Pick) or (
        isinstance(found, Step) and not found.many
    ):
        equal = _is_null(ObjectTerm(other.span, NUMBER, found), node)
    else:
        return None
    return equal if node.op in ("==", "===") else Not(node.span, BOOLEAN, equal)


def _is_null(term: Term, node: ast.Binary) -> Term:
    return Comparison(node.span, BOOLEAN, (term, Constant(node.span, NULL, None)), "==")
