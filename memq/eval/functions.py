"""Functions, declared once, and what they and the dot make of the kernel's own structures.

Everything here is about a query's text: types are looked up in the dump's types, and what does not
exist there is refused before anything is read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from memq.eval import checks, raw_refusals
from memq.eval.places import ColumnPlace, Pick, Place, RawShape, RawStep, Root, Step
from memq.eval.raw_types import (
    element_of,
    find_type,
    is_list_head,
    member_of,
    place_of,
    structure_of,
    target_of,
    value_type,
    written,
)
from memq.eval.series import RawListSeries, SourceSeries
from memq.eval.stage_nodes import RawItem, SelectItem
from memq.eval.terms import BOOLEAN, NUMBER, STRING, Constant, IsKnown, RawTerm, Term
from memq.lang import ast
from memq.node import dataclass
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from memq.errors import Span
    from memq.eval.bind import Binder
    from memq.eval.scope import Found, Frame
    from memq.symbols.types import Type

Bind: TypeAlias = "Callable[[Binder, ast.Call, Frame | None], Found]"
_SIZE = ValueType(Kind.SIZE)
_ADDRESS = ValueType(Kind.ADDRESS)


@dataclass(frozen=True, slots=True)
class Declared:
    """A function: its arguments as the help shows them, how many there may be, and its help."""

    name: str
    arguments: str
    counts: tuple[int, int]
    doc: str
    example: str
    bind: Bind


# Values of raw things


def is_raw(found: object) -> bool:
    """Whether something is of the kernel's own types."""
    return isinstance(found, RawStep | Root | ColumnPlace | Pick) and isinstance(
        found.shape, RawShape
    )


def raw_type(place: Place) -> Type:
    """Return the type of something of the kernel's own."""
    if not isinstance(place.shape, RawShape):
        raise TypeError("not raw")
    return place.shape.type


def raw_value(found: object, span: Span) -> Term | None:
    """Return the value of something raw, if it is no structure; None for all else."""
    if not isinstance(found, RawStep | Root | ColumnPlace | Pick) or not is_raw(found):
        return None
    type_ = value_type(raw_type(found))
    return None if type_ is None else RawTerm(span, type_, found)


def raw_columns(place: Place, path: tuple[str, ...] = ()) -> tuple[SelectItem, ...]:
    """Return the columns by which something raw is written: a structure as a tree."""
    from memq.eval.raw_records import leaves_of  # noqa: PLC0415 - 20 ms, and seldom needed

    leaves = leaves_of(raw_type(place))
    return tuple(SelectItem((*path, *leaf.path), RawItem(place, leaf)) for leaf in leaves)


# Ways from one thing to another


def raw_of(binder: Binder, place: Place, span: Span) -> Found:
    """Bind `.raw`: the kernel's structure of an object."""
    if getattr(binder.kernel, "types", None) is None:
        raise raw_refusals.no_types(span)
    struct = getattr(place.type, "struct", "")
    found = None
    if struct:
        found = find_type(binder.kernel.types, f"struct {struct}")
    if found is None:
        name = place.type.type_name if place.type else "this"
        raise raw_refusals.no_structure(name, span)
    return RawStep(place, "raw", RawShape(found))


def raw_member(binder: Binder, place: Place, node: ast.Member) -> Found:
    """Bind a member of a structure, or of what a pointer points to."""
    type_ = raw_type(place)
    found = member_of(type_, node.name)
    if found is not None:
        return RawStep(place, "member", RawShape(found), node.name)
    if structure_of(type_) is None:
        raise raw_refusals.no_members(type_, node)
    raise raw_refusals.no_member(type_, node.name, node.name_span)


def raw_element(
    binder: Binder, target: Found, node: ast.Index, frame: Frame | None
) -> Found | None:
    """Bind `a[i]` of an array, or of what a pointer points to; None where nothing is raw."""
    if not isinstance(target, RawStep | Root | ColumnPlace | Pick) or not is_raw(target):
        return None
    element = element_of(raw_type(target))
    if element is None:
        raise raw_refusals.no_array(raw_type(target), node)
    index = binder.single(node.index, frame)
    checks.need_whole(index)
    return RawStep(target, "index", RawShape(element), "", index)


# Functions


