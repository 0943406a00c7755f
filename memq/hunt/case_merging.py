"""The findings, runs and marks of another case -> a case; what two people see otherwise is told.

The other case may come from a stranger: of each value is taken what its column may hold. All of it
is merged, or nothing.
"""

from __future__ import annotations

import re
from dataclasses import field
from itertools import islice
from typing import TYPE_CHECKING, Any

from memq.errors import CaseError
from memq.hunt.case_file import STATUSES, number_of, status_of, text_of
from memq.hunt.case_recording import MOST_EVIDENCE_TEXT, STATES, bounded, rule_number
from memq.hunt.case_rows import MOST_ROWS
from memq.node import dataclass
from memq.output.humane import counted
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.hunt.case import Case

_KEY = re.compile("[0-9a-f]{64}")
_SHOWN = 20
"""Differences that are told one by one."""
_MOST_SHOWN = 200
"""Characters of a note where it is told."""
_OFTEN = 1024
"""Findings after which is said how far it has come."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What somebody thinks of a finding."""

    status: str
    note: str
    marked: int | None

    @property
    def is_set(self) -> bool:
        """Whether anybody has looked."""
        return self.status != STATUSES[0]

    @property
    def told(self) -> str:
        """The mark in words."""
        note = self.note if len(self.note) <= _MOST_SHOWN else f"{self.note[:_MOST_SHOWN]}…"
        return f'{self.status} ("{" ".join(note.split())}")' if note else self.status


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding of which two people think otherwise; the mark that is here stays."""

    number: int
    title: str
    here: Mark
    there: Mark


@dataclass(slots=True)
class Merged:
    """What came of it."""

    name: str
    """Of the other case."""
    new: int = 0
    """Findings that were not here."""
    known: int = 0
    marks: int = 0
    """Marks that were taken over for findings that were here, and not marked."""
    left_out: int = 0
    """Rows of the other case that are no findings: what they speak of is not there."""
    differing: list[Difference] = field(default_factory=list)

    def told(self, case: str) -> Iterator[str]:
        """Yield lines that say it, of a case of this name."""
        total = counted(self.new + self.known, "finding")
        parts = [f"{self.new:,} new", f"{self.known:,} here before"]
        parts += [f"{counted(self.marks, 'mark')} taken over"] if self.marks else []
        count = len(self.differing)
        if count:
            stays = "differs, and stays as it is here" if count == 1 else "differ, and stay as here"
            parts.append(f"{counted(count, 'mark')} {stays}")
        if self.left_out:
            parts.append(f"{counted(self.left_out, 'row')} left out, of no known dump or rule")
        yield f"case {case}: merged {self.name}, {total}: {', '.join(parts)}"
        for one in self.differing[:_SHOWN]:
            said = f"{one.here.told} here, {one.there.told} there"
            yield f"finding {one.number}, {one.title}: {said}"
        if count > _SHOWN:
            yield f"and {counted(count - _SHOWN, 'more difference')}"


def merge(case: Case, other: Case, progress: Progress | None = None) -> Merged:
    """Put what stands in another case into a case; CaseError if it cannot be.

    What is there of both is one: a dump of the same fingerprint, a run that began in the same
    second with the same parameters, a finding of the same key.
    """
    paths = [one.file.path for one in (case, other)]
    if paths[0] and paths[1] and paths[0].exists() and paths[0].samefile(paths[1]):
        raise CaseError(f"{other.name} is this very case: name the other one")
    shown = progress or Progress()
    with shown.step(f"merging {other.name}"), case.file.change():
        return _Merge(case, other, shown).all()


class _Merge:
    """Numbers of the other file -> those of this one."""

    def __init__(self, case: Case, other: Case, progress: Progress) -> None:
        self._here, self._there = case.file, other.file
        self._progress = progress
        self._images: dict[Any, int] = {}
        self._runs: dict[Any, int] = {}
        self._rules: dict[Any, int] = {}
        self._merged = Merged(other.name)

    def all(self) -> Merged:
        """Merge everything, what others speak of first."""
        for row in self._rows(_IMAGES):
            self._image(*row)
        for row in self._rows(_RULES):
            self._rule(*row)
        for row in self._rows(_RUNS):
            self._run(*row)
        for row in self._rows(_OUTCOMES):
            self._outcome(*row)
        for count, row in enumerate(self._rows(_FINDINGS)):
            if count % _OFTEN == 0:
                self._progress.tick(0, 0)
            self._finding(*row)
        return self._merged

    def _rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        yield from islice(found := self._there.read(sql), MOST_ROWS)
        if next(found, None) is not None:
            raise CaseError(f"{self._there.name} has too many rows to be merged; split it")

    def _image(self, number: Any, fingerprint: Any, size: Any, *texts: Any) -> None:
        if _KEY.fullmatch(text_of(fingerprint)):
            self._here.write(_NEW_IMAGE, fingerprint, number_of(size), *map(_text, texts))
            self._images[number] = self._here.one(_IMAGE_OF, fingerprint)

    def _rule(self, number: Any, version: Any, id_: Any, *texts: Any) -> None:
        known = [bounded(text_of(text)) for text in texts]
        self._rules[number] = rule_number(
            self._here, [bounded(text_of(id_)), number_of(version), *known]
        )

    def _run(self, number: Any, image: Any, began: Any, ended: Any, state: Any, *more: Any) -> None:
        """A run may have been merged before, and may have ended since then."""
        started, here = number_of(began), self._images.get(image)
        if here is None or started is None:
            return
        what = (here, started, *map(_text, more))
        found = self._here.one(_RUN_OF, *what)
        end = number_of(ended), state if state in STATES else STATES[-1]
        if found is None:
            found = self._here.write(_NEW_RUN, *what, *end).lastrowid
        else:
            self._here.write(_END, *end, found)
        self._runs[number] = int(found or 0)

    def _outcome(self, run: Any, rule: Any, outcome: Any, rows: Any, doubts: Any, why: Any) -> None:
        if run in self._runs and rule in self._rules:
            numbers = number_of(rows), number_of(doubts)
            said = bounded(text_of(outcome)), *numbers, _text(why)
            self._here.write(_OUTCOME, self._runs[run], self._rules[rule], *said)

    # Findings

    def _finding(
        self, key: Any, image: Any, rule: Any, first: Any, last: Any, gone: Any, *rest: Any
    ) -> None:
        runs = [self._runs.get(one) for one in (first, last, gone)]
        known = self._images.get(image), self._rules.get(rule)
        if None in (*known, *runs[:2]) or not _KEY.fullmatch(text_of(key)):
            self._merged.left_out += 1
            return
        evidence, status, note, marked = rest
        mark = Mark(status_of(status), bounded(text_of(note)), number_of(marked))
        here = next(self._here.read(_FINDING_OF, key), None)
        if here is None:
            self._merged.new += 1
            text = bounded(text_of(evidence), MOST_EVIDENCE_TEXT)
            self._here.write(_NEW, key, *known, text, *runs, *_values(mark))
        elif here[0] == known[0]:
            self._merged.known += 1
            self._known(here[1:], mark, known[1], runs)
        else:  # a key speaks of one dump only: this one was made up
            self._merged.left_out += 1

    def _known(self, here: Any, there: Mark, rule: Any, runs: Any) -> None:
        """Merge a finding that both have: what a later run says counts."""
        number, title, last, gone, status, note, marked = here
        latest = max(last, runs[1])
        self._here.write(_SEEN, latest, rule, latest, self._gone(last, gone, runs), number)
        own = Mark(status_of(status), text_of(note), number_of(marked))
        if not there.is_set or (own.status, own.note) == (there.status, there.note):
            return
        if not own.is_set or (own.status == there.status and not own.note):
            self._merged.marks += 1
            self._here.write(_MARK, *_values(there), number)
        elif own.status != there.status or there.note:
            self._merged.differing.append(Difference(number, text_of(title), own, there))

    def _gone(self, last: Any, gone: Any, runs: Any) -> Any:
        """Return the run that did not find it again, if none has found it since that one."""
        if gone == runs[2] or (gone and runs[2]):
            return max(gone or 0, runs[2] or 0) or None
        was, found = (gone, runs[1]) if gone else (runs[2], last)
        return was if self._began(was) >= self._began(found) else None

    def _began(self, run: Any) -> int:
        return number_of(self._here.one("SELECT began FROM runs WHERE number = ?", run)) or 0


def _text(value: Any) -> str | None:
    return bounded(value) if isinstance(value, str) else None


def _values(mark: Mark) -> tuple[str, str, int | None]:
    return mark.status, mark.note, mark.marked


_IMAGES = "SELECT number, fingerprint, size, name, format, system, release, host, taken FROM images"
_RULES = """SELECT number, version, id, title, level, tags, description, falsepositives, query
FROM rules"""
_RUNS = """SELECT number, image, began, ended, state, memq, attack, parameters FROM runs
ORDER BY number"""
_OUTCOMES = "SELECT run, rule, outcome, rows, undecided, reason FROM outcomes"
_FINDINGS = """SELECT key, image, rule, first_run, last_run, gone_run, evidence, status, note,
marked FROM findings ORDER BY number"""
_NEW_IMAGE = """INSERT INTO images
(fingerprint, size, name, format, system, release, host, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO NOTHING"""
_IMAGE_OF = "SELECT number FROM images WHERE fingerprint = ?"
_RUN_OF = """SELECT number FROM runs
WHERE image = ? AND began = ? AND memq IS ? AND attack IS ? AND parameters IS ?"""
_NEW_RUN = """INSERT INTO runs (image, began, memq, attack, parameters, ended, state)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
_END = "UPDATE runs SET ended = ?, state = ? WHERE number = ? AND state = 'unfinished'"
_OUTCOME = """INSERT INTO outcomes (run, rule, outcome, rows, undecided, reason)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, rule) DO NOTHING"""
_FINDING_OF = """SELECT image, findings.number, title, last_run, gone_run, status, note, marked
FROM findings LEFT JOIN rules ON rules.number = findings.rule WHERE key = ?"""
_NEW = """INSERT INTO findings
(key, image, rule, evidence, first_run, last_run, gone_run, status, note, marked)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SEEN = """UPDATE findings SET rule = CASE WHEN last_run < ? THEN ? ELSE rule END, last_run = ?,
gone_run = ? WHERE number = ?"""
_MARK = "UPDATE findings SET status = ?, note = ?, marked = ? WHERE number = ?"
