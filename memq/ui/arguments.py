"""Completion of the commands that begin with a dot: their names, and what each of them takes."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memq.eval.callables import callables
from memq.eval.raw_types import layout, written
from memq.output.cells import clean
from memq.output.reference.words import summary
from memq.printing import FORMATS
from memq.ui.look import usages
from memq.ui.matching import Entry, Group
from memq.ui.members import parts_of
from memq.ui.phrases import of_part, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.ui.complete import CommandWords, World

MOST_FILES = 4096
"""Files of one folder that are looked at."""


REPEATED = ("rules", "marks")
"""Kinds of arguments of which there may be several."""


class Words(NamedTuple):
    """What stands behind a command's name: the argument at the cursor, and what it is."""

    kind: str
    partial: str
    before: tuple[str, ...]
    """The arguments before it."""

    @property
    def wanted(self) -> str:
        """What the words that are offered begin with; of a path, what is behind the last slash."""
        if self.kind in ("file", "rules"):
            return self.partial[len(_folder(self.partial)) :]
        is_path = self.kind in ("help", "type")
        return self.partial.rpartition(".")[2] if is_path else self.partial

    @classmethod
    def of(cls, name: str, rest: str, world: World) -> Words | None:
        """Read what stands behind a command's name; None if there is no such command."""
        command = _commands(world).get(name.removeprefix("."))
        if command is None or not rest[:1].isspace():
            return None
        takes, before = command.takes, list[str]()
        rest = rest.lstrip()
        while True:
            kind = takes[len(before)] if len(before) < len(takes) else "none"
            if kind == "none" and takes and takes[-1] in REPEATED:
                kind = takes[-1]
            if kind == "none" and "setting" in takes[len(before) - 1 : len(before)]:
                kind = "choice"
            word, space, behind = rest.partition(" ")
            is_rest = kind == "query" or (kind == "file" and len(before) == len(takes) - 1)
            if is_rest or not space:
                return cls(kind, rest, tuple(before))
            before.append(word)
            rest = behind.lstrip()


def commands_of(world: World) -> Group:
    """Return all commands."""
    commands = {f".{name}": command for name, command in _commands(world).items()}

    def make(name: str) -> Entry:
        command = commands[name]
        return Entry(name, f"{name} {command.arguments}".rstrip(), sentence(command.doc), "command")

    return Group(list(commands), make)


def argument_groups(words: Words, world: World) -> Iterator[Group]:
    """Yield what may stand at the cursor behind a command's name."""
    match words.kind:
        case "object":
            yield _objects(world)
        case "type":
            yield _types(words.partial, world)
        case "symbol":
            symbols = world.values.symbols(words.partial)
            yield Group(symbols, lambda one: Entry(one, clean(one), "", "symbol"))
        case "file":
            yield _files(words.partial)
        case "help":
            yield from _help(words.partial, world)
        case "rules":
            yield from _of_rules(words)
        case "finding" | "marks":
            yield from _of_findings(words, world)
        case _:
            yield _of_settings(words, world)


def _of_settings(words: Words, world: World) -> Group:
    """Return what can be set, or to what."""
    match words.kind:
        case "format":
            return _plain(world.settings.get("format", FORMATS))
        case "setting":
            return _plain(list(world.settings))
        case "choice":
            return _plain(world.settings.get(words.before[-1], ()))
        case _:
            return _plain(())


def _plain(words: Sequence[str]) -> Group:
    return Group(words, lambda word: Entry(word, word, "", "keyword"))


def _of_rules(words: Words) -> Iterator[Group]:
    """Yield what `.playbook` takes: its options, values of them, memq's own rules, files."""
    before = words.before[-1] if words.before else ""
    if before == "--level":
        from memq.hunt.rule_format import LEVELS  # noqa: PLC0415 - few look for it

        yield _plain(LEVELS)
    elif before == "--tag":
        from memq.hunt.attack import TAG_PREFIX, load_attack  # noqa: PLC0415 - as above

        all_ = load_attack().techniques.values()
        known = {f"{TAG_PREFIX}{one.id.lower()}": one.name for one in all_}
        yield Group(list(known), lambda tag: Entry(tag, tag, known[tag], "keyword"))
    elif words.partial.startswith("-"):
        yield _plain(list(usages.PLAYBOOK.options))
    elif before != "--let":
        from memq.hunt.names import playbook_names  # noqa: PLC0415 - as above

        folder = _folder(words.partial)
        names = [name for name in playbook_names() if name.startswith(folder)]
        yield _plain([name.removeprefix(folder) for name in names])
        yield _files(words.partial)


