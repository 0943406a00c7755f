"""The objects of a case, as the query language asks for them: `finding`, `run`, `outcome`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Column, text_column
from memq.errors import Reason
from memq.hunt.attack import TAG_PREFIX
from memq.hunt.case_file import STATUSES, parsed, status_of
from memq.hunt.case_recording import STATES
from memq.hunt.case_rows import numbers_of
from memq.hunt.reports.evidence import named_cells
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import OUTCOMES
from memq.schema.batch import Context, Cut, ObjectType, Portion
from memq.schema.declare import System, field
from memq.schema.kinds import Boolean, Number, Size, String, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.column import Text
    from memq.hunt.case_rows import C, Rows


class CaseObject(ObjectType, identity=("place",)):
    """A batch of rows of a case; `place` is where each stands among those that were read."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give all rows, in the order of their numbers."""
        rows: Rows = context.kernel.of(cls.type_name)
        cut = Cut(Reason.LIMIT, f"only {len(rows):,} of the case are read") if rows.is_cut else None
        yield Portion(cls(context, {"place": np.arange(len(rows))}), cut)

    def _made(self, key: str, make: Callable[[Rows], C]) -> C:
        """Return a column of these rows; that of all rows is made once."""
        rows: Rows = self.context.kernel.of(self.type_name)
        return rows.kept(key, lambda: make(rows)).take(self.rows["place"])

    def _text(self, name: str, change: Callable[[str], str | None] | None = None) -> Text:
        return self._made(name, lambda rows: rows.text(name, change))

    def _number(self, name: str) -> Column:
        return self._made(name, lambda rows: rows.number(name))

    def _time(self, name: str) -> Column:
        return self._made(name, lambda rows: rows.time(name))

    # What all of them know of the image

    @field()
    def image(self) -> String:
        """Name of the dump's file, as it was called last."""
        return self._text("name")

    @field()
    def fingerprint(self) -> String:
        """What tells the dump from another, whatever its file is called: 64 digits."""
        return self._text("fingerprint")


class CaseFinding(
    CaseObject,
    name="finding",
    principal="finding_object",
    example='finding.Where(status == "new" && level == "high").Select([id, rule, evidence])',
):
    """One row of evidence that a rule has found in a dump."""

    @field(shown=True)
    def id(self) -> Number:
        """Its number in this case, which `.mark` takes."""
        return self._number("id")

    @field(shown=True, choices=STATUSES)
    def status(self) -> String:
        """What people think of it; `new`, as long as nobody has marked it."""
        return self._text("status", status_of)

    @field(shown=True, choices=LEVELS)
    def level(self) -> String:
        """How bad it is, as the rule says."""
        return self._text("level")

    @field()
    def severity(self) -> Number:
        """The level as a number, to order by: 0 for informational to 4 for critical."""
        return self._made(
            "severity", lambda rows: numbers_of([*map(_severity, rows.values("level"))])
        )

    @field(shown=True)
    def rule(self) -> String:
        """Title of the rule, as it was when it found this last."""
        return self._text("title")

    @field()
    def rule_id(self) -> String:
        """The rule's id, whatever its title becomes."""
        return self._text("rule_id")

    @field()
    def rule_version(self) -> Number:
        """Version of the rule that found this last."""
        return self._number("version")

    @field()
    def techniques(self) -> String:
        """Ids of ATT&CK's techniques that the rule is about, such as `T1055, T1014`."""
        return self._made("techniques", lambda rows: rows.text("tags", _techniques))

    @field()
    def tactics(self) -> String:
        """Short names of ATT&CK's tactics that the rule is about, such as `persistence`."""
        return self._made("tactics", lambda rows: rows.text("tags", _tactics))

    @field(shown=True)
    def evidence(self) -> String:
        """The row that was found, as JSON."""
        return self._text("evidence")

    @field()
    def summary(self) -> String:
        """The row in short: its values side by side, what names a process first."""
        return self._made("summary", lambda rows: rows.text("evidence", _summary))

    @field()
    def pid(self) -> Number:
        """Number of the process, where the evidence names one: `pid`, or `process.pid`."""
        return self._made("pid", lambda rows: numbers_of(list(_of_evidence(rows, "pid", int))))

    @field()
    def name(self) -> String:
        """Name of the process: `process`, `process.name` or `name`; of other things, their own."""
        return self._made(
            "in evidence", lambda rows: text_column(list(_of_evidence(rows, "name", str)))
        )

    @field()
    def note(self) -> String:
        """What somebody wrote when it was marked."""
        return self._text("note", lambda text: text or None)

    @field()
    def marked(self) -> Time:
        """When it was marked."""
        return self._time("marked")

    @field()
    def first_run(self) -> Number:
        """Number of the run that found it first."""
        return self._number("first_run")

    @field()
    def last_run(self) -> Number:
        """Number of the run that found it last."""
        return self._number("last_run")

    @field()
    def first_seen(self) -> Time:
        """When the run began that found it first."""
        return self._time("first_seen")

    @field()
    def last_seen(self) -> Time:
        """When the run began that found it last."""
        return self._time("last_seen")

    @field()
    def is_new(self) -> Boolean:
        """Whether the latest run on this dump was the first one to find it."""
        first, latest = self._number("first_run"), self._number("latest_run")
        return Column(first.values == latest.values, first.also(latest.status).status)

    @field()
    def is_gone(self) -> Boolean:
        """Whether its rule looked at all of this dump later, and did not find it again."""
        return Column(self._number("gone_run").known)

    @field()
    def system(self) -> String:
        """System of the dump: linux or windows."""
        return self._text("system")

    @field()
    def host(self) -> String:
        """Name of the machine that was dumped."""
        return self._text("host", lambda text: text or None)


