"""Errors of the kernel's own structures: types, members and symbols that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.errors import NoKernelError, QueryError
from memq.eval.raw_types import element_of, members_of, type_names, written
from memq.eval.suggestions import handful, place_of, quoted
from memq.lang import hints

if TYPE_CHECKING:
    from memq.errors import Span
    from memq.lang import ast
    from memq.schema.batch import ObjectType
    from memq.schema.declare import System
    from memq.symbols.types import Type, Types

_ASK_A_DUMP = "Ask it of a dump: `memq DUMP -e QUERY`."
_MOST_SYMBOLS = 5000
"""Symbols that begin alike, and are compared with the one that was not found."""


def no_structure(name: str, span: Span) -> QueryError:
    """`.raw` of an object that is none of the kernel's structures."""
    return QueryError(
        f"`{name}` has no structure of the kernel's own in this dump.",
        span=span,
        hint='What is at an address is told by `cast`: `cast("task_struct", 0xffff...)`.',
    )


def no_members(type_: Type, node: ast.Member) -> QueryError:
    """A dot behind what is no structure."""
    hint = None
    if type_.kind == "pointer":
        hint = "`cast` tells what it points to."
    elif element_of(type_) is not None:
        hint = f"One of its elements is `{quoted(node.target).strip('`')}[0]`."
    return QueryError(
        f"{quoted(node.target)} is `{written(type_)}`, which has no members.",
        span=node.name_span,
        hint=hint,
    )


def no_member(type_: Type, name: str, span: Span) -> QueryError:
    """A member that a structure does not have."""
    members = members_of(type_)
    near = hints.did_you_mean(hints.nearest(name, members))
    return QueryError(
        f"`{written(type_)}` has no member `{name}`.",
        span=span,
        hint=near or handful("Its members", members),
    )


def no_array(type_: Type, node: ast.Index) -> QueryError:
    """An index of what is no array."""
    return QueryError(
        f"{quoted(node.target)} is `{written(type_)}`, which is no array.", span=node.index.span
    )


def no_types(span: Span) -> QueryError:
    """A type's name where no kernel is."""
    return NoKernelError("Nothing is known of a kernel's types here.", span=span, hint=_ASK_A_DUMP)


def no_type(types: Types, node: ast.Text, *, struct: bool) -> QueryError:
    """A type that the kernel does not have."""
    name = node.value.removeprefix("struct ").strip(" *")
    return QueryError(
        f'This kernel has no {"structure" if struct else "type"} called "{node.value}".',
        span=node.span,
        hint=hints.did_you_mean(hints.nearest(name, type_names(types))),
    )


def no_symbol(symbols: Any, node: ast.Text) -> QueryError:
    """A symbol that the kernel does not have."""
    if symbols is None:
        message = "Nothing is known of a kernel's symbols here."
        return NoKernelError(message, span=node.span, hint=_ASK_A_DUMP)
    prefix = node.value[: max(3, len(node.value) // 2)]
    alike = [each for each, _ in symbols.with_prefix(prefix)][:_MOST_SYMBOLS]
    near = hints.nearest(node.value, alike)
    return QueryError(
        f'This kernel has no symbol called "{node.value}".',
        span=node.span,
        hint=hints.did_you_mean(near),
    )


def name_expected(what: str, example: str, node: ast.Expression) -> QueryError:
    """Something else where the name of a type, a member or a symbol stands."""
    return QueryError(
        f"The name of a {what} is expected, in quotes.",
        span=place_of(node),
        hint=f'Such as "{example}".',
    )


def no_pointer(node: ast.Expression) -> QueryError:
    """What points nowhere, where a pointer is followed."""
    return QueryError(
        f"{quoted(node)} is no pointer to anything.",
        span=place_of(node),
        hint='What is at an address is told by `cast("task_struct", 0xffff...)`.',
    )


def nothing_raw(node: ast.Expression) -> QueryError:
    """An object or a value, where something of the kernel's own is expected."""
    return QueryError(
        f"{quoted(node)} is nothing of the kernel's own.",
        span=place_of(node),
        hint="An object has its structure behind `.raw`: `addressof(process.raw.comm)`.",
    )


def no_place_for_values(span: Span) -> QueryError:
    """`Let` of structures, which have their members and nothing beside them."""
    return QueryError(
        "`Let` adds values to objects and records, and the elements are structures.",
        span=span,
        hint="`Select` makes records of them: `.Select(x => {raw: x, name: ...})`.",
    )


def no_head(type_: Type, node: ast.Expression) -> QueryError:
    """What is no head, where a list begins."""
    return QueryError(
        f"{quoted(node)} is `{written(type_)}`, not the head of a list.",
        span=place_of(node),
        hint="A head is a `list_head` or an `hlist_head`, or an address of one.",
    )


def no_source(node: ast.Expression, system: System) -> QueryError:
    """`scan` of something else than a source."""
    carved = [name for name, type_ in system.objects.items() if type_.can_be_carved]
    return QueryError(
        f"`scan` takes a source, and {quoted(node)} is none.",
        span=place_of(node),
        hint=handful("What can be searched for", carved) if carved else _no_scan(system),
    )


def not_carved(node: ast.Expression, type_: type[ObjectType], system: System) -> QueryError:
    """`scan` of a source that memory is not searched for."""
    carved = [name for name, other in system.objects.items() if other.can_be_carved]
    return QueryError(
        f"Memory is not searched for `{type_.type_name}` in dumps of {system.title}.",
        span=place_of(node),
        hint=handful("What can be searched for", carved) if carved else _no_scan(system),
    )


def _no_scan(system: System) -> str:
    return f"Of {system.title} memq knows what lists and tables lead to; it does not search yet."
