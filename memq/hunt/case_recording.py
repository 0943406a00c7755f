"""What the rules of one run find -> a case, rule by rule, and what of it is new.

Each rule is a transaction of its own: two processes may keep findings in one case, and what a run
has found before it is killed is kept.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from memq.errors import CaseError
from memq.hunt.case_file import STATUSES, status_of
from memq.hunt.heading import written
from memq.hunt.keys import keys_of
from memq.output.humane import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memq.hunt.case_file import CaseFile
    from memq.hunt.identity import Identity
    from memq.hunt.rule import Rule
    from memq.hunt.running import Finding

STATES = ("finished", "stopped", "unfinished")
"""How a run can end; one that was killed has not, and one that is not at its end yet neither."""
MOST_EVIDENCE_TEXT = 64 << 10
"""Characters of one finding's evidence that are kept."""
_MOST_OF_COLUMN = 4 << 10
"""Characters of one column, where all of them are too many."""
_MOST_TEXT = 16 << 10
"""Characters of any other text, such as a rule's description."""
_TOO_LONG = "too long for a case"


def evidence_text(row: Any) -> str:
    """Return a row as JSON, as it is kept: what is too long is left out, which it says."""
    text = json.dumps(row, ensure_ascii=False)
    if len(text) <= MOST_EVIDENCE_TEXT:
        return bounded(text, MOST_EVIDENCE_TEXT)
    columns: Mapping[str, Any] = row if isinstance(row, dict) else {"value": row}
    sizes = {name: len(json.dumps(value)) for name, value in columns.items()}
    large = [name for name, size in sizes.items() if size > _MOST_OF_COLUMN]
    kept = {name: None if name in large else value for name, value in columns.items()}
    said = columns.get("_unknown")
    unknown = (said if isinstance(said, dict) else {}) | dict.fromkeys(large, _TOO_LONG)
    text = json.dumps(kept | {"_unknown": unknown}, ensure_ascii=False)
    if len(text) > MOST_EVIDENCE_TEXT:
        text = json.dumps({"_unknown": {"evidence": _TOO_LONG}})
    return bounded(text, MOST_EVIDENCE_TEXT)


def bounded(text: str, most: int = _MOST_TEXT) -> str:
    """Return a text that a file can hold: not longer, and without halves of characters."""
    return text[:most].encode("utf-8", "backslashreplace").decode()


def query_of(rule: Rule, system: str, given: Mapping[str, str]) -> str:
    """Return a rule's query as it was asked, without its filters; none for another system."""
    query = rule.queries.get(system)
    values = written(rule.defaults)
    values |= {name: value for name, value in given.items() if name in values}
    lets = (f"let {name} = {value};\n" for name, value in values.items())
    return "" if query is None else "".join((*lets, query.strip()))