class CaseRun(CaseObject, name="run", principal="run_object", example="run"):
    """One run of rules on a dump."""

    @field(shown=True)
    def id(self) -> Number:
        """Its number in this case."""
        return self._number("id")

    @field(shown=True)
    def began(self) -> Time:
        """When it began."""
        return self._time("began")

    @field()
    def ended(self) -> Time:
        """When it ended; none where it was killed, or is not at its end yet."""
        return self._time("ended")

    @field(shown=True, choices=STATES)
    def state(self) -> String:
        """How it ended: finished, stopped by somebody, or not at all."""
        return self._text("state")

    @field()
    def memq_version(self) -> String:
        """Version of memq that ran it."""
        return self._text("memq")

    @field()
    def attack_version(self) -> String:
        """Version of ATT&CK that its rules were checked against."""
        return self._text("attack")

    @field()
    def parameters(self) -> String:
        """Values that parameters of rules were given, as JSON."""
        return self._text("parameters")

    @field(shown=True)
    def image(self) -> String:
        """Name of the dump's file, as it was called last."""
        return self._text("name")

    @field()
    def image_format(self) -> String:
        """Format of the dump's file."""
        return self._text("format")

    @field()
    def size(self) -> Size:
        """Bytes of memory in the dump."""
        return self._number("size")

    @field()
    def system(self) -> String:
        """System of the dump: linux or windows."""
        return self._text("system")

    @field()
    def release(self) -> String:
        """Release of its kernel."""
        return self._text("release", lambda text: text or None)

    @field(shown=True)
    def host(self) -> String:
        """Name of the machine that was dumped."""
        return self._text("host", lambda text: text or None)

    @field()
    def taken(self) -> Time:
        """When the dump was taken, by the machine's own clock."""
        return self._made("taken", lambda rows: rows.moment("taken"))


class CaseOutcome(
    CaseObject,
    name="outcome",
    principal="outcome_object",
    example='outcome.Where(result in ["undecided", "skipped"]).Select([run, rule, reason])',
):
    """What one rule ended in, in one run."""

    @field(shown=True)
    def run(self) -> Number:
        """Number of the run."""
        return self._number("run")

    @field(shown=True, choices=OUTCOMES)
    def result(self) -> String:
        """What the rule ended in."""
        return self._text("outcome")

    @field(shown=True)
    def rule(self) -> String:
        """Title of the rule."""
        return self._text("title")

    @field()
    def rule_id(self) -> String:
        """The rule's id."""
        return self._text("rule_id")

    @field()
    def rule_version(self) -> Number:
        """Version of the rule that was run."""
        return self._number("version")

    @field(choices=LEVELS)
    def level(self) -> String:
        """How bad a match is, as the rule says."""
        return self._text("level")

    @field()
    def matched(self) -> Number:
        """Rows that it has found, those that were not kept among them."""
        return self._number("rows")

    @field()
    def undecided(self) -> Number:
        """Elements that could not be decided."""
        return self._number("undecided")

    @field(shown=True)
    def reason(self) -> String:
        """Why it was skipped, or what could not be decided."""
        return self._text("reason", lambda text: text or None)


CASE = System(
    "case",
    {one.type_name: one for one in (CaseFinding, CaseRun, CaseOutcome)},
    "a case",
)
"""What a case can be asked for, as a system declares it."""


def _severity(level: Any) -> int | None:
    return LEVELS.index(level) if level in LEVELS else None


def _names(tags: str) -> list[str]:
    """Return what the tags of ATT&CK name; of what is no list of tags, nothing."""
    found = parsed(tags)
    texts = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [one.removeprefix(TAG_PREFIX) for one in texts if one.startswith(TAG_PREFIX)]


def _techniques(tags: str) -> str | None:
    # A technique's id has digits, and a tactic's name has none.
    found = [name.upper() for name in _names(tags) if name[:1] == "t" and name[1:5].isdecimal()]
    return ", ".join(found) or None


def _tactics(tags: str) -> str | None:
    return ", ".join(name for name in _names(tags) if not name[1:5].isdecimal()) or None


def _summary(evidence: str) -> str | None:
    row = parsed(evidence)
    try:
        cells = dict(named_cells(row)) if isinstance(row, dict) else {}
    except RecursionError:  # a stranger's may be nested deeply
        cells = {}
    first = [name for name in _FIRST if name in cells]
    texts = [cells[name].worded for name in dict.fromkeys((*first, *cells))]
    return " ".join(filter(None, texts)) or evidence or None


_FIRST = ("pid", "process.pid", "name", "process", "process.name")
"""Columns of evidence that are to be seen first."""


def _of_evidence(rows: Rows, name: str, type_: type) -> Iterator[Any]:
    """Yield a column of the evidence of each finding, where it has one of this type.

    What a process owns has the process in a record of its own: that one is asked.
    """
    for text in rows.values("evidence"):
        row = parsed(text)
        owner = row.get("process") if isinstance(row, dict) else None
        if name == "name" and isinstance(owner, str):
            yield owner
            continue
        asked = owner if isinstance(owner, dict) else row
        value = asked.get(name) if isinstance(asked, dict) else None
        yield value if type(value) is type_ else None
