"""The command line: memq DUMP, which is the interpreter, memq DUMP -e QUERY, or memq --schema.

A result goes to standard output, everything else to standard error. Exit status: 0, 1 a failure
while running, 2 a bad query or command line, 3 a dump that cannot be opened, 10 with --exit-match
where nothing matched.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from memq import __version__
from memq.errors import Cancelled, ImageError, MemqError, QueryError
from memq.printing import (
    FORMATS,
    fail,
    interruptible,
    report,
    say,
    standard_output,
    terminal_columns,
    write,
    write_undecided,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.eval.plan import Plan
    from memq.lang.ast import Expression
    from memq.os.hints import Hints

REFERENCES = ("text", "json", "markdown")
"""Forms of what --schema prints."""
_NO_MATCH = 10
_NUMPYS_MANUAL = "numpy._core._add_newdocs"
"""A module that does nothing but this; without one of the name, nothing is gained or lost."""
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 1 << 20
"""Bytes of a script that are read; one of more than 256 KB is refused by the parser."""
_PLAIN_WIDTH = 80
"""Columns of text that goes elsewhere than to a terminal."""

_USAGE = f"""\
memq DUMP [-e QUERY | -f FILE] [option ...]
       memq --schema [{{{",".join(REFERENCES)}}}]
       memq --check-playbook PATH ...
"""

_EXAMPLE = """\
Without a query, memq opens its interpreter; there, .help tells more.

example:
  memq dump.lime -e 'process.Where(vad.is_executable && vad.is_anonymous).Select([pid, name])'
