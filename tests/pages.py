"""The parts of the pages that are made, not written: what queries answer, and generated tables.

    python -m tests.pages       writes them anew into README.md and the pages in docs/

In a page, a query stands in a block marked `memq`. The block after it holds what it answers: one
marked `text` as a terminal shows it, with what is said on standard error, one marked `json` as JSON
lines. Where it ends in a line of `...`, only the beginning is shown. A table whose last columns are
`example` and `gives` has a query in each row; of one whose columns end in `condition` and `found`,
each row counts the processes of which the condition is true.

A block marked `session` holds entries of the interpreter, each behind its prompt, and what they
show.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, NamedTuple

import memq
from memq.errors import MemqError, QueryError
from memq.eval.callables import callables
from memq.hunt.case_objects import CASE
from memq.hunt.command import plan
from memq.hunt.heading import heading_of
from memq.hunt.reports.terminal import as_table
from memq.hunt.rule_format import markdown_table, markdown_table_of_filters
from memq.hunt.running import run_playbook
from memq.output.reference.page import table as table_of
from memq.output.reference.regions import language_tables
from memq.output.reference.regions import renewed as with_tables
from memq.printing import fail, report, say, write
from memq.run import Run
from memq.ui.commands import COMMANDS
from memq.ui.plain import CONTINUATION, PROMPT
from memq.ui.settings import SETTINGS
from tests import transcript
from tests.lab import ROOT, windows_sample
from tests.lab import sample as load_sample
from tests.playbooks.page import page as playbooks_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from memq.image import Image

COMMAND = "python -m tests.pages"
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "language.md",
    ROOT / "docs" / "interpreter.md",
    ROOT / "docs" / "rules.md",
    ROOT / "docs" / "cases.md",
)

_BLOCK = re.compile(r"(?<=```memq\n)(.*?)(```\n)(?:\n```(text|json)\n(.*?)```\n)?", re.DOTALL)
_TABLE = re.compile(
    r"^\| [^\n]*\b(example \| gives|condition \| found) \|\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)",
    re.MULTILINE,
)
_SESSION = re.compile(r"(?<=```session\n)(.*?)(?=```\n)", re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")
_ROW = "process.Where({}).Count()"


class Example(NamedTuple):
    """A query of a page, and where in the page stands what it answers."""

    query: str
    form: str
    """How the answer is written: text, json, value, or nothing where it is not shown."""
    shown: str
    start: int
    end: int


def examples(page: str) -> list[Example]:
    """Find all queries of a page, in its order."""
    return sorted([*_blocks(page), *_rows(page)], key=lambda one: one.start)


def _blocks(page: str) -> Iterator[Example]:
    for found in _BLOCK.finditer(page):
        query, _, form, shown = found.groups()
        start, end = found.span(4) if form else (found.end(), found.end())
        yield Example(query.strip("\n"), form or "", shown or "", start, end)


def _rows(page: str) -> Iterator[Example]:
    for table in _TABLE.finditer(page):
        place = table.start(2)
        for row in table[2].splitlines(keepends=True):
            *_, before, last, end = (found.start() for found in _CELLS.finditer(row))
            query = row[before + 1 : last].strip(" `").replace("\\|", "|")
            if table[1].startswith("condition"):
                query = _ROW.format(query)
            shown = row[last + 1 : end]
            yield Example(query, "value", shown, place + last + 1, place + end)
            place += len(row)


def image_for(images: Sequence[Image], query: str) -> Image:
    """Return the first image on which a query can be asked; if there is none, the first."""
    for image in images:
        try:
            image.query(query)
        except QueryError:
            continue
        return image
    return images[0]


def answered(image: Image, example: Example) -> str:
    """Return what stands in the page if it tells the truth."""
    if example.form == "value":
        given = "".join(_lines(image, example.query, "json")).strip()
        return f" `{given}` ".replace("|", "\\|")
    lines = _lines(image, example.query, example.form)
    if example.shown.endswith("...\n"):
        return "".join(lines[: example.shown.count("\n") - 1]) + "...\n"
    return "".join(lines)


def _lines(image: Image, query: str, form: str) -> list[str]:
    stream = io.StringIO()
    with redirect_stderr(stream):
        try:
            _ask(image, query, form, stream)
        except MemqError as error:
            fail(error)
    return [line.rstrip() + "\n" for line in stream.getvalue().splitlines()]


def _ask(image: Image, query: str, form: str, stream: io.StringIO) -> None:
    answer = image.query(query)
    if form == "json":
        bare = answer.result.shape.bare
        rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in answer.rows()]
        is_list = bare and not answer.result.is_single
        stream.write(f"[{', '.join(map(str.strip, rows))}]" if is_list else "".join(rows))
        return
    for warning in answer.result.plan.warnings:
        say(f"warning: {warning}")
    write(answer, "table", stream)
    report(answer)


def tables() -> dict[str, str]:
    """Return all generated tables, by the names of their regions."""
    commands = [
        (f"`{one.usage}`".replace("|", "\\|"), one.doc, f"`{one.example}`")
        for one in COMMANDS.values()
    ]
    settings = [(f"`{one.name}`", ", ".join(one.choices), one.doc) for one in SETTINGS.values()]
    return language_tables(callables()) | {
        "rules": markdown_table(),
        "cases": table_of(("field", "what it is", "what it means"), list(_of_cases())),
        "site filters": markdown_table_of_filters(),
        "commands": table_of(("command", "what it does", "for example"), commands).replace(
            "\\\\", "\\"
        ),
        "settings": table_of(("setting", "values, the usual one first", "what it is"), settings),
    }


def _of_cases() -> Iterator[tuple[str, str, str]]:
    """Yield each field of the objects of a case; the default columns have a star."""
    for name, type_ in CASE.objects.items():
        for one in type_.fields.values():
            mark = " \\*" if one.shown else ""
            yield f"`{name}.{one.name}`{mark}", one.value_type.kind.value, one.doc


def sessions(page: str) -> list[re.Match[str]]:
    """Find all blocks of a page that show the interpreter."""
    return list(_SESSION.finditer(page))


def replayed(image: Image, shown: str) -> str:
    """Return what a session shows of whose entries and answers a block consists."""
    session = transcript.Transcript(image)
    for entry in entries_of(shown):
        session.enter(entry)
    return session.text


def entries_of(shown: str) -> list[str]:
    """Return what is entered in a block: what stands behind the prompts."""
    entries: list[str] = []
    for line in shown.splitlines():
        if line.startswith(PROMPT):
            entries.append(line.removeprefix(PROMPT))
        elif line.startswith(CONTINUATION):
            entries[-1] += "\n" + line.removeprefix(CONTINUATION)
    return entries


def renewed(page: str, images: Sequence[Image]) -> str:
    """Return a page with all that is made written anew; sessions are of the first image."""
    made = tables()
    if HUNTED in page:
        made["hunted"] = hunted(images[0])
    page = with_tables(page, made)
    for block in reversed(sessions(page)):
        page = page[: block.start()] + replayed(images[0], block[0]) + page[block.end() :]
    for example in reversed(examples(page)):
        if example.form:
            told = answered(image_for(images, example.query), example)
            page = page[: example.start] + told + page[example.end :]
    return page


HUNTED = "generated: hunted"
"""The region that shows what the rules of level high find in the sample."""
_LEVEL = "high"
SAMPLE = "samples/deb12-6.1-small.lime.xz"


def hunted(image: Image) -> str:
    """Return what rules find, as a terminal shows it below its heading, which has the time."""
    asked = plan(["linux"], _LEVEL, (), {})
    assert asked is not None
    findings = run_playbook(asked.rules, image, Run())
    table = "".join(as_table(findings, heading_of(image, asked.attack)))
    lines = (line.rstrip() for line in table.partition("\n\n")[2].splitlines())
    command = f"memq {SAMPLE} --playbook linux --level {_LEVEL}"
    return "\n".join(("```text", f"$ {command}", *lines, "```"))


PLAYBOOKS = ROOT / "docs" / "playbooks.md"
"""All of it is made, of the rules and their proofs."""


def main() -> int:
    """Write the pages anew."""
    PLAYBOOKS.write_text(playbooks_page(), "utf-8")
    with memq.open(load_sample().path) as linux, memq.open(windows_sample()) as windows:
        for path in PAGES:
            _write(path, renewed(path.read_text("utf-8"), (linux, windows)))
    return 0


def _write(path: Path, page: str) -> None:
    if path.read_text("utf-8") != page:
        path.write_text(page, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
