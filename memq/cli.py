"""The command line: memq DUMP -e QUERY, or memq --schema.

The result goes to standard output, everything else to standard error. Exit status: 0, 1 a failure
while running, 2 a bad query or command line, 3 a dump that cannot be opened, 10 with --exit-match
where nothing matched.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from memq import __version__
from memq.errors import Cancelled, ImageError, MemqError, QueryError, Reason

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence
    from types import FrameType

    from memq.image import Answer
    from memq.run import Run

FORMATS = ("table", "json", "jsonl", "csv", "tsv")
REFERENCES = ("text", "json", "markdown")
"""Forms of what --schema prints."""
_NO_MATCH = 10
_PLAIN_WIDTH = 80
"""Columns of text that goes elsewhere than to a terminal."""

_USAGE = f"""\
memq DUMP -e QUERY [option ...]
       memq --schema [{{{",".join(REFERENCES)}}}]
"""

_EXAMPLE = """\
example:
  memq dump.lime -e 'process.Where(vad.is_executable && vad.is_anonymous).Select([pid, name])'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    options = _options(arguments)
    # The threads of numpy's linear algebra are started at its import, and never used here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _print_schema(options.schema) if options.schema else _run(options)
    except (Cancelled, KeyboardInterrupt):
        _say("stopped")
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemqError as error:
        return _fail(error)
    except OSError as error:
        _say(
            f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        )
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it ends the program with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    needed = {"DUMP": options.dump, "-e/--query": options.query}
    given = [*needed.values(), options.output, options.profile]
    if options.schema:
        if options.exit_match or any(text is not None for text in given):
            parser.error("--schema stands alone: no dump, no query, no other option")
        return options
    missing = [name for name, text in needed.items() if text is None]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memq",
        usage=_USAGE,
        description="Answer questions about a memory dump, with nothing but the dump.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "dump",
        metavar="DUMP",
        nargs="?",
        help="raw, LiME or ELF core; zstd, xz and gzip are unpacked once",
    )
    parser.add_argument("-e", "--query", metavar="QUERY", help="what to ask")
    parser.add_argument(
        "-o",
        "--output",
        choices=FORMATS,
        help="format of the result (table on a terminal, else json)",
    )
    parser.add_argument(
        "--profile", metavar="FILE", help="an ISF file, for kernels that carry no types"
    )
    parser.add_argument(
        "--exit-match", action="store_true", help=f"exit with {_NO_MATCH} if nothing matches"
    )
    parser.add_argument(
        "--schema",
        nargs="?",
        const=REFERENCES[0],
        choices=REFERENCES,
        help="print which objects and fields there are; needs no dump",
    )
    parser.add_argument("--version", action="version", version=f"memq {__version__}")
    return parser


def _run(options: argparse.Namespace) -> int:
    from memq.image import Image  # noqa: PLC0415 - so that --help answers at once
    from memq.progress import Progress  # noqa: PLC0415

    with Image(options.dump, Progress(sys.stderr), options.profile) as image:
        for warning in image.warnings:
            _say(f"warning: {warning}")
        answer = image.query(options.query)
        for warning in answer.result.plan.warnings:
            _say(f"warning: {warning}")
        stream = _standard_output()
        form = options.output or ("table" if stream.isatty() else "json")
        answer.run.progress.erase()
        signal.signal(signal.SIGINT, _canceller(answer.run))
        try:
            _write(answer, form, stream)
        except ImageError as error:
            raise MemqError(str(error)) from error  # it was opened: this is no exit status of 3
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            answer.run.progress.erase()
            _report(answer)
    return _NO_MATCH if options.exit_match and not answer.run.matched else 0


def _print_schema(form: str) -> int:
    """Print the reference of all objects, in one of the forms of REFERENCES."""
    from memq.os.systems import SYSTEMS  # noqa: PLC0415 - so that --help answers at once
    from memq.output.reference import json, page, text  # noqa: PLC0415
    from memq.schema.reference import reference_of  # noqa: PLC0415

    reference, stream = reference_of(SYSTEMS), _standard_output()
    if form == "json":
        stream.write(json.as_json(reference, __version__))
    elif form == "markdown":
        stream.write(page.as_markdown(reference))
    else:
        width = shutil.get_terminal_size().columns if stream.isatty() else _PLAIN_WIDTH
        stream.write(text.as_text(reference, width))
    stream.flush()
    return 0


def _canceller(run: Run) -> Callable[[int, FrameType | None], None]:
    """Ask the run to stop; asked again, stop at once."""

    def cancel(_number: int, _frame: FrameType | None) -> None:
        if run.cancelled:
            raise KeyboardInterrupt
        run.cancelled = True

    return cancel


def _standard_output() -> TextIO:
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


def _write(answer: Answer, form: str, stream: TextIO) -> None:
    """Write the result as it is found."""
    for text in _texts(answer, form, stream.isatty()):
        stream.write(text)
        stream.flush()


def _texts(answer: Answer, form: str, is_terminal: bool) -> Iterable[str]:
    from memq.output import json, separated, table  # noqa: PLC0415

    shape, batches = answer.result.shape, answer.batches()
    if form == "json" and answer.result.is_single:
        form = "jsonl"
    if form == "jsonl":
        return json.lines(batches, bare=shape.bare)
    if form == "json":
        return json.array(batches, bare=shape.bare)
    if form == "csv":
        return separated.csv(batches, shape.fields)
    if form == "tsv":
        return separated.tsv(batches, shape.fields)
    dim = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if answer.result.is_single and shape.bare:
        return table.single(batches, dim=dim)
    width = shutil.get_terminal_size().columns if is_terminal else None
    return table.table(batches, shape.fields, width, dim=dim)


def _report(answer: Answer) -> None:
    """Say what was cut short, and what could not be decided."""
    run = answer.run
    for note in run.notes:
        _say(f"note: {note}")
    undecided = sum(run.undecided.values())
    if undecided:
        _say(f"{run.matched} matched, {undecided} undecided: {_reasons(run.undecided)}")
    lost = sum(run.lost.values())
    if lost:
        _say(f"{lost} sub-objects left out, undecided: {_reasons(run.lost)}")


def _reasons(counter: Counter[Reason]) -> str:
    return ", ".join(
        reason.text if len(counter) == 1 else f"{reason.text} ({count})"
        for reason, count in counter.most_common()
    )


def _fail(error: MemqError) -> int:
    """Say what failed: in one line, but for a query, whose line is drawn below."""
    message, *drawn = str(error).split("\n") if isinstance(error, QueryError) else [str(error)]
    _say(f"error: {message}", *drawn)
    return error.exit_status


def _say(*lines: str) -> None:
    """Write to standard error; names in it come from dumps, and are made harmless."""
    from memq.output.cells import clean  # noqa: PLC0415

    if hasattr(sys.stderr, "write"):  # it is None where the caller has closed it
        with suppress(OSError):
            sys.stderr.write("memq: " + "\n".join(map(clean, lines)) + "\n")