def _named_type(binder: Binder, node: ast.Expression, *, struct: bool = False) -> Type:
    """Return the type that a text names."""
    if not isinstance(node, ast.Text):
        raise raw_refusals.name_expected("type", "task_struct", node)
    types = getattr(binder.kernel, "types", None)
    if types is None:
        raise raw_refusals.no_types(node.span)
    found = find_type(types, node.value)
    if found is None or (struct and structure_of(found) is None):
        raise raw_refusals.no_type(types, node, struct=struct)
    return found


def _address_or_place(binder: Binder, node: ast.Expression, frame: Frame | None) -> Place | Term:
    """Return a raw thing, or a term that is an address."""
    found = binder.find(node, frame)
    if isinstance(found, RawStep | Root | ColumnPlace | Pick) and is_raw(found):
        if raw_type(found).kind != "pointer":
            return found
        term = raw_value(found, node.span)
        if term is not None:
            return term
    term = binder.as_term(found, node)
    checks.need_address(term)
    checks.need_single(term)
    return term


def _symbol(binder: Binder, node: ast.Call, _frame: Frame | None) -> Found:
    (name,) = node.arguments
    if not isinstance(name, ast.Text):
        raise raw_refusals.name_expected("symbol", "init_task", name)
    symbols = getattr(binder.kernel, "symbols", None)
    address = None if symbols is None else symbols.address(name.value)
    if address is None:
        raise raw_refusals.no_symbol(symbols, name)
    return Constant(node.span, _ADDRESS, address)


