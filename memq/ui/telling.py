"""Commands that tell what there is: help, objects and their fields, the dump, settings, history."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval.callables import callables
from memq.lang import hints
from memq.output.cells import clean
from memq.output.reference import words
from memq.output.reference.text import Paper
from memq.schema.declare import Field
from memq.schema.reference import reference_of
from memq.summary import facts
from memq.ui.commands import COMMANDS
from memq.ui.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.schema.declare import SubObject
    from memq.schema.reference import Entry, ObjectEntry, Operator, Reference
    from memq.ui.command import Command
    from memq.ui.session import Session

_WIDEST = 100
"""Columns of running text; longer lines are hard to read."""
_USAGE = 24
"""Columns in which commands stand."""
_LATEST = 50
"""Entries of the history that are shown unless more are asked for."""

_HEAD = """\
A query begins with an object and goes on with methods:

  {example}

Tab completes, and what is grey is an earlier entry: the right arrow takes it. Enter runs what is \
complete, and goes on in a new line where it is not; Alt-Enter always begins a new line. Ctrl-R \
searches the history. Ctrl-C stops what runs, Ctrl-D leaves. The last result is `_`, those before \
`_1`, `_2` and so on; a line that begins with a method goes on with the last one: .Take(3)
"""
_TAIL = (
    "`.help NAME` tells all about an object, a field, a method, a function, an operator or a "
    "command: `.help process`, `.help vad.protection`, `.help GroupBy`, `.help operators`."
)


class Help:
    """All that can be asked for by name, for one session."""

    def __init__(self, session: Session) -> None:
        self.reference = reference_of([session.image.system], callables())
        self.width = min(session.terminal.width, _WIDEST)
        self.paper = Paper(self.reference.systems, self.width)

    def lines(self, name: str) -> Iterator[str]:
        """Yield all about a name; QueryError with what is near it."""
        if not name:
            yield from self.overview()
            return
        found = list(self._found(name))
        if not found:
            near = hints.did_you_mean(hints.nearest(name, self.names()))
            raise QueryError(f"There is no help on `{name}`.", hint=near or _TAIL)
        yield from found

    def names(self) -> Iterator[str]:
        """Yield every name that there is help on."""
        yield from (f".{name}" for name in COMMANDS)
        yield "operators"
        for entry in self.reference.objects:
            yield entry.name
            yield from (f"{entry.name}.{part.name}" for part in _parts(entry))
        called = self.reference.callables
        yield from (one.name for one in (*called.series_methods, *called.value_methods))
        yield from (one.name for one in called.functions)

    def overview(self) -> Iterator[str]:
        """Yield what to know first."""
        example = next(one.first().example for one in self.reference.objects)
        yield from self._paragraphs(_HEAD.format(example=example))
        yield ""
        yield from command_lines(COMMANDS.values(), self.width)
        yield ""
        yield from self._paragraphs(_TAIL)

    def _paragraphs(self, text: str) -> Iterator[str]:
        for line in text.strip("\n").split("\n"):
            indent = " " * (len(line) - len(line.lstrip()))
            yield from textwrap.wrap(line, self.width, subsequent_indent=indent) or [""]

    def _found(self, name: str) -> Iterator[str]:
        """Yield what is called so, or has an operator written so."""
        command = COMMANDS.get(name.removeprefix("."))
        if command is not None:
            yield from about_command(command, self.width)
        if name == "operators":
            yield from self.paper.operator_lines(self.reference.callables.operators)
        yield from self._objects(name)
        called = self.reference.callables
        for one in (*called.series_methods, *called.value_methods, *called.functions):
            if one.name.lower() == name.lower().removesuffix("()"):
                yield from self.paper.callable_lines(one)
        signs = _written(called.operators, name)
        if signs:
            yield from self.paper.operator_lines(signs)

    def _objects(self, name: str) -> Iterator[str]:
        """Yield an object, or what an object has under a name; without a dot, of all objects."""
        owner, dot, part = name.rpartition(".")
        for entry in self.reference.objects:
            if not dot and _is_called(entry, name):
                yield from self.paper.object_lines(entry)
            if dot and not _is_called(entry, owner.removesuffix("_object")):
                continue
            for one in _parts(entry):
                if part in (one.name, *one.first().aliases):
                    yield f"{entry.name}.{one.name}:"
                    yield from self.paper.part_lines(one, entry)


def _written(operators: Iterable[Operator], sign: str) -> list[Operator]:
    """Return the operators that are written so, each with all its meanings."""
    found: list[Operator] = []
    is_meant = False
    for one in operators:
        if one.written:
            is_operand = len(sign) == 1 and sign.isalpha()
            is_meant = not is_operand and sign in " ".join(one.written).split()
        if is_meant:
            found.append(one)
    return found


def _is_called(entry: ObjectEntry, name: str) -> bool:
    return name in (entry.name, entry.first().principal)


def _parts(entry: ObjectEntry) -> tuple[Entry[Field | SubObject], ...]:
    return (*entry.fields, *entry.subobjects)


def command_lines(commands: Iterable[Command], width: int) -> Iterator[str]:
    """Yield how each command is called, and what it does beside it, or below it."""
    for one in commands:
        head = f"  {one.usage}"
        if len(head) > _USAGE - 2:
            yield head
            head = ""
        yield from textwrap.wrap(f"{head:{_USAGE}}{one.doc}", width, subsequent_indent=" " * _USAGE)


def about_command(command: Command, width: int) -> Iterator[str]:
    """Yield all about a command."""
    yield command.usage
    yield from textwrap.wrap(command.doc, width, initial_indent="  ", subsequent_indent="  ")
    yield f"  example  {command.example}"


def help_(session: Session, text: str) -> None:
    """Tell how to ask, or all about a name."""
    session.page(Help(session).lines(text.strip()))


# Objects


def objects(session: Session, _text: str) -> None:
    """Name each object with what it is."""
    reference = _reference(session)
    longest = max(len(entry.name) for entry in reference.objects)
    session.page(
        f"{entry.name:{longest}}  {words.told(entry, reference.systems, words.summary)}"
        for entry in reference.objects
    )


def fields(session: Session, text: str) -> None:
    """Name the fields and sub-objects of an object, a line each."""
    name = text.strip()
    reference = _reference(session)
    entry = next((one for one in reference.objects if _is_called(one, name)), None)
    if entry is None:
        known = [one.name for one in reference.objects]
        near = hints.did_you_mean(hints.nearest(name, known))
        raise QueryError(
            f"There is no object `{name}`." if name else "Which object's fields?",
            hint=near or f"There are {', '.join(known)}.",
        )
    session.page(_field_lines(entry, reference, session.terminal.width))


def _field_lines(entry: ObjectEntry, reference: Reference, width: int) -> Iterator[str]:
    rows = []
    for part in _parts(entry):
        one = part.first()
        mark = "*" if isinstance(one, Field) and one.shown else " "
        kind = one.value_type.kind.value if isinstance(one, Field) else _gives(one)
        doc = words.told(part, reference.systems, words.description)
        rows.append((f"{mark} {', '.join((one.name, *one.aliases))}", kind, doc))
    names, kinds = (max(len(row[place]) for row in rows) for place in (0, 1))
    for name, kind, doc in rows:
        line = f"{name:{names}}  {kind:{kinds}}  {doc}"
        yield line if len(line) <= width else f"{line[: width - 1]}…"
    yield ""
    yield "* default columns"


def _gives(part: SubObject) -> str:
    return f"{'many' if part.many else 'one'} {part.item}"


def _reference(session: Session) -> Reference:
    return reference_of([session.image.system], callables())


# The dump, the session


def info(session: Session, _text: str) -> None:
    """Tell all that is known of the dump."""
    rows = facts(session.dump)
    longest = max(len(label) for label, _ in rows)
    lines = (f"{label:{longest}}  {clean(str(value))}" for label, value in rows)
    session.page(
        part for line in lines for part in session.terminal.wrapped(line, indent=longest + 2)
    )


def history(session: Session, text: str) -> None:
    """Show the latest entries, the last one at the end."""
    word = text.strip()
    if word and not word.isdecimal():
        raise QueryError(f"How many entries? `{word}` is no number.", hint="Such as `.history 20`.")
    most = int(word) if word else _LATEST
    entries = list(session.history())[:most]
    session.page(line for entry in reversed(entries) for line in entry.split("\n"))


def set_(session: Session, text: str) -> None:
    """Show what can be set, or set one."""
    name, *value = text.split() or [""]
    if not name:
        for one in SETTINGS.values():
            line = f"{one.name:12}{session.settings[one.name]:7}{one.doc} {one.listed}"
            session.say(*textwrap.wrap(line, session.terminal.width, subsequent_indent=" " * 19))
    elif not value:
        if name not in SETTINGS:
            session.settings.set(name, "")
        session.say(session.settings[name])
    else:
        session.settings.set(name, " ".join(value))


def format_(session: Session, text: str) -> None:
    """Show or set the form in which results are written."""
    set_(session, f"format {text}")


def quit_(session: Session, _text: str) -> None:
    """Leave."""
    session.is_over = True
