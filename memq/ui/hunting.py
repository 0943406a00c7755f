"""Commands that run hunting rules, and look at what these have found."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memq.errors import Cancelled, QueryError, Span
from memq.eval.pipeline import parameter_of
from memq.hunt.case import Case
from memq.hunt.case_file import STATUSES
from memq.hunt.case_merging import merge
from memq.hunt.case_query import OpenCase, ask_case
from memq.hunt.command import found_by, plan
from memq.hunt.findings import WRITERS
from memq.hunt.reports.terminal import as_table
from memq.lang import hints
from memq.node import dataclass
from memq.output.cells import clean, clean_json
from memq.output.humane import counted
from memq.output.widths import wrapped
from memq.printing import texts
from memq.run import Run
from memq.ui.look import usages
from memq.ui.pager import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.hunt.case import Kept
    from memq.lang.ast import Expression
    from memq.ui.session import Session

MOST_MARKED = 1000
"""Findings that are marked at once."""
_LONGEST_NAME = 40
"""Characters of a column's name for which room is made in each line."""
_WORD = re.compile(r'(?:"[^"]*"|\'[^\']*\'|[^\s"\'])+')
_QUOTES = re.compile(r'"([^"]*)"|\'([^\']*)\'')
_HERE = 'finding.Where(here == "" || fingerprint == here)'
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_LIST = f"{_HERE}.Where(!is_gone).OrderByDescending(severity)"
_GONE = f"{_HERE}.Count(is_gone)"
_COLUMNS = ".Select([id, status, is_new, level, rule, summary, note])"
_WITH_IMAGE = ".Select([id, status, is_new, level, image, rule, summary, note])"
_RUN = "`.playbook PATH` runs some; `.case FILE` opens a case that has findings."
_OPEN = "`.case FILE` opens a case, or makes one; then run `.playbook` again."


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands behind `.playbook`."""

    paths: tuple[str, ...]
    level: str | None
    tags: tuple[str, ...]
    parameters: Mapping[str, Expression]


def playbook(session: Session, text: str) -> None:
    """Run rules, and show what each of them has found."""
    asked, image = _asked(text), session.dump
    chosen = asked.level, asked.tags, asked.parameters
    rules = plan(asked.paths, *chosen, session.say, session.progress())
    if rules is None:
        session.failures += 1  # what is wrong with them was said
        return
    case = session.case
    if case is None:
        session.keep_findings(None)
        case = session.found = Case(None)
    told: list[str] = []
    run, form = Run(image.progress), session.settings["format"]
    write = partial(as_table, look=session.look()) if form == "table" else WRITERS[form]
    with (
        session.interruptible(run) as cancel,
        found_by(rules, image, run, write, case, told.append) as pieces,
    ):
        screen = Screen(session.terminal, run.progress)
        shown = screen.show(pieces, pager=session.settings.is_on("pager"), cancel=cancel)
        if shown.is_stopped:
            run.cancelled = True
    if session.case is not None:
        session.say(*told)
    elif case.count():
        session.quietly("`.findings` lists what was found, each with a number")
    if run.cancelled and not session.terminal.is_terminal:
        raise Cancelled("stopped")


def findings(session: Session, text: str) -> None:
    """List findings on this dump, or show one of them."""
    case = session.case or session.found
    if case is None:
        raise QueryError("No rule has been run yet.", hint=_RUN)
    if text.strip():
        _show(session, case, _number(text.strip(), text))
        return
    here = {"here": session.fingerprint}
    text = _LIST + (_COLUMNS if session.fingerprint else _WITH_IMAGE)
    answer, look = ask_case(case, text, here, Run(session.progress())), session.look()
    with session.interruptible(answer.run) as cancel:
        screen = Screen(session.terminal, answer.run.progress)
        pieces = iter(texts(answer, session.settings["format"], look))
        screen.show(pieces, pager=session.settings.is_on("pager"), cancel=cancel)
    if look.note:
        session.say(look.note)
    session.tell(answer.run)
    gone = next(ask_case(case, _GONE, here).rows())
    parts = [counted(answer.run.matched, "finding")]
    if gone:
        parts.append(f"{gone:,} gone since an earlier run")
    if answer.run.matched:
        parts.append("`.findings ID` tells all about one")
    session.quietly("; ".join(parts))


def mark(session: Session, text: str) -> None:
    """Say what people think of findings."""
    words = list(_WORD.finditer(text))
    numbers = []
    while words and words[0][0].strip(",").replace(",", "").isdecimal():
        for part in words.pop(0)[0].split(","):
            numbers += [_number(part, text)] if part else []
    if not numbers or not words:
        raise QueryError(f"Mark what as what? {usages.MARK.text}", hint=_choices())
    if len(numbers) > MOST_MARKED:
        raise QueryError(f"At most {MOST_MARKED:,} are marked at once.", hint="Mark some of them.")
    if session.case is None:
        raise QueryError("Marks are kept in a case, and none is open.", hint=_OPEN)
    status, note = words[0][0], text[words[0].end() :].strip()
    if _QUOTED.fullmatch(note):
        note = note[1:-1]
    session.case.mark(numbers, status, note or None)
    _read_anew(session)
    session.quietly(f"{counted(len(numbers), 'finding')} marked as {status}")


def case(session: Session, text: str) -> None:
    """Open a case, or tell which one is open."""
    name = _unquoted(text.strip())
    if name:
        opened = Case(Path(name).expanduser(), create=True)
        session.keep_findings(opened)
        if isinstance(session.image, OpenCase):
            session.open(OpenCase(opened, session.progress()))
    if session.case is None:
        raise QueryError("No case is open.", hint="`.case FILE` opens one, or makes it.")
    all_, here = session.case.count(), session.case.count(session.fingerprint)
    of_dump = f", {here:,} in this dump" if session.fingerprint else ""
    session.say(f"case {session.case.name}: {counted(all_, 'finding')}{of_dump}")


def merge_case(session: Session, text: str) -> None:
    """Put another case into the one that is open."""
    name = _unquoted(text.strip())
    if not name:
        raise QueryError("Merge which case?", hint="Such as `.merge colleague.case`.")
    if session.case is None:
        raise QueryError("No case is open.", hint="`.case FILE` opens one, or makes it.")
    with Case(Path(name).expanduser()) as other:
        merged = merge(session.case, other, session.progress())
    _read_anew(session)
    for line in merged.told(session.case.name):
        session.say(line)


def _read_anew(session: Session) -> None:
    """What has changed is also asked, if a case is open by itself."""
    if isinstance(session.image, OpenCase):
        session.image.kernel.forget()
        session.conversation.forget()


# One finding


def _show(session: Session, case: Case, number: int) -> None:
    found, width = case.finding(number), session.look().width
    session.page(part for line in _lines(found) for part in _broken(line, width))
    if not found.query or found.fingerprint != session.fingerprint:
        return
    try:
        bound = session.conversation.bind_apart(found.query)
    except QueryError as error:
        session.say(f"the rule's query cannot be asked here: {error.message}")
        return
    name = session.conversation.name_result(bound)
    session.quietly(f"`{name}` is the rule's query, without its filters; `_` asks it, too")


def _lines(found: Kept) -> Iterator[str]:
    """Yield all that is known of a finding."""
    yield f"{found.title}"
    yield f"finding {found.number}, {found.status}" + (f": {found.note}" if found.note else "")
    yield f"found in {found.image}"
    yield f"level {found.level}, rule {found.rule}, version {found.version}"
    if found.description:
        yield ""
        yield from found.description.strip().splitlines()
    if found.falsepositives:
        yield ""
        yield "harmless, and found all the same:"
        yield from (f"  {one}" for one in found.falsepositives)
    yield ""
    yield "evidence:"
    yield from (f"  {line}" for line in _indented(found.evidence))
    if found.query:
        yield ""
        yield "query:"
        yield from (f"  {line}" for line in found.query.splitlines())


def _broken(line: str, width: int | None) -> list[str]:
    """Return a line as those of a width, all as far in as it is."""
    line = clean(line)
    return wrapped(line, width, len(line) - len(line.lstrip(" ")))


def _indented(evidence: Any) -> list[str]:
    """Return evidence as lines, a column each."""
    if isinstance(evidence, dict) and evidence:
        columns = dict(_columns(evidence))
        longest = min(max(map(len, columns)), _LONGEST_NAME)
        return [f"{name:{longest}}  {_value(value)}" for name, value in columns.items()]
    return [_value(evidence)]


def _columns(evidence: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what a row has, and for what it belongs to, such as a process, each value of that."""
    for name, value in evidence.items():
        if isinstance(value, dict) and value:
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def _value(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:  # a stranger's, which could just be read
        return "nested too deeply to be shown"
    return clean_json(text)


# What is entered


def _asked(text: str) -> _Asked:
    """Read paths and options, each of which may stand in quotes."""
    words = [(_unquoted(found[0]), found.span()) for found in _WORD.finditer(text)]
    given: dict[str, list[str]] = {name: [] for name in usages.PLAYBOOK.options}
    paths: list[str] = []
    left = iter(words)
    for word, (start, end) in left:
        if not word.startswith("--"):
            paths.append(str(Path(word).expanduser()))
            continue
        name, sign, value = word.partition("=")
        if name not in given:
            near = hints.did_you_mean(hints.nearest(name, given)) or usages.PLAYBOOK.text
            raise QueryError(f"There is no option {name}.", text, Span(start, end), near)
        value = value if sign else next(left, ("", (0, 0)))[0]
        if not value:
            raise QueryError(f"{name} needs a value.", text, Span(start, end), usages.PLAYBOOK.text)
        given[name].append(value)
    if not paths:
        raise QueryError("Run which rules?", hint="Such as `.playbook default`, or a path.")
    level = given["--level"][-1] if given["--level"] else None
    parameters = dict(map(parameter_of, given["--let"]))
    return _Asked(tuple(paths), level, tuple(given["--tag"]), parameters)


def _number(word: str, text: str) -> int:
    """Return the number of a finding; one that is no number is refused."""
    if word.isdecimal() and len(word) <= 18:
        return int(word)
    start = text.find(word)
    span = Span(start, start + len(word))
    raise QueryError(f"`{word}` is no number of a finding.", text, span, "`.findings` lists them.")


def _unquoted(text: str) -> str:
    """Return a text without the quotes of its parts."""
    return _QUOTES.sub(lambda found: found[1] if found[1] is not None else found[2], text)


def _choices() -> str:
    *others, last = STATUSES
    return f"A status is {', '.join(others)} or {last}."