def _cast(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    type_ = _named_type(binder, node.arguments[0])
    what = _address_or_place(binder, node.arguments[1], frame)
    if isinstance(what, Term):
        return RawStep(None, "at", RawShape(type_), "", what)
    return RawStep(what, "cast", RawShape(type_))


def _deref(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    argument = node.arguments[0]
    found = binder.find(argument, frame)
    if isinstance(found, RawStep | Root | ColumnPlace | Pick) and is_raw(found):
        target = target_of(raw_type(found))
        if target is not None:
            return RawStep(found, "deref", RawShape(target))
    raise raw_refusals.no_pointer(argument)


def _addressof(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    argument = node.arguments[0]
    found = binder.find(argument, frame)
    if isinstance(found, RawStep | Root | ColumnPlace | Pick) and is_raw(found):
        return RawTerm(node.span, _ADDRESS, found, is_address=True)
    raise raw_refusals.nothing_raw(argument)


def _member_path(type_: Type, node: ast.Expression) -> str:
    """Return the path of a member that a text names."""
    if not isinstance(node, ast.Text):
        raise raw_refusals.name_expected("member", "tasks", node)
    if place_of(type_, node.value) is None:
        raise raw_refusals.no_member(type_, node.value, node.span)
    return node.value


def _container_of(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    what = _raw_or_at(binder, node.arguments[0], frame, "char")
    type_ = _named_type(binder, node.arguments[1], struct=True)
    path = _member_path(type_, node.arguments[2])
    return RawStep(what, "container_of", RawShape(type_), path)


def _raw_or_at(binder: Binder, node: ast.Expression, frame: Frame | None, type_name: str) -> Place:
    """Return a raw thing; at an address, one of a type."""
    what = _address_or_place(binder, node, frame)
    if not isinstance(what, Term):
        return what
    type_ = _named_type(binder, ast.Text(type_name, span=node.span))
    return RawStep(None, "at", RawShape(type_), "", what)


def _ring(binder: Binder) -> str:
    """Return the name of the type that heads of lists have in this kernel."""
    own = binder.kernel is not None and binder.kernel.types.struct("list_head") is None
    return "struct _LIST_ENTRY" if own else "struct list_head"


def _list_of(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    type_ = _named_type(binder, node.arguments[1], struct=True)
    path = _member_path(type_, node.arguments[2])
    head = _raw_or_at(binder, node.arguments[0], frame, _ring(binder))
    if not is_list_head(raw_type(head)):
        raise raw_refusals.no_head(raw_type(head), node.arguments[0])
    return RawListSeries(node.span, RawShape(type_), head, type_, path)


def _scan(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    argument = node.arguments[0]
    found = binder.find(argument, frame)
    if not isinstance(found, SourceSeries):
        raise raw_refusals.no_source(argument, binder.system)
    if not found.type.can_be_carved:
        raise raw_refusals.not_carved(argument, found.type, binder.system)
    return replace(found, span=node.span, is_scan=True)


def _sizeof(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    return Constant(node.span, _SIZE, _any_type(binder, node.arguments[0], frame).size)


def _any_type(binder: Binder, node: ast.Expression, frame: Frame | None) -> Type:
    """Return the type that a text names, or that a raw thing has."""
    if not isinstance(node, ast.Text):
        found = binder.find(node, frame)
        if isinstance(found, RawStep | Root | ColumnPlace | Pick) and is_raw(found):
            return raw_type(found)
    return _named_type(binder, node)


def _offsetof(binder: Binder, node: ast.Call, _frame: Frame | None) -> Found:
    type_ = _named_type(binder, node.arguments[0], struct=True)
    place = place_of(type_, _member_path(type_, node.arguments[1]))
    return Constant(node.span, NUMBER, place.offset if place else None)


def _typeof(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    argument = node.arguments[0]
    found = binder.find(argument, frame)
    if is_raw(found):
        return Constant(node.span, STRING, written(_any_type(binder, argument, frame)))
    if isinstance(found, Step | Root | Pick | ColumnPlace) and found.type is not None:
        return Constant(node.span, STRING, found.type.type_name)
    return Constant(node.span, STRING, binder.as_term(found, argument).type.kind.value)


def _known(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    operand = binder.term(node.arguments[0], frame)
    return IsKnown(node.span, BOOLEAN, operand, False)


def _unknown(binder: Binder, node: ast.Call, frame: Frame | None) -> Found:
    operand = binder.term(node.arguments[0], frame)
    return IsKnown(node.span, BOOLEAN, operand, True)


FUNCTIONS: Mapping[str, Declared] = {
    one.name: one
    for one in (
        Declared(
            "is_known",
            "value",
            (1, 1),
            "Whether a value could be read; null is known.",
            "process.Count(is_known(command_line))",
            _known,
        ),
        Declared(
            "is_unknown",
            "value",
            (1, 1),
            "Whether a value could not be read.",
            "process.Where(is_unknown(command_line)).Select(pid)",
            _unknown,
        ),
        Declared(
            "symbol",
            '"name"',
            (1, 1),
            "The address of one of the kernel's symbols.",
            'symbol("init_task")',
            _symbol,
        ),
        Declared(
            "cast",
            '"type", address',
            (2, 2),
            "What is at an address, as a type of the kernel's.",
            'cast("task_struct", symbol("init_task")).comm',
            _cast,
        ),
        Declared(
            "deref",
            "pointer",
            (1, 1),
            "What a pointer points to.",
            "process.Take(1).Select(deref(process.raw.cred).uid.val)",
            _deref,
        ),
        Declared(
            "addressof",
            "raw",
            (1, 1),
            "The address of something of the kernel's own.",
            "process.Take(2).Select(addressof(process.raw.comm))",
            _addressof,
        ),
        Declared(
            "container_of",
            'raw, "type", "member"',
            (3, 3),
            "The structure of which something is a member.",
            'process.Take(1).Select(container_of(process.raw.tasks, "task_struct", "tasks").pid)',
            _container_of,
        ),
        Declared(
            "list_of",
            'head, "type", "member"',
            (3, 3),
            "The structures on one of the kernel's lists.",
            (
                'list_of(symbol("init_task") + offsetof("task_struct", "tasks"), '
                '"task_struct", "tasks").Select(t => t.comm).Take(3)'
            ),
            _list_of,
        ),
        Declared(
            "scan",
            "source",
            (1, 1),
            "All objects of a source, and those that only a search through memory finds.",
            "scan(process).Where(!in_active_list).Select([pid, name, sources])",
            _scan,
        ),
        Declared(
            "sizeof",
            '"type" or raw',
            (1, 1),
            "How many bytes a type has.",
            'sizeof("task_struct")',
            _sizeof,
        ),
        Declared(
            "offsetof",
            '"type", "member"',
            (2, 2),
            "Where in a structure a member is, in bytes.",
            'offsetof("task_struct", "comm")',
            _offsetof,
        ),
        Declared(
            "typeof",
            "value",
            (1, 1),
            "What something is, in words or as C has it.",
            "process.Take(1).Select(typeof(process.raw.mm))",
            _typeof,
        ),
    )
}
"""Every function by its name."""
