"""Layouts of the kernel's types, alone or with the values at an address: what `.dt` shows.

Offsets are counted from the start of the type that was asked for, those of nested members too, so
that the address of a member is the address that was given plus its offset.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.eval.raw import RawBatch
from memq.eval.raw_types import STRUCTURES, find_type, structure_of, type_names, written
from memq.lang.hints import did_you_mean, nearest
from memq.node import dataclass
from memq.output.cells import clean
from memq.output.humane import counted
from memq.ui.look.addresses import Places, number_of
from memq.ui.look.arguments import Arguments, Word
from memq.ui.look.members import MAX_DEPTH, Row, rows_of
from memq.ui.look.usages import LAYOUT
from memq.ui.look.values import unknown_text, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.errors import QueryError
    from memq.os.kernel import Kernel
    from memq.symbols.types import Type

MAX_NAMES = 200
"""Names of types that a pattern lists."""
MAX_LINES = 10_000
MAX_STEPS = 16
"""Names in a path."""

_TAGS = STRUCTURES | {"enum"}
_TYPE_WORDS = 4
"""`unsigned long long int`."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A type, or a place in one."""

    type: Type
    """What is at the place."""
    offset: int = 0
    origin: str = ""
    """The path; of a type that goes by another name, the one that was asked for."""
    batch: RawBatch | None = None
    """The thing at the address, where one was given."""
    is_member: bool = False


def layout(kernel: Kernel, text: str) -> Iterator[str]:
    """Yield the lines of `.dt`; QueryError, raised at once, says what is wrong with the text.

    `TYPE[.member.path] [address] [depth]`, or a pattern with `*` or `?`, which lists names. Depth 1
    are the type's own members. SymbolError where the kernel's types are malformed.
    """
    arguments = Arguments(text, LAYOUT)
    first = arguments.words[min(_tags(arguments), len(arguments.words) - 1)]
    fits = arguments.pattern(first)
    if fits is not None:
        return _names(kernel, arguments, first, fits)
    return _lines(*_Reader(kernel, arguments).read())


def _tags(arguments: Arguments) -> int:
    return int(arguments.words[0].text in _TAGS)


# Names of types


def _names(
    kernel: Kernel, arguments: Arguments, pattern: Word, fits: Callable[[str], bool]
) -> Iterator[str]:
    """Return the lines that list the structures and unions that fit a pattern."""
    if arguments.words[-1] is not pattern:
        raise arguments.error("behind a pattern there is nothing more", arguments.words[-1])
    found = list(filter(fits, type_names(kernel.types)))
    if not found:
        raise arguments.error(f"no struct or union is called like `{pattern.text}`", pattern)
    return _listed(kernel, found)


def _listed(kernel: Kernel, names: list[str]) -> Iterator[str]:
    for name in names[:MAX_NAMES]:
        struct = kernel.types.struct(name)
        if struct is not None:
            count = counted(len(struct.members), "member")
            yield clean(f"{struct.kind} {name}, {counted(struct.size, 'byte')}, {count}")
    if len(names) > MAX_NAMES:
        yield f"... and {len(names) - MAX_NAMES:,} more: a longer pattern lists fewer"


# What was asked for


class _Reader:
    """Reads the words of the command."""

    def __init__(self, kernel: Kernel, arguments: Arguments) -> None:
        self.kernel = kernel
        self.arguments = arguments
        self.places = Places(kernel)
        self.path_word = arguments.words[0]
        self.name = ""
        """The type as it was written."""

    def read(self) -> tuple[_Asked, int, Places]:
        """Return what to show, how deep, and the names of addresses."""
        type_, path, rest = self._type()
        address = depth = None
        for word in rest:
            number = None if word.text[:2].lower() == "0x" else number_of(word.text)
            if number is not None and depth is None:
                depth = self._depth(word, number)
            elif address is None:
                address = self.places.read(self.arguments, word)
            else:
                raise self.arguments.error("this is neither an address nor a depth", word)
        is_other = type_.kind not in _TAGS and self.name != written(type_)
        asked = _Asked(type_, origin=self.name if is_other else "")
        if address is not None:
            column = Column(np.array([address], np.uint64))
            asked = replace(asked, batch=RawBatch.at(self.kernel, type_, column))
        return self._at(asked, path), depth or 1, self.places

    def _depth(self, word: Word, number: int) -> int:
        if 1 <= number <= MAX_DEPTH:
            return number
        hint = f"A depth is 1 to {MAX_DEPTH}; an address is written `0x...`."
        raise self.arguments.error("there is no such depth", word, hint)

    def _type(self) -> tuple[Type, list[str], list[Word]]:
        """Return the type, the path behind it, and the words that are left.

        A type may be several words; the longest that there is counts.
        """
        words = self.arguments.words
        for count in range(min(_TYPE_WORDS, len(words)), 0, -1):
            *others, self.path_word = words[:count]
            last, *path = self.path_word.text.split(".")
            self.name = " ".join([*(word.text for word in others), last])
            found = find_type(self.kernel.types, self.name)
            if found is not None:
                return found, path, words[count:]
        raise self._no_type()

    def _no_type(self) -> QueryError:
        words, types = self.arguments.words, self.kernel.types
        wrong = words[min(_tags(self.arguments), len(words) - 1)]
        name = wrong.text.partition(".")[0]
        if not name:
            return self.arguments.error("there is no name here", wrong, f"It is `{LAYOUT.text}`.")
        tag = words[0].text if wrong is not words[0] else "type"
        other = find_type(types, name) if tag != "type" else None
        names = [written(other)] if other is not None else nearest(name, type_names(types))
        hint = did_you_mean(names) or f"`.dt *{name[:3]}*` lists the structures that are called so."
        return self.arguments.error(f"this kernel has no {tag} `{name}`", wrong, hint)

    def _at(self, asked: _Asked, path: list[str]) -> _Asked:
        """Follow a path; a step behind a pointer starts anew at what it points to."""
        if len(path) > MAX_STEPS:
            raise self.arguments.error(f"a path has at most {MAX_STEPS} steps", self.path_word)
        for step in path:
            asked = self._step(asked, step)
        return asked

    def _step(self, asked: _Asked, name: str) -> _Asked:
        if asked.type.kind == "pointer":
            asked = _followed(asked)
        struct = asked.type.layout() if asked.type.kind in STRUCTURES else None
        if struct is None:
            message = f"{written(asked.type)} has no members"
            raise self.arguments.error(message, self.path_word)
        member = struct.find(name)
        if member is None:
            near = did_you_mean(nearest(name.partition("[")[0], struct.members))
            message = f"{written(asked.type)} has no member `{name}`"
            raise self.arguments.error(message, self.path_word, near)
        batch = None if asked.batch is None else asked.batch.part(member)
        moved = member.moved(asked.offset)
        origin = f"{asked.origin or asked.type.name}.{name}"
        return _Asked(member.type, moved.offset, origin, batch, is_member=True)


