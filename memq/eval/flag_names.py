"""Names of flags that stand for their bits only where another field of the object says so.

`granted_access.Has("PROCESS_VM_WRITE")` is `type == "Process" && granted_access.Has(0x20)`: to a
file the same bit is another right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval.terms import BOOLEAN, And, Constant, FieldTerm, InList, Term

if TYPE_CHECKING:
    from memq.eval.scope import Names
    from memq.schema.kinds import NamesBy


def where_named(names: Names, call: Term, operand: Term, arguments: tuple[Term, ...]) -> Term:
    """Return a call that asks flags, true only where the names that it asks by mean anything.

    `arguments` are the call's as they were written. QueryError where the other field is out of
    reach.
    """
    by = operand.type.names_by
    wanted = [] if by is None else _wanted(by, arguments)
    if by is None or not wanted:
        return call
    field = _sibling(operand, by.field)
    if field is None:
        raise QueryError(
            f"What these names stand for depends on `{by.field}`, which is not known here.",
            span=call.span,
            hint=f"Ask before the value is selected: `Where({by.field} == ... && ...)`.",
        )
    other = names.field_term(field.place, field.field, operand.span)
    conditions = [
        InList(call.span, BOOLEAN, (other, *(Constant(call.span, other.type, v) for v in values)))
        for values in wanted
    ]
    return And(call.span, BOOLEAN, (*conditions, call))


def _wanted(by: NamesBy, arguments: tuple[Term, ...]) -> list[tuple[str, ...]]:
    """Return what the other field must be, for each name that is not for all of its values."""
    texts = [one.value for one in arguments if isinstance(one, Constant)]
    written = [name for text in texts if isinstance(text, str) for name in text.split("|")]
    found = dict.fromkeys(by.values(name) for name in written)
    return [values for values in found if values]


def _sibling(operand: Term, name: str) -> FieldTerm | None:
    """Return the field of that name of the object that a field is of, as a term."""
    if not isinstance(operand, FieldTerm) or operand.place.type is None:
        return None
    field = operand.place.type.fields.get(name)
    return (
        None if field is None else FieldTerm(operand.span, field.value_type, operand.place, field)
    )
