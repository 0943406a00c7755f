"""What a query may do with the kernel's own types, known before anything is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.schema.kinds import Kind, ValueType
from memq.symbols.decode import is_number, is_text
from memq.symbols.types import MAX_DEPTH, Member, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from memq.symbols.types import EnumType, StructType, Types

STRUCTURES = frozenset({"struct", "union"})
_TAGS = frozenset({"struct", "union", "enum"})
_QUALIFIERS = frozenset({"const", "volatile", "restrict"})

RINGS = frozenset({"list_head", "_LIST_ENTRY"})
"""Heads of lists whose last link leads back to the head."""
CHAINS = frozenset({"hlist_head", "llist_head", "_SINGLE_LIST_ENTRY"})
"""Heads of lists whose last link is null."""

_MAX_TEXT = 256
"""Characters of a type's name as users write it; the longest in a kernel has some 60."""
_MAX_SIZE = 1 << 32
_WRITTEN = r"\s*(\w+(?:\s+\w+)*)\s*((?:\*\s*)*)((?:\[\s*\d{1,9}\s*\]\s*)*)"
_FIXED = r"(?:__)?(u|s|uint|int)(8|16|32|64)(?:_t)?"
_SIZES = {"char": 1, "short": 2, "int": 4, "long long": 8}
"""Bytes of C's ints that are the same everywhere; a long is asked for."""
_FLOATS = {"float": 4, "double": 8}

_VALUE_KINDS = {
    "int": Kind.NUMBER,
    "char": Kind.NUMBER,
    "bool": Kind.BOOLEAN,
    "float": Kind.FLOAT,
    "pointer": Kind.ADDRESS,
}


# What can be asked of a type


def structure_of(type_: Type) -> Type | None:
    """Return the structure that a dot looks into: the type itself, or what it points to."""
    target = type_.target() if type_.kind == "pointer" else type_
    if target is None or target.kind not in STRUCTURES or target.layout() is None:
        return None
    return target


def layout(type_: Type) -> tuple[Member, ...]:
    """Return the members that a dot can name, as they are declared; none if there is no structure.

    The offsets are counted in bytes from the start of the structure.
    """
    structure = structure_of(type_)
    struct = None if structure is None else structure.layout()
    return () if struct is None else tuple(struct.members.values())


def members_of(type_: Type) -> list[str]:
    """Return the names that may follow a dot."""
    return [member.name for member in layout(type_)]


def member_of(type_: Type, name: str) -> Type | None:
    """Return the type of a member, pointers to structures followed; None if there is none such."""
    member = place_of(type_, name)
    return None if member is None else member.type


def place_of(type_: Type, path: str) -> Member | None:
    """Return the place of a member, or of one within embedded ones (`se.avg`, `rlim[7]`)."""
    structure = structure_of(type_)
    struct = None if structure is None else structure.layout()
    if struct is None:
        return None
    return struct.members.get(path) or struct.find(path)


def element_of(type_: Type) -> Type | None:
    """Return what an array consists of, or what a pointer points to; None if that has no size."""
    target = type_.target()
    return target if target is not None and target.size else None


def target_of(type_: Type) -> Type | None:
    """Return what there is behind a pointer, or first in an array; None for void and functions."""
    target = type_.target()
    return None if target is None or target.kind in {"void", "function"} else target


def value_type(type_: Type) -> ValueType | None:
    """Return the type of the value; None for structures and for arrays that are no text."""
    member = Member("", 0, type_)
    if is_text(member):
        return ValueType(Kind.STRING)
    if not is_number(member):
        return None
    if type_.kind == "enum":
        return ValueType(Kind.ENUM, names=tuple(type_.constants().items()))
    return ValueType(_VALUE_KINDS[type_.kind])


def has_text(type_: Type) -> bool:
    """Whether the bytes of an array, or those that a pointer points to, may be read as text."""
    target = type_.target()
    return target is not None and target.kind in {"char", "int"} and target.size == 1


def is_list_head(type_: Type) -> bool:
    """Whether it is the head of a list, or points to one."""
    structure = structure_of(type_)
    return structure is not None and structure.name in RINGS | CHAINS


# Names


def written(type_: Type) -> str:
    """Return a type's name as C has it: `struct task_struct *`, `unsigned long [4]`."""
    declarator, is_pointer = "", False
    for _ in range(MAX_DEPTH):
        target = type_.target()
        if target is None:
            break
        if type_.kind == "pointer":
            declarator, is_pointer = f"*{declarator}", True
        else:
            inner = f"({declarator})" if is_pointer else declarator
            declarator, is_pointer = f"{inner}[{type_.count or ''}]", False
        type_ = target
    name = _plain_name(type_)
    return f"{name} {declarator}" if declarator else name


