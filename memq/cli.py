"""The command line: memq DUMP, which is the interpreter, memq DUMP -e QUERY, or memq --schema.

A result goes to standard output, everything else to standard error. Exit status: 0, 1 a failure
while running, 2 a bad query or command line, 3 a dump that cannot be opened, 10 with --exit-match
where nothing matched.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from memq import __version__, garbage
from memq.errors import Cancelled, ImageError, MemqError, QueryError
from memq.options import NO_MATCH, read
from memq.printing import (
    fail,
    interruptible,
    report,
    say,
    say_stopped,
    standard_output,
    terminal_columns,
    write,
    write_undecided,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memq.eval.plan import Plan
    from memq.hunt.case import Case
    from memq.hunt.case_query import OpenCase
    from memq.image import Image
    from memq.lang.ast import Expression
    from memq.os.hints import Hints

_NUMPYS_MANUAL = "numpy._core._add_newdocs"
"""A module that does nothing but this; without one of the name, nothing is gained or lost."""
_LONGEST = 1 << 20
"""Bytes of a script that are read; one of more than 256 KB is refused by the parser."""
_PLAIN_WIDTH = 80
"""Columns of text that goes elsewhere than to a terminal."""


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
    options = read(arguments)
    _spare_threads()
    garbage.put_off()
    try:
        if options.schema:
            return _print_schema(options.schema)
        if options.check_playbook:
            return _check_playbooks(options.check_playbook)
        if options.playbook:
            return _hunt(options)
        if options.merge:
            return _merge(options)
        is_query = options.query is not None or options.file is not None
        return _run(options) if is_query else _interpret(options)
    except (Cancelled, KeyboardInterrupt):
        say_stopped()
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
        garbage.as_usual()


def _opened(options: argparse.Namespace, opened: ExitStack) -> tuple[Image | OpenCase, Case | None]:
    """Open what is asked, a dump or a case by itself, and the case if there is one.

    What holds them closes them.
    """
    from memq.image import Image  # noqa: PLC0415 - so that --help answers at once
    from memq.progress import Progress  # noqa: PLC0415

    case, progress = _case(options, opened), Progress(sys.stderr)
    if case is None or options.dump is not None:
        return opened.enter_context(Image(options.dump, progress, _hints(options))), case
    from memq.hunt.case_query import OpenCase  # noqa: PLC0415 - few runs need it

    return OpenCase(case, progress), case


def _run(options: argparse.Namespace) -> int:
    text, parameters = _question(options), _parameters(options.let or ())
    with ExitStack() as opened:
        asked, _ = _opened(options, opened)
        for warning in asked.warnings:
            say(f"warning: {warning}")
        answer = asked.ask(text, parameters)
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
        garbage.collect()
        try:
            with interruptible(answer.run):
                (write_undecided if options.undecided else write)(answer, form, stream)
        except ImageError as error:
            raise MemqError(str(error)) from error  # it was opened: this is no exit status of 3
        finally:
            report(answer)
    return NO_MATCH if options.exit_match and not answer.run.matched else 0


def _hunt(options: argparse.Namespace) -> int:
    """Run hunting rules."""
    from memq.hunt.command import hunt, plan  # noqa: PLC0415 - few runs need it
    from memq.image import Image  # noqa: PLC0415 - as above
    from memq.progress import Progress  # noqa: PLC0415 - as above

    stream = standard_output()
    form = options.output or ("table" if stream.isatty() else "json")
    parameters = _parameters(options.let or ())
    progress, tags = Progress(sys.stderr), options.tag or ()
    asked = plan(options.playbook, options.level, tags, parameters, progress=progress)
    if asked is None:
        return QueryError.exit_status
    with ExitStack() as opened:
        case = _case(options, opened)
        image = opened.enter_context(Image(options.dump, progress, _hints(options)))
        for warning in image.warnings:
            say(f"warning: {warning}")
        garbage.collect()
        matched = hunt(asked, image, form, stream, case)
    return NO_MATCH if options.exit_match and not matched else 0


def _case(options: argparse.Namespace, opened: ExitStack) -> Case | None:
    """Open the case that is named, if any; it is made only where findings are to be kept in it."""
    if options.case is None:
        return None
    from memq.hunt.case import Case  # noqa: PLC0415 - few runs need it

    return opened.enter_context(Case(Path(options.case), create=options.dump is not None))


def _merge(options: argparse.Namespace) -> int:
    """Put other cases into one."""
    from memq.hunt.case import Case  # noqa: PLC0415 - few runs need it
    from memq.hunt.case_merging import merge  # noqa: PLC0415 - as above
    from memq.progress import Progress  # noqa: PLC0415 - as above

    with ExitStack() as opened:
        others = [opened.enter_context(Case(Path(path))) for path in options.merge]
        case = opened.enter_context(Case(Path(options.case), create=True))
        for other in others:
            for line in merge(case, other, Progress(sys.stderr)).told(case.name):
                say(line)
    return 0


def _interpret(options: argparse.Namespace) -> int:
    """Open the interpreter."""
    from memq.repl import interpret  # noqa: PLC0415 - so that --help answers at once
    from memq.ui.session import Session  # noqa: PLC0415
    from memq.ui.terminal import Terminal  # noqa: PLC0415

    with ExitStack() as opened:
        image, case = _opened(options, opened)
        opened.pop_all()  # the session closes them from here on
    session = Session(image, Terminal(standard_output()))
    session.keep_findings(case)
    try:
        if options.output or not session.terminal.is_terminal:
            session.settings.set("format", options.output or "json")
        for name, value in _parameters(options.let or ()).items():
            session.conversation.let(name, value)
        return interpret(session)
    finally:
        session.close()


def _hints(options: argparse.Namespace) -> Hints:
    """Return what is said of the dump."""
    from memq.os.hints import Hints  # noqa: PLC0415 - so that --help answers at once

    profile = None if options.profile is None else Path(options.profile)
    files = tuple(map(Path, options.pagefile or ()))
    return Hints(profile, options.dtb, options.kernel_base, files, options.symbol_server)


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
    from memq.eval.pipeline import parameter_of  # noqa: PLC0415 - so that --help answers at once

    return dict(map(parameter_of, given))


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
