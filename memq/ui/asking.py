"""Commands that ask: trees, plans, what was undecided, how long it takes, files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import MemqError, QueryError
from memq.eval.explain import explain as explain_plan
from memq.image import Image
from memq.lang import hints
from memq.output.cells import clean
from memq.output.look import Look
from memq.printing import FORMATS, texts, undecided_texts
from memq.ui.session import rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.image import Answer
    from memq.ui.session import Session

_INDENT = 4
"""Columns by which a folded line of a plan is moved in."""
FORMS: Mapping[str, str] = {
    **{f".{form}": form for form in FORMATS if form != "table"},
    ".ndjson": "jsonl",
    ".txt": "table",
}
"""In which form `.save` writes, by how the file is called."""


def tree(session: Session, text: str) -> None:
    """Draw a series as a tree; without one, all processes."""
    query = text.strip() or "process"
    session.conversation.bind(query)  # what is wrong with it is shown as it is written
    end = "\n" if "//" in query else ""  # a comment at the end has one of its own
    whole = f"{query}.Tree()" if query.isidentifier() else f"({query}{end}).Tree()"
    try:
        bound = session.bind(whole)
    except QueryError as error:
        raise QueryError(error.message, hint=error.hint) from None
    session.run(bound)


def explain(session: Session, text: str) -> None:
    """Show how a query would be found."""
    bound = session.bind(session.given(text))
    if bound.plan is None:
        raise QueryError("A function alone is no query.")
    lines = explain_plan(bound.plan, bound.text, bound.begins).splitlines()
    session.page(
        part
        for line in map(clean, lines)
        for part in session.terminal.wrapped(line, indent=len(line) - len(line.lstrip()) + _INDENT)
    )


def undecided(session: Session, text: str) -> None:
    """Show what a query could not decide, and why."""
    answer = session.answer(session.bind(session.given(text)))
    with session.interruptible(answer.run):
        shown = list(undecided_texts(answer, session.settings["format"], session.look()))
    session.page("".join(shown).splitlines() or ["Nothing was undecided."])
    session.tell(answer.run)


def timed(session: Session, text: str) -> None:
    """Run a query without showing it, and tell what takes how long; or turn the time on or off."""
    if text.strip() in ("", "on", "off"):
        if text.strip():
            session.settings.set("time", text.strip())
        session.say(f"the time is {'shown' if session.settings.is_on('time') else 'not shown'}")
        return
    started = time.perf_counter()
    bound = session.bind(text)
    checked, busy = time.perf_counter(), time.process_time()
    answer = session.answer(bound)
    first: float | None = None
    with session.interruptible(answer.run):
        for _ in answer.batches():
            first = time.perf_counter() if first is None else first
    ended = time.perf_counter()
    session.say(f"checked     {checked - started:8.3f} s")
    if first is not None:
        session.say(f"first rows  {first - checked:8.3f} s")
    session.say(f"all rows    {ended - checked:8.3f} s   {answer.run.matched:,} rows")
    session.say(f"processor   {time.process_time() - busy:8.3f} s")
    session.tell(answer.run)


# Files


def save(session: Session, text: str) -> None:
    """Write the last result, or a query's, to a new file; its name says in which form."""
    name, _, query = text.strip().partition(" ")
    if not name:
        raise QueryError("Save where?", hint="Such as `.save found.json`, or .jsonl, .csv, .txt.")
    path = Path(name).expanduser()
    form = FORMS.get(path.suffix.lower())
    if form is None:
        near = hints.did_you_mean(hints.nearest(path.suffix, FORMS))
        endings = ", ".join(FORMS)
        raise QueryError(
            f"`{name}` does not say in which form.", hint=near or f"It can end in {endings}."
        )
    if path.exists():
        raise MemqError(f"{path} is there already, and stays as it is: choose another name")
    answer = session.answer(session.bind(session.given(query)))
    with session.interruptible(answer.run):
        _write(path, answer, form)
    session.tell(answer.run)
    session.quietly(f"{rows_of(answer.run)} in {path}")


def _write(path: Path, answer: Answer, form: str) -> None:
    """Write aside first, so that under the name there is all, or nothing."""
    aside = path.with_name(f"{path.name}.part")
    try:
        with aside.open("x", encoding="utf-8", newline="") as stream:
            try:
                for piece in texts(answer, form, Look()):
                    stream.write(piece)
            except BaseException:
                stream.close()
                aside.unlink()
                raise
        aside.rename(path)
    except OSError as error:
        raise MemqError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        answer.run.progress.erase()


def open_(session: Session, text: str) -> None:
    """Open another dump in place of this one."""
    name = text.strip()
    if not name:
        raise QueryError("Open which dump?", hint="Such as `.open other.lime`.")
    session.open(Image(Path(name).expanduser(), session.progress()))
    session.greet()