def _followed(asked: _Asked) -> _Asked:
    """Return what a pointer points to; itself where that has no members."""
    target = structure_of(asked.type)
    if target is None:
        return asked
    return _Asked(target, 0, "", None if asked.batch is None else asked.batch.deref())


# Lines


def _lines(asked: _Asked, depth: int, places: Places) -> Iterator[str]:
    """Yield a header, and a line for each member or constant."""
    yield clean(_header(asked, places))
    if asked.type.kind == "pointer":
        target = _followed(asked)
        if target is asked:
            return
        yield clean(_header(target, places))
        asked = target
    if asked.type.kind == "enum":
        yield from _constants(asked.type)
        return
    rows = rows_of(asked.type, asked.offset, depth, asked.batch)
    width = max(3, len(f"{asked.offset + asked.type.size:x}"))
    for number, row in enumerate(rows):
        if number >= MAX_LINES:
            yield f"... and more: {MAX_LINES:,} lines are shown at most"
            return
        yield clean(_line(row, width, places))


def _header(asked: _Asked, places: Places) -> str:
    """Return what the type is, and where."""
    type_ = asked.type
    struct = type_.layout() if type_.kind in STRUCTURES else None
    parts = [written(type_)]
    if struct is not None:
        parts += [counted(struct.size, "byte"), counted(len(struct.members), "member")]
    elif type_.size:
        parts.append(counted(type_.size, "byte"))
    if type_.kind == "enum":
        parts.append(counted(len(type_.constants()), "constant"))
    if type_.kind == "int":
        parts.append("signed" if type_.signed else "unsigned")
    text = ", ".join(parts)
    if asked.is_member:
        text = f"{asked.origin} at +{asked.offset:#x}: {text}"
    elif asked.origin:
        text = f"{asked.origin}: {text}"
    if asked.batch is not None:
        text = f"{text}, at {_place(asked.batch, places)}"
        if struct is None:
            text = f"{text} = {value_of(asked.batch, places)}"
    return text


def _place(batch: RawBatch, places: Places) -> str:
    address = batch.address()
    return unknown_text(address) or places.marked(int(address.values[0]))


def _line(row: Row, width: int, places: Places) -> str:
    """Return the line of one member, or of a hole."""
    start = f"{'  ' * row.level}+0x{row.offset:0{width}x} {row.mark}"
    if row.member is None:
        return f"{start}{counted(row.size, 'byte')} of padding"
    member, bits = row.member, ""
    if member.bit_size is not None:
        bits = f"(bit {member.bit_offset}, {counted(member.bit_size, 'bit')}) "
    text = f"{start}{bits}{member.name} : {written(member.type)}"
    if row.batch is None or row.is_open:
        return text
    return f"{text} = {value_of(row.batch, places)}"


def _constants(type_: Type) -> Iterator[str]:
    """Yield the constants of an enum, by value."""
    constants = sorted(type_.constants().items(), key=lambda item: item[1])
    width = max((len(str(value)) for _, value in constants), default=0)
    for name, value in constants[:MAX_LINES]:
        yield clean(f"{value:>{width}} {name}")
    if len(constants) > MAX_LINES:
        yield f"... and {len(constants) - MAX_LINES:,} more"
