"""Answers on a terminal or in a file, and what a run has to say at its end."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from memq.errors import MemqError, QueryError, Reason

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Sequence

    from memq.image import Answer
    from memq.output.lines import Lines
    from memq.output.records import RecordField, Records
    from memq.run import Run

FORMATS = ("table", "json", "jsonl", "csv", "tsv")


def standard_output() -> TextIO:
    """Return standard output, made able to take every character of a name."""
    stream = sys.stdout
    if not hasattr(stream, "write"):  # it is None where the caller has closed it
        raise MemqError("standard output is closed")
    if isinstance(stream, io.TextIOWrapper):
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8")
    return stream


def write(answer: Answer, form: str, stream: TextIO) -> None:
    """Write the result as it is found."""
    _put(_texts(answer, form, stream.isatty()), stream)


def write_undecided(answer: Answer, form: str, stream: TextIO) -> None:
    """Write the elements that could not be decided, instead of the result."""
    found = list(answer.undecided())
    if form in ("json", "jsonl"):
        _put(_records(iter(found), (), form, stream.isatty(), bare=False), stream)
        return
    for number, records in enumerate(found):
        lines = _records(iter([records]), records.fields, form, stream.isatty(), bare=False)
        _put(itertools.chain(["\n"] if number else [], lines), stream)


def _put(texts: Iterable[str], stream: TextIO) -> None:
    for text in texts:
        stream.write(text)
        stream.flush()


def _texts(answer: Answer, form: str, is_terminal: bool) -> Iterable[str]:
    shape, batches = answer.result.shape, answer.batches()
    if form == "table" and answer.result.is_tree:
        return _trees(batches)
    if not answer.result.is_single:
        lines = answer.result.lines
        return _records(batches, shape.fields, form, is_terminal, bare=shape.bare, lines=lines)
    if form == "json":
        form = "jsonl"
    first = next(batches, None)
    rest = itertools.chain([] if first is None else [first], batches)
    if first is not None and first.fields != shape.fields:
        # There is no object: null, or why it is not known, whatever columns it would have.
        return _records(rest, first.fields, "jsonl", is_terminal, bare=True)
    if form == "table" and shape.bare:
        return _single(rest, is_terminal)
    return _records(rest, shape.fields, form, is_terminal, bare=shape.bare)


def _trees(batches: Iterator[Records]) -> Iterable[str]:
    from memq.output import tree  # noqa: PLC0415 - so that --help answers at once

    return tree.trees(batches)


def _single(batches: Iterator[Records], is_terminal: bool) -> Iterable[str]:
    from memq.output import table  # noqa: PLC0415 - so that --help answers at once

    return table.single(batches, dim=is_dim(is_terminal))


def _records(
    batches: Iterator[Records],
    fields: Sequence[RecordField],
    form: str,
    is_terminal: bool,
    *,
    bare: bool,
    lines: Lines | None = None,
) -> Iterable[str]:
    from memq.output import json, separated, table  # noqa: PLC0415 - so that --help answers at once

    if form == "jsonl":
        return json.lines(batches, bare=bare)
    if form == "json":
        return json.array(batches, bare=bare)
    if form == "csv":
        return separated.csv(batches, fields)
    if form == "tsv":
        return separated.tsv(batches, fields)
    width = shutil.get_terminal_size().columns if is_terminal else None
    return table.table(batches, fields, width, dim=is_dim(is_terminal), lines=lines)


def is_dim(is_terminal: bool) -> bool:
    """Whether what is unknown is shown dim."""
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def report(answer: Answer) -> None:
    """Say what was cut short, and what could not be decided."""
    for line in told(answer.run):
        say(line)


def told(run: Run) -> Iterator[str]:
    """Yield what a run has to say at its end: what was cut short, or could not be decided."""
    for note in run.notes:
        yield f"note: {note}"
    undecided = sum(run.undecided.values())
    if undecided:
        yield f"{run.matched} matched, {undecided} undecided: {_reasons(run.undecided)}"
    lost = sum(run.lost.values())
    if lost:
        yield f"{lost} sub-objects left out, undecided: {_reasons(run.lost)}"


def _reasons(counter: Counter[Reason]) -> str:
    return ", ".join(
        reason.text if len(counter) == 1 else f"{reason.text} ({count})"
        for reason, count in counter.most_common()
    )


def fail(error: MemqError) -> int:
    """Say what failed: in one line, but for a query, whose line is drawn below."""
    message, *drawn = str(error).split("\n") if isinstance(error, QueryError) else [str(error)]
    say(f"error: {message}", *drawn)
    return error.exit_status


def say(*lines: str) -> None:
    """Write to standard error; names in it come from dumps, and are made harmless."""
    from memq.output.cells import clean  # noqa: PLC0415 - so that --help answers at once

    if hasattr(sys.stderr, "write"):  # it is None where the caller has closed it
        with suppress(OSError):
            sys.stderr.write("memq: " + "\n".join(map(clean, lines)) + "\n")