def _of_findings(words: Words, world: World) -> Iterator[Group]:
    """Yield numbers of findings; what is marked, is marked as something."""
    from memq.hunt.case_file import STATUSES  # noqa: PLC0415 - few look for it

    if not any(word in STATUSES for word in words.before):
        titles = {str(number): title for number, title in world.findings.items()}
        yield Group(list(titles), lambda one: Entry(one, one, clean(titles[one]), "keyword"))
        if words.kind == "marks":
            yield _plain(STATUSES)


def _types(partial: str, world: World) -> Group:
    """Return the kernel's types; behind one and a dot, its members, through pointers, too."""
    path, dot, _ = partial.rpartition(".")
    if not dot:
        types = world.values.types(partial)
        return Group(types, lambda one: Entry(one, clean(one), "", "type"))
    type_ = world.values.type_at(path.split("."))
    members = {} if type_ is None else {one.name: one.type for one in layout(type_)}
    return Group(list(members), lambda n: Entry(n, clean(n), clean(written(members[n])), "member"))


def _objects(world: World) -> Group:
    objects = world.system.objects
    return Group(list(objects), lambda one: Entry(one, one, summary(objects[one]), "source"))


def _commands(world: World) -> dict[str, CommandWords]:
    return {name.removeprefix("."): command for name, command in world.commands.items()}


def _command_names(world: World) -> Group:
    """Return the commands without their dots."""
    group = commands_of(world)
    names = [name.removeprefix(".") for name in group.names]
    return Group(names, lambda name: Entry(name, name, _meta(group, name), "command"))


def _meta(group: Group, name: str) -> str:
    entry = group.make(f".{name}")
    return "" if entry is None else entry.meta


def _help(partial: str, world: World) -> Iterator[Group]:
    """Yield what there is help of: behind an object and a dot its fields, else all that has one."""
    owner, dot, _ = partial.rpartition(".")
    if dot and not owner:
        yield _command_names(world)
        return
    if dot:
        type_ = world.system.objects.get(owner)
        parts = {} if type_ is None else parts_of(type_)
        yield Group(list(parts), lambda name: of_part(name, parts[name]))
        return
    yield _objects(world)
    known = callables()
    for kind, group in (
        ("method", (*known.series_methods, *known.value_methods)),
        ("function", known.functions),
    ):
        by_name = {one.name: one for one in group}
        yield Group(
            list(by_name),
            lambda name, by_name=by_name, kind=kind: Entry(  # type: ignore[misc]
                name, by_name[name].signature, sentence(by_name[name].doc), kind
            ),
        )
    yield _command_names(world)


# Files


def _folder(partial: str) -> str:
    """Return the part of a path that names a folder, up to its last slash."""
    separators = "/" if os.altsep is None else "/" + os.sep
    return partial[: max(partial.rfind(one) for one in separators) + 1]


def _files(partial: str) -> Group:
    """Return the folders, then the files, of the folder that is named so far."""
    folder = _folder(partial)
    shows_hidden = partial[len(folder) :].startswith(".")
    try:
        with os.scandir(Path(folder or ".").expanduser()) as scan:
            found = {
                one.name: one.is_dir()
                for one in islice(scan, MOST_FILES)
                if one.name.isprintable() and one.name.startswith(".") <= shows_hidden
            }
    except (OSError, RuntimeError):  # no such folder; nobody's home is known
        found = {}

    def make(name: str) -> Entry:
        text = f"{name}/" if found[name] else name
        return Entry(text, clean(text), "", "file")

    return Group(sorted(found, key=lambda name: (not found[name], name)), make)