"""


def run() -> NoReturn:
    """Run the program as a process, and end it.

    What Python takes apart at its end, one object after the other, the system frees at once: that
    is a sixth of a short query. Threads, and what was registered meanwhile to be done at the end,
    come first.
    """
    spare_numpy()
    status: list[int] = []
    atexit.register(_leave, status)
    status.append(main())
    sys.exit(status[0])


def spare_numpy() -> None:
    """Have numpy imported, in a process of our own, without what is not used here.

    It puts hundreds of texts for its help() in place, which takes a seventh of its time.
    """
    _spare_threads()
    sys.modules.setdefault(_NUMPYS_MANUAL, ModuleType(_NUMPYS_MANUAL))


def _spare_threads() -> None:
    """Those of numpy's linear algebra are started at its import, and never used here."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _leave(status: list[int]) -> None:
    """End the process now, unless something is still to be told: a traceback, a stream's error."""
    if status:
        with suppress(OSError, ValueError):
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
            os._exit(status[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    options = _options(arguments)
    _spare_threads()
    # What is imported stays: nothing is gained by looking through it for garbage meanwhile.
    gc.disable()
    try:
        if options.schema:
            return _print_schema(options.schema)
        if options.check_playbook:
            return _check_playbooks(options.check_playbook)
        is_query = options.query is not None or options.file is not None
        return _run(options) if is_query else _interpret(options)
    except (Cancelled, KeyboardInterrupt):
        say("stopped")
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemqError as error:
        return fail(error)
    except OSError as error:
        say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    finally:
        gc.unfreeze()
        gc.enable()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it ends the program with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.query is not None and options.file is not None:
        parser.error("-e/--query and -f/--file both say what to ask: give one of them")
    question = options.query if options.file is None else options.file
    given = [options.dump, question, options.output, options.let]
    given += [options.profile, options.symbol_server, options.pagefile]
    given += [options.dtb, options.kernel_base]
    if options.schema or options.check_playbook:
        flags = options.exit_match, options.undecided, options.explain
        several = options.schema and options.check_playbook
        if several or any(flags) or any(text is not None for text in given):
            name = "--schema" if options.schema else "--check-playbook"
            parser.error(f"{name} stands alone: no dump, no query, no other option")
        return options
    if options.explain and options.output not in (None, "json", "table"):
        parser.error("--explain prints text, or JSON with -o json")
    if options.explain and (options.undecided or options.exit_match):
        parser.error("--explain runs no query: nothing is undecided, and nothing matches")
    if options.dump is None:
        parser.error("the following arguments are required: DUMP")
    asked = {
        "--undecided": options.undecided,
        "--explain": options.explain,
        "--exit-match": options.exit_match,
    }
    alone = [name for name, is_given in asked.items() if is_given and question is None]
    if alone:
        parser.error(f"{alone[0]} speaks of a query: give one with -e or -f")
    return options


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return what writes the help: argparse makes one for each option, this wide."""
    return argparse.RawDescriptionHelpFormatter(prog, width=terminal_columns() - 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memq",
        usage=_USAGE,
        description="Answer questions about a memory dump, with nothing but the dump.",
        epilog=_EXAMPLE,
        formatter_class=_formatter,
    )
    parser.add_argument(
        "dump",
        metavar="DUMP",
        nargs="?",
        help="raw, LiME, ELF core or Windows crash dump; zstd, xz and gzip are unpacked once",
    )
    parser.add_argument("-e", "--query", metavar="QUERY", help="what to ask")
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="a script that asks it; - for standard input"
    )
    parser.add_argument(
        "--let",
        metavar="NAME=VALUE",
        action="append",
        help='a name in the query: --let pid=42, --let \'shells=["sh", "bash"]\'',
    )
    _add_forms(parser)
    parser.add_argument(
        "--schema",
        nargs="?",
        const=REFERENCES[0],
        choices=REFERENCES,
        help="print which objects, fields, methods and functions there are; needs no dump",
    )
    parser.add_argument(
        "--check-playbook",
        metavar="PATH",
        nargs="+",
        help="say what is wrong with hunting rules: files, folders or zips; needs no dump",
    )
    parser.add_argument("--version", action="version", version=f"memq {__version__}")
    return parser


def _add_forms(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is printed, and in which form."""
    parser.add_argument(
        "-o",
        "--output",
        choices=FORMATS,
        help="format of the result (table on a terminal, else json)",
    )
    parser.add_argument(
        "--profile",
        metavar="FILE",
        help="an ISF or PDB file, or a folder of them, where types are not known otherwise",
    )
    parser.add_argument(
        "--symbol-server",
        metavar="URL",
        help="Windows: a server that may be asked for the kernel's PDB; nobody is asked otherwise",
    )
    parser.add_argument(
        "--dtb", metavar="ADDRESS", type=_address, help="Windows: where the page tables begin"
    )
    parser.add_argument(
        "--kernel-base", metavar="ADDRESS", type=_address, help="Windows: where the kernel begins"
    )
    parser.add_argument(
        "--pagefile",
        metavar="FILE",
        action="append",
        help="a page file of the machine; several are numbered as they come",
    )
    parser.add_argument(
        "--exit-match", action="store_true", help=f"exit with {_NO_MATCH} if nothing matches"
    )
    parser.add_argument(
        "--undecided",
        action="store_true",
        help="print, instead of the result, what could not be decided, and why",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print, instead of the result, how it would be found; JSON with -o json",
    )


def _run(options: argparse.Namespace) -> int:
    from memq.image import Image  # noqa: PLC0415 - so that --help answers at once
    from memq.progress import Progress  # noqa: PLC0415

    text, parameters = _question(options), _parameters(options.let or ())
    with Image(options.dump, Progress(sys.stderr), _hints(options)) as image:
        for warning in image.warnings:
            say(f"warning: {warning}")
        answer = image.ask(text, parameters)
        answer.run.keeps_undecided = options.undecided
        for warning in answer.result.plan.warnings:
            say(f"warning: {warning}")
        stream = standard_output()
        if options.explain:
            stream.write(_explanation(answer.result.plan, text, options.output))
            stream.flush()
            return 0
        form = options.output or ("table" if stream.isatty() else "json")
        answer.run.progress.erase()
        gc.freeze()  # or the first look for garbage goes through all that was imported: 17 ms
        gc.enable()
        try:
            with interruptible(answer.run):
                (write_undecided if options.undecided else write)(answer, form, stream)
        except ImageError as error:
            raise MemqError(str(error)) from error  # it was opened: this is no exit status of 3
        finally:
            report(answer)
    return _NO_MATCH if options.exit_match and not answer.run.matched else 0


def _interpret(options: argparse.Namespace) -> int:
    """Open the interpreter."""
    from memq.image import Image  # noqa: PLC0415 - so that --help answers at once
    from memq.progress import Progress  # noqa: PLC0415
    from memq.repl import interpret  # noqa: PLC0415
    from memq.ui.session import Session  # noqa: PLC0415
    from memq.ui.terminal import Terminal  # noqa: PLC0415

    image = Image(options.dump, Progress(sys.stderr), _hints(options))
    session = Session(image, Terminal(standard_output()))
    try:
        if options.output or not session.terminal.is_terminal:
            session.settings.set("format", options.output or "json")
        for name, value in _parameters(options.let or ()).items():
            session.conversation.let(name, value)
        return interpret(session)
    finally:
        session.image.close()


def _hints(options: argparse.Namespace) -> Hints:
    """Return what is said of the dump."""
    from memq.os.hints import Hints  # noqa: PLC0415 - so that --help answers at once

    profile = None if options.profile is None else Path(options.profile)
    files = tuple(map(Path, options.pagefile or ()))
    return Hints(profile, options.dtb, options.kernel_base, files, options.symbol_server)


def _address(text: str) -> int:
    """Read an address; for what is none, the error of which argparse makes a message."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write it as 0x1ad000")
    return value


def _explanation(plan: Plan, text: str, form: str | None) -> str:
    """Return what --explain prints."""
    from memq.eval.explain import explain, explained  # noqa: PLC0415 - few runs need it

    if form == "json":
        import json  # noqa: PLC0415 - as above

        return json.dumps(explained(plan, text), indent=2) + "\n"
    return explain(plan, text) + "\n"


def _question(options: argparse.Namespace) -> str:
    """Return the text of the query or of the script."""
    if options.file is None:
        return str(options.query)
    try:
        if options.file == "-":
            if not hasattr(sys.stdin, "buffer"):  # it is None where the caller has closed it
                raise QueryError("standard input is closed")
            return sys.stdin.buffer.read(_LONGEST).decode()
        with Path(options.file).open("rb") as file:
            return file.read(_LONGEST).decode()
    except OSError as error:
        raise QueryError(f"{options.file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{options.file} is no UTF-8 text") from error


def _parameters(given: Sequence[str]) -> dict[str, Expression]:
    """Read what --let gives names to: literals of the language, and what is none is text."""
    if not given:
        return {}
    from memq.eval.pipeline import literal_of  # noqa: PLC0415 - so that --help answers at once

    found: dict[str, Expression] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not _NAME.fullmatch(name):
            raise QueryError(f"--let takes NAME=VALUE, and this is {each!r}")
        found[name] = literal_of(value)
    return found


def _print_schema(form: str) -> int:
    """Print the reference of all objects and of what can be called, in one of REFERENCES."""
    from memq.eval.callables import callables  # noqa: PLC0415 - so that --help answers at once
    from memq.os.systems import SYSTEMS  # noqa: PLC0415
    from memq.output.reference import json, page, text  # noqa: PLC0415
    from memq.schema.reference import reference_of  # noqa: PLC0415

    reference, stream = reference_of(SYSTEMS, callables()), standard_output()
    if form == "json":
        stream.write(json.as_json(reference, __version__))
    elif form == "markdown":
        stream.write(page.as_markdown(reference))
    else:
        width = terminal_columns() if stream.isatty() else _PLAIN_WIDTH
        stream.write(text.as_text(reference, width))
    stream.flush()
    return 0


def _check_playbooks(paths: Sequence[str]) -> int:
    """Say what is wrong with the rules at some paths."""
    from memq.hunt.attack import load_attack  # noqa: PLC0415 - few runs need it
    from memq.hunt.check import check_playbooks  # noqa: PLC0415 - as above

    return check_playbooks(paths, load_attack())