class Recording:
    """One run as it is kept."""

    def __init__(self, file: CaseFile, run: int, image: int, identity: Identity) -> None:
        """`image` is its number in the file."""
        self.file = file
        self.run = run
        self.image = image
        self.identity = identity
        self.new = self.gone = self.unknown = 0
        """Findings that no run before had; that the runs before had, and this one has not; and
        those of which this run does not say whether they are there."""
        self.seen: Counter[str] = Counter()
        """Findings that a run before had, by their status."""
        self.failure: CaseError | None = None
        """Why no more could be kept."""

    def kept(self, findings: Iterable[Finding], given: Mapping[str, str]) -> Iterator[Finding]:
        """Yield findings, each of them kept; where that fails, the others are yielded all the same.

        `given` are the run's parameters. The failure is to be raised in the end: `end` does.
        """
        for finding in findings:
            if self.failure is None:
                try:
                    self.keep(finding, query_of(finding.rule, self.identity.system, given))
                except CaseError as error:
                    self.failure = error
            yield finding

    def keep(self, finding: Finding, query: str = "") -> None:
        """Keep what one rule found, all of it or nothing."""
        before = self.new, self.gone, self.unknown, self.seen.copy()
        try:
            with self.file.change():
                rule = self._rule(finding.rule, query)
                rows = len(finding.evidence) + finding.more
                row = (finding.outcome, rows, finding.undecided, bounded(finding.reason))
                self.file.write(_OUTCOME, self.run, rule, *row)
                keys = keys_of(finding, self.identity.fingerprint)
                for key, row in zip(keys, finding.evidence, strict=True):
                    self._keep_row(key, rule, row)
                self._look_for_gone(finding)
        except CaseError:
            self.new, self.gone, self.unknown, self.seen = before
            raise

    def end(self, *, is_stopped: bool) -> None:
        """Say that the run has ended; raises what has kept anything from being written."""
        if self.failure is None:
            state = "stopped" if is_stopped else "finished"
            with self.file.change():
                self.file.write(_END, int(time.time()), state, self.run)
            return
        raise CaseError(f"{self.failure}; run {self.run} was kept up to there") from self.failure

    def told(self) -> str:
        """Say in a line what is new."""
        seen = sum(self.seen.values())
        marked = [name for name in STATUSES[1:] if self.seen[name]]
        marks = [f"{self.seen[name]:,} {name.replace('-', ' ')}" for name in marked]
        parts = [f"{self.new:,} new", f"{seen:,} seen before"]
        if marks:
            parts[-1] += f" ({', '.join(marks)})"
        if self.gone:
            parts.append(f"{self.gone:,} gone")
        if self.unknown:
            parts.append(f"{self.unknown:,} not known now")
        total = counted(self.new + seen, "finding")
        return f"case {self.file.name}: run {self.run:,}, {total}: {', '.join(parts)}"

    # What is written

    def _rule(self, rule: Rule, query: str) -> int:
        """Return the number of a rule as it is run; one that was changed is another one."""
        texts = [rule.title, rule.level, _listed(rule.tags), rule.description]
        texts += [_listed(rule.falsepositives), query]
        return rule_number(self.file, [rule.id, rule.version, *map(bounded, texts)])

    def _keep_row(self, key: str, rule: int, row: Any) -> None:
        status = self.file.one(_STATUS, key)
        if status is None:
            self.new += 1
            self.file.write(_NEW, key, self.image, rule, evidence_text(row), self.run, self.run)
        else:
            self.seen[status_of(status)] += 1
            self.file.write(_SEEN, rule, self.run, key)

    def _look_for_gone(self, finding: Finding) -> None:
        """Count what runs before had and this one has not; only a whole answer says it is gone."""
        which = (self.image, finding.rule.id, self.run)
        if is_whole(finding):
            self.gone += self.file.write(_GONE, self.run, *which).rowcount
        else:
            self.unknown += int(self.file.one(_NOT_MET, *which))


def is_whole(finding: Finding) -> bool:
    """Whether what a rule has not found is not there."""
    return finding.outcome in ("match", "clean") and not finding.is_cut


def rule_number(file: CaseFile, values: Sequence[object]) -> int:
    """Return the number of a rule in a file, where it is put if it is not there.

    `values` are its id, version, title, level, tags, description, falsepositives and query.
    """
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    file.write(_RULE, digest, *values)
    return int(file.one(_RULE_OF, digest))


def _listed(texts: Iterable[str]) -> str:
    """Return texts as a list in JSON that is short enough to stay one."""
    kept: list[str] = []
    size = 0
    for text in texts:
        size += len(json.dumps(text, ensure_ascii=False)) + 2
        if size > _MOST_TEXT - 2:
            break
        kept.append(text)
    return json.dumps(kept, ensure_ascii=False)


_OUTCOME = "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)"
_END = "UPDATE runs SET ended = ?, state = ? WHERE number = ?"
_RULE = """INSERT INTO rules (digest, id, version, title, level, tags, description,
falsepositives, query) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING"""
_RULE_OF = "SELECT number FROM rules WHERE digest = ?"
_STATUS = "SELECT status FROM findings WHERE key = ?"
_NEW = """INSERT INTO findings
(key, image, rule, evidence, first_run, last_run, status, note)
VALUES (?, ?, ?, ?, ?, ?, 'new', '')"""
_SEEN = """UPDATE findings SET rule = ?, last_run = max(last_run, ?), gone_run = NULL
WHERE key = ?"""
_GONE = """UPDATE findings SET gone_run = ? WHERE image = ?
AND rule IN (SELECT number FROM rules WHERE id = ?) AND last_run < ? AND gone_run IS NULL"""
_NOT_MET = """SELECT count(*) FROM findings WHERE image = ?
AND rule IN (SELECT number FROM rules WHERE id = ?) AND last_run < ? AND gone_run IS NULL"""
