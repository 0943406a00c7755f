"""The reference as a page of the docs, in Markdown."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING

from memq.output.forms import FORMAT_PROMISES, FORMAT_VERSION, FORMS
from memq.output.reference import words
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memq.schema.declare import Field, SubObject, System
    from memq.schema.reference import Entry, ObjectEntry, Reference

_HEAD = """\
# Objects

What can be asked of a dump. `memq --schema` prints the same in a terminal, `memq --schema json` for
programs. This page is generated from the declarations in the code; after a change to them:

```sh
python -m memq --schema markdown > docs/objects.md
```
"""

_HOW_TO_READ = """\
## How to read this page

- The default columns of an object, which are shown where a query names none, are in **bold**.
- Behind a name stand its aliases: `process.pid` is `process.process_id`.
- The fields of an object stand under its principal sub-object, whose name may be left out:
  `process.process_object.name` is `process.name`, and within the methods of `process` it is `name`.
- An object's identity is what makes two of them the same, in `Distinct` and wherever else whole
  objects are compared.
- *Null* is known to have no value. What could not be read is unknown, and every field may be.
"""

_COSTS = """\
### Costs

What a value takes, the cheapest first. A query asks only for what it names, the cheap first,
whatever its order. What has no cost below has the least.

"""

_PROGRAMS = """\
## For programs

`memq --schema json` holds what this page does, for editors and others that complete or check
queries: `systems`, `kinds` (the types), `costs`, and `objects` with their `fields` and
`subobjects`. Of each it tells what the first of its `systems` has, and under `differences` what
another has otherwise. `shown` marks the default columns, `choices` are all values of a text,
`names` those of flags with their bits; with `ignores_case` texts compare without regard to case.

What can be called is the same on all systems: `series_methods`, `value_methods` and `functions`,
each with its `signature`, the `least` and the `most` arguments that it takes (`null`: any number),
and an `example`. Methods of values tell which kinds have them (`receivers`), and what they give.
"""

_FORMAT = f"""\
## Output format {FORMAT_VERSION}

What programs may rely on in JSON and JSON lines while the version stays the same, which is
`format_version` in `memq --schema json`:

"""


def as_markdown(reference: Reference) -> str:
    """Return the whole page."""
    page = _Page(reference.systems)
    sections = [
        _HEAD,
        page.contents(reference.objects),
        _HOW_TO_READ,
        _costs(),
        *(page.section(entry) for entry in reference.objects),
        _types(),
        _PROGRAMS,
        _promises(),
    ]
    return "\n".join(sections)


def _costs() -> str:
    rows = [(words.cost_name(cost), cost.text) for cost in Cost]
    return _COSTS + table(("cost", "the value is"), rows)


def _types() -> str:
    rows = [(kind.value, form.type, form.text) for kind, form in FORMS.items()]
    return "## Types\n\n" + table(("type", "in JSON", "which holds"), rows)


def _promises() -> str:
    promises = FORMAT_PROMISES.strip().split("\n\n")
    items = (f"- {textwrap.indent(promise, '  ').lstrip()}\n" for promise in promises)
    return _FORMAT + "".join(items)


class _Page:
    """The parts of a page about the objects of some systems."""

    def __init__(self, systems: Mapping[str, System]) -> None:
        self._systems = systems

    def contents(self, objects: Sequence[ObjectEntry]) -> str:
        """Return the table of the objects."""
        rows = [
            (
                _link(entry.name),
                words.told(entry, self._systems, words.summary),
                words.titles(entry, self._systems),
            )
            for entry in objects
        ]
        return table(("object", "what it is", "systems"), rows)

    def section(self, entry: ObjectEntry) -> str:
        """Return all about one object."""
        lines = [f"## {entry.name}", "", words.told(entry, self._systems, words.summary), ""]
        for example in dict.fromkeys(one.example for one in entry.declared.values()):
            lines += ["```", example, "```", ""]
        lines += [" ".join(self._facts(entry)), ""]
        rows = [self._field(field, entry) for field in entry.fields]
        lines += [table(("field", "type", "cost", "what it is"), rows)]
        if entry.subobjects:
            rows = [self._subobject(part, entry) for part in entry.subobjects]
            lines += [table(("sub-object", "gives", "cost", "what it is"), rows)]
        return "\n".join(lines)

    def _facts(self, entry: ObjectEntry) -> Iterator[str]:
        type_ = entry.first()
        yield f"On {words.titles(entry, self._systems)}."
        if type_.principal:
            yield f"Principal sub-object: `{type_.principal}`."
        if type_.owner_type:
            owner = type_.owner_type
            yield f"Each belongs to one {_link(owner)}: `{entry.name}.{owner}`."
        identity = words.told(entry, self._systems, partial(words.identity, mark="`"))
        yield f"Identity: {identity}."

    def _field(self, entry: Entry[Field], owner: ObjectEntry) -> tuple[str, ...]:
        field = entry.first()
        name = f"**`{field.name}`**" if field.shown else f"`{field.name}`"
        return self._row(name, field.value_type.kind.value, entry, owner)

    def _subobject(self, entry: Entry[SubObject], owner: ObjectEntry) -> tuple[str, ...]:
        part = entry.first()
        gives = f"{'many' if part.many else 'one'} {_link(part.item)}"
        return self._row(f"`{part.name}`", gives, entry, owner)

    def _row(
        self, name: str, type_: str, entry: Entry[Field | SubObject], owner: ObjectEntry
    ) -> tuple[str, ...]:
        aliases = (f"`{alias}`" for alias in entry.first().aliases)
        doc = words.told(entry, self._systems, partial(words.description, mark="`"))
        more = words.only(entry, owner, self._systems)
        cost = words.told(entry, self._systems, words.cost)
        return ", ".join((name, *aliases)), type_, cost, f"{doc} {more}".rstrip()


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    rule = ["---"] * len(titles)
    return "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in (titles, rule, *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
