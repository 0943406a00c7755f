"""Answers on a terminal or in a file, and what a run has to say at its end."""

from __future__ import annotations

import io
import itertools
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from memq.errors import MemqError, QueryError, Reason

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from memq.eval.places import RecordShape
    from memq.image import Answer
    from memq.output.json import Check
    from memq.output.lines import Lines
    from memq.output.look import Look
    from memq.output.records import Records
    from memq.run import Run

_COLUMNS = 80
"""Width of a terminal that does not tell."""
FORMATS = ("table", "json", "jsonl", "csv", "tsv")
"""Forms of a query's result."""
REPORTS = ("markdown", "html", "navigator", "sarif")
"""Forms that only what hunting rules find has, besides."""


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


def look_of(stream: TextIO) -> Look:
    """Return how tables look there."""
    from memq.output.look import Look  # noqa: PLC0415 - so that --help answers at once

    if not stream.isatty():
        return Look()
    dim = has_colours(os.environ)
    return Look(terminal_columns(), dim, humane=True)


def terminal_columns() -> int:
    """Return how wide the terminal is, or is said to be.

    As shutil does, whose import takes 3 ms, of the 40 that `memq --help` has.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    if sys.__stdout__ is not None:  # the caller may have closed it
        with suppress(OSError, ValueError):
            return os.get_terminal_size(sys.__stdout__.fileno()).columns or _COLUMNS
    return _COLUMNS


def has_colours(environment: Mapping[str, str]) -> bool:
    """Whether a terminal knows control sequences, and colours are wanted (no-color.org)."""
    return environment.get("TERM") != "dumb" and not environment.get("NO_COLOR")


def write(answer: Answer, form: str, stream: TextIO) -> None:
    """Write the result as it is found."""
    look = look_of(stream)
    _put(texts(answer, form, look), answer, stream, look)


def write_undecided(answer: Answer, form: str, stream: TextIO) -> None:
    """Write the elements that could not be decided, instead of the result."""
    look = look_of(stream)
    _put(undecided_texts(answer, form, look), answer, stream, look)


def _put(pieces: Iterable[str], answer: Answer, stream: TextIO, look: Look) -> None:
    try:
        for piece in pieces:
            answer.run.progress.erase()  # it may stand on the same terminal
            stream.write(piece)
            stream.flush()
    finally:
        if look.note:
            say(f"note: {look.note}")


def undecided_texts(answer: Answer, form: str, look: Look) -> Iterable[str]:
    """Yield the pieces of text of the elements that could not be decided."""
    from memq.eval.places import RecordShape  # noqa: PLC0415 - so that --help answers at once

    found, check = list(answer.undecided()), answer.run.check
    if form in ("json", "jsonl"):
        yield from _records(iter(found), RecordShape(()), form, look, check=check)
        return
    for number, records in enumerate(found):
        if number:
            yield "\n"
        shape = RecordShape(records.fields)
        yield from _records(iter([records]), shape, form, look, check=check)


def texts(answer: Answer, form: str, look: Look) -> Iterable[str]:
    """Return the pieces of text of the result, each as soon as it is found."""
    shape, batches, check = answer.result.shape, answer.batches(), answer.run.check
    if form == "table" and answer.result.is_tree:
        return _trees(batches, check)
    if not answer.result.is_single:
        return _records(batches, shape, form, look, lines=answer.result.lines, check=check)
    if form == "json":
        form = "jsonl"
    first = next(batches, None)
    rest = itertools.chain([] if first is None else [first], batches)
    if first is not None and first.fields != shape.fields:
        # There is no object: null, or why it is not known, whatever columns it would have.
        from dataclasses import replace  # noqa: PLC0415 - so that --help answers at once

        shape = replace(shape, fields=first.fields, bare=True)
        return _records(rest, shape, "jsonl", look, check=check)
    if form == "table" and shape.bare:
        return _single(rest, look)
    return _records(rest, shape, form, look, check=check)


def _trees(batches: Iterator[Records], check: Check) -> Iterable[str]:
    from memq.output import tree  # noqa: PLC0415 - so that --help answers at once

    return tree.trees(batches, check)


def _single(batches: Iterator[Records], look: Look) -> Iterable[str]:
    from memq.output import table  # noqa: PLC0415 - so that --help answers at once

    return table.single(batches, look)


def _records(
    batches: Iterator[Records],
    shape: RecordShape,
    form: str,
    look: Look,
    *,
    lines: Lines | None = None,
    check: Check = None,
) -> Iterable[str]:
    if form in ("json", "jsonl"):
        from memq.output import json  # noqa: PLC0415 - one form is asked for, in most runs

        written = json.lines if form == "jsonl" else json.array
        return written(batches, bare=shape.bare, check=check)
    if form in ("csv", "tsv"):
        from memq.output import separated  # noqa: PLC0415 - as above

        separate = separated.csv if form == "csv" else separated.tsv
        return separate(batches, shape.fields, check)
    from memq.output import table  # noqa: PLC0415 - as above

    return table.table(batches, shape.fields, look, lines=lines)


@contextmanager
def interruptible(run: Run) -> Iterator[Callable[[], None]]:
    """Let Ctrl-C ask the run to stop while the block runs; pressed again, stop at once.

    What the block gets asks it to stop, too. What takes long says that it goes on.
    """

    def stop() -> None:
        run.cancelled = True

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if run.cancelled:
            raise KeyboardInterrupt
        stop()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with run.progress.step("asking, Ctrl-C stops it"):
            yield stop
    finally:
        signal.signal(signal.SIGINT, before)


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


def say_stopped() -> None:
    """Say that somebody has stopped the program.

    Nothing is imported for it: an import may be what was stopped, and numpy's fails the next time.
    """
    if hasattr(sys.stderr, "write"):
        with suppress(OSError):
            sys.stderr.write("memq: stopped\n")
