"""Rules on a dump -> what each of them found.

All rules share what was read: objects that one has walked are there for the next.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Column
from memq.errors import Cancelled, MemqError, QueryError, Reason
from memq.eval.conversation import Conversation
from memq.eval.pipeline import Script
from memq.hunt.binding import RuleBinder
from memq.node import dataclass
from memq.os.systems import SYSTEMS
from memq.output import json
from memq.output.humane import is_shortened
from memq.printing import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memq.eval.plan import Plan
    from memq.hunt.rule import Rule
    from memq.image import Image
    from memq.lang.ast import Expression
    from memq.output.records import Records
    from memq.run import Run
    from memq.schema.kinds import Kind

OUTCOMES = ("match", "undecided", "skipped", "clean")
"""What a rule can end in, what people look at first before the others."""
MOST_EVIDENCE = 1000
"""Rows of a rule that are kept; the others are counted."""
_MOST_TEXT = 64 << 20
"""Characters in these: the row with which there are more is the last that is kept."""
_MOST_TOLD = 6
"""Sentences of a reason: a damaged dump can have a note for each of its processes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found."""

    rule: Rule
    outcome: str
    """One of OUTCOMES."""
    reason: str = ""
    """Why it was skipped, what could not be decided, and what else was cut short."""
    evidence: tuple[Any, ...] = ()
    """The first rows, as JSON output has them."""
    more: int = 0
    """How many rows there are besides."""
    undecided: int = 0
    """Elements that could not be decided."""
    is_cut: bool = False
    """Whether there may be rows that are not in the evidence: not looked at, or not kept."""
    kinds: Mapping[str, Kind] = MappingProxyType({})
    """Columns of the evidence that hold sizes, times or durations, and which of these."""


def run_playbook(
    rules: Sequence[Rule],
    image: Image,
    run: Run,
    parameters: Mapping[str, Expression] | None = None,
) -> Iterator[Finding]:
    """Yield a finding for every rule, in their order.

    `parameters` go before the defaults of the rules that have such. Whoever sets `run.cancelled`
    has the rest skipped; the counters of the run are those of the rule of the moment.
    """
    runner = _Runner(image, run, parameters or {})
    for number, rule in enumerate(rules, 1):
        with image.progress.step(f"rule {number:,} of {len(rules):,}, {rule.title}"):
            finding = runner.finding(rule)
        yield finding


class _Runner:
    """Runs one rule after the other; what was read of the dump is kept."""

    def __init__(self, image: Image, run: Run, parameters: Mapping[str, Expression]) -> None:
        self.image = image
        self.run = run
        self.parameters = parameters
        self.binder = RuleBinder()
        self.conversation = Conversation(image.system, image.kernel, self.binder.parser)
        self._kinds: dict[str, Kind] = {}
        """Of the columns of the rule that runs: see Finding.kinds."""
        self._missing: dict[str, str] = {}
        """For each requirement why it is not met; empty where it is."""

    def finding(self, rule: Rule) -> Finding:
        """Run a rule, unless it is to be skipped."""
        try:
            self._begin()
            why = self._why_not(rule)
            return Finding(rule, "skipped", why) if why else self._found(rule)
        except Exception as error:  # noqa: BLE001 - one fault of ours must not end all other rules
            return Finding(rule, "skipped", _in_words(error))

    def _begin(self) -> None:
        """Let the run count anew, and stop if somebody asked for it."""
        self.run.check()
        self.run.matched = 0
        self.run.undecided, self.run.lost, self.run.notes = Counter(), Counter(), {}

    def _why_not(self, rule: Rule) -> str:
        here = self.image.system
        if here.name not in rule.queries:
            titles = [system.title for system in SYSTEMS if system.name in rule.queries]
            return f"for {' and '.join(titles)}, and this is {here.title}"
        return next(filter(None, map(self._why_missing, rule.requires)), "")

    # What a rule requires

    def _why_missing(self, required: str) -> str:
        if required not in self._missing:
            self._missing[required] = self._missing_of(required)
            self._begin()  # what looking for it has counted is none of the rule's
        return self._missing[required]

    def _missing_of(self, required: str) -> str:
        """Why an object or a field is not there; a field is looked at in the first objects."""
        try:
            script = Script(self.image.system, self.image.kernel, required, optimize=False)
            plan = script.bind(self.binder.parser.parse(required), {})
            first = next(self.conversation.run(plan, self.run).batches(), None)
        except Cancelled:
            raise
        except MemqError as error:
            return f"requires `{required}`: {_in_words(error)}"
        if first is None:
            why = self._nowhere()
        else:
            why = Reason.NOT_IN_KERNEL.text if _is_foreign(first) else ""
        return why and f"requires `{required}`: {why}"

    def _nowhere(self) -> str:
        """Why nothing was found, if it is that the kernel is not known to have such objects."""
        notes = self.run.notes.items()
        return next((note for note, reason in notes if reason is Reason.NOT_IN_KERNEL), "")

    # Its query

    def _found(self, rule: Rule) -> Finding:
        own = rule.parameters or {}
        self._kinds = {}
        given = {name: value for name, value in self.parameters.items() if name in own}
        here = self.image.system, self.image.kernel
        try:
            plan = self.binder.rule(replace(rule, filters=()), *here, given)
            filtered = self.binder.rule(rule, *here, given) if rule.filters else None
        except QueryError as error:
            return Finding(rule, "skipped", f"does not fit this kernel: {_in_words(error)}")
        evidence, why = self._collect(plan)
        if filtered is None or not evidence:
            return self._concluded(rule, evidence, why)
        # Asked once more, with what was read: so it is known how much the filters leave out.
        before, was_cut = self.run.matched, bool(why)
        self._begin()
        evidence, why = self._collect(filtered)
        left_out = 0 if was_cut or why else before - self.run.matched
        return self._concluded(rule, evidence, why, left_out)

    def _collect(self, plan: Plan) -> tuple[list[Any], str]:
        """Pull the rows; returns why they are not all there, too, empty if they are."""
        batches = self._noted(self.conversation.run(plan, self.run).batches())
        evidence: list[Any] = []
        left = _MOST_TEXT
        try:
            # Nobody asks between these whether to stop: what was found is kept.
            for row in islice(json.parsed(batches, bare=plan.records.bare), MOST_EVIDENCE):
                evidence.append(row)
                left -= _characters(row)
                if left < 0:
                    break
            for _ in batches:  # counted by the run
                pass
        except Exception as error:
            if not evidence:
                raise
            return evidence, _in_words(error)
        return evidence, ""

    def _noted(self, batches: Iterator[Records]) -> Iterator[Records]:
        """Note which columns people are shown otherwise than programs."""
        for records in batches:
            for field in records.fields:
                if field.type is not None and is_shortened(field.type.kind):
                    self._kinds[".".join(field.path)] = field.type.kind
            yield records

    def _concluded(self, rule: Rule, evidence: list[Any], why: str, filtered: int = 0) -> Finding:
        run = self.run
        more = run.matched - len(evidence)
        said = [why] if why else []
        if more:
            said.append(f"{more:,} more rows are not shown")
        if filtered > 0:
            said.append(f"filters left out {filtered:,} row{'' if filtered == 1 else 's'}")
        said += _shortened(list(told(run)))
        outcome = "match" if evidence else "clean" if run.is_whole else "undecided"
        is_cut = bool(why or more) or not run.is_whole
        reason, undecided = "; ".join(said), sum(run.undecided.values())
        found = (rule, outcome, reason, tuple(evidence), more, undecided)
        return Finding(*found, is_cut, self._kinds)


def _is_foreign(records: Records) -> bool:
    """Whether the kernel's types have none of it."""
    columns = [column for column in records.columns if isinstance(column, Column)]
    return bool(columns) and all(
        column.status is not None and bool(np.all(column.status == Reason.NOT_IN_KERNEL))
        for column in columns
    )


def _characters(value: Any) -> int:
    """Count the characters of all texts in a row; the language bounds how deep lists go."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return sum(map(_characters, value))


def _in_words(error: Exception) -> str:
    """Return an error in one line; nobody sees the query that its places speak of."""
    if isinstance(error, Cancelled):
        return Reason.STOPPED.text
    if isinstance(error, QueryError):
        return " ".join(filter(None, (error.message, error.hint)))
    if isinstance(error, MemqError):
        told = str(error)
    else:
        told = f"memq failed, which is a fault of its own: {type(error).__name__}: {error}"
    # It may name a file, whose name may hold bytes that are no text.
    return told.encode("utf-8", "backslashreplace").decode()


def _shortened(lines: list[str]) -> list[str]:
    """Leave out all but the last, which are the counts and their reasons."""
    left_out = len(lines) - _MOST_TOLD
    return lines if left_out <= 0 else [f"{left_out:,} more notes", *lines[-_MOST_TOLD:]]