def _plain_name(type_: Type) -> str:
    if type_.kind in _TAGS:
        return f"{type_.kind} {type_.name or '{ ... }'}"
    if type_.kind in {"bool", "void"}:
        return type_.kind
    number = _spelled(type_.name.split()) if type_.kind == "int" else None
    if number is None:
        return type_.name or type_.kind
    sign, word = number
    return f"{sign} {word}".lstrip()


def structure(struct: StructType, name: str = "") -> Type:
    """Return the type of a structure; one without a tag goes by the name it was found by."""
    return Type(struct.kind, struct.name or name, struct.size, layout_link=lambda: struct)


def find_type(types: Types, text: str) -> Type | None:
    """Return the type of a name as people write it; None if this kernel has none such.

    A struct, union or enum with or without that word, an int, a float or a typedef, and behind it
    any `*` and `[n]`: `task_struct`, `struct list_head *`, `unsigned long [4]`, `pid_t`.
    """
    match = re.fullmatch(_WRITTEN, text) if len(text) <= _MAX_TEXT else None
    if match is None:
        return None
    words = [word for word in match[1].split() if word not in _QUALIFIERS]
    found = _plain_type(types, words)
    stars = match[2].count("*")
    if found is None or stars > MAX_DEPTH:
        return None
    for _ in range(stars):
        found = Type("pointer", size=types.pointer_size, target_link=_link(found))
    return _array(found, [int(count) for count in re.findall(r"\d+", match[3])])


def type_names(types: Types) -> list[str]:
    """Return the names of all structs and unions, sorted; some 10 ms for a whole kernel."""
    return list(types.names())


def _link(type_: Type) -> Callable[[], Type]:
    return lambda: type_


def _array(type_: Type, counts: Sequence[int]) -> Type | None:
    """Return an array of arrays, the last count being that of the innermost."""
    for count in reversed(counts[:MAX_DEPTH]):
        size = type_.size * count
        if not size or size >= _MAX_SIZE:
            return None
        type_ = Type("array", "", size, count=count, target_link=_link(type_))
    return type_


def _plain_type(types: Types, words: Sequence[str]) -> Type | None:
    """Return a type that is neither pointer nor array."""
    if len(words) == 2 and words[0] in _TAGS:
        found = _tagged(types, words[1])
        return found if found is not None and found.kind == words[0] else None
    if len(words) == 1:
        found = _tagged(types, words[0]) or types.named(words[0])
        if found is not None:
            return found
    return _number(types, words)


def _tagged(types: Types, name: str) -> Type | None:
    struct = types.struct(name)
    if struct is not None:
        return structure(struct, name)
    enum = types.enum(name)
    return None if enum is None else _enum(enum)


def _enum(enum: EnumType) -> Type:
    constants: Mapping[str, int] = enum.values
    is_signed = any(value < 0 for value in constants.values())
    return Type("enum", enum.name, enum.size, is_signed, constants_link=lambda: constants)


def _number(types: Types, words: Sequence[str]) -> Type | None:
    """Return one of C's numbers, in whatever order its words are written."""
    name = " ".join(words)
    if name == "void":
        return Type("void", "void")
    if name in {"bool", "_Bool"}:
        return types.named("_Bool") or types.named("bool") or Type("bool", "_Bool", 1)
    if name in _FLOATS:
        return types.named(name) or Type("float", name, _FLOATS[name], signed=True)
    fixed = re.fullmatch(_FIXED, name)
    if fixed is not None:
        return Type("int", name, int(fixed[2]) // 8, signed=fixed[1] in {"s", "int"})
    spelled = _spelled(words)
    return None if spelled is None else _int(types, *spelled)


def _int(types: Types, sign: str, word: str) -> Type | None:
    """Return an int as this kernel's types have it, else as it is everywhere."""
    short = f"{sign} {word}".lstrip()
    for name in (short, f"{short} int", f"{word} {sign} int", f"{word} {sign}"):
        found = types.named(name)
        if found is not None:
            return found
    size = _SIZES.get(word, types.pointer_size)
    return Type("char" if short == "char" else "int", short, size, signed=sign != "unsigned")


def _spelled(words: Sequence[str]) -> tuple[str, str] | None:
    """Return sign and size of an int in C's shortest words; None if it is none of C's ints."""
    signs = [word for word in words if word in {"signed", "unsigned"}]
    sizes = [word for word in words if word in {"char", "short", "long"}]
    ints = [word for word in words if word == "int"]
    if len(signs) + len(sizes) + len(ints) != len(words) or len(signs) > 1 or len(ints) > 1:
        return None
    word = " ".join(sizes) or "int"
    if not words or word not in {*_SIZES, "long"} or (word == "char" and ints):
        return None
    sign = signs[0] if signs else ""
    return ("", word) if sign == "signed" and word != "char" else (sign, word)
