"""Runs memq and its peers in turns, on the same dump, with the same questions; tells who agrees."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.agreement import Agreement, agreement
from benchmarks.measuring import Outcome, is_enough, run, typical
from benchmarks.peers import Memq, NoAnswerError
from benchmarks.tables import TITLES, comparison, figures, line, ratio, same_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.agreement import Row
    from benchmarks.measuring import Cost
    from benchmarks.peers import Peer
    from benchmarks.questions import Question


class Asked:
    """What came of asking one program one question, again and again."""

    def __init__(self, peer: Peer, question: Question) -> None:
        self.peer = peer
        self.question = question
        self.costs: list[Cost] = []
        self.counts: list[int] = []
        self.problem = ""
        self.is_late = False
        self.worst = Agreement(0, 0)

    def ask(self, output: Path, limit: float) -> list[Row]:
        """Ask once, and return the rows; none where it failed, which it is not asked again."""
        outcome: Outcome = run(self.peer.command(self.question), output, limit)
        self.costs.append(outcome.cost)
        self.problem, self.is_late = outcome.problem, outcome.is_late
        if self.problem:
            return []
        try:
            rows = list(self.peer.rows(self.question, output))
        except NoAnswerError as error:
            self.problem = f"failed: {error}"
            return []
        self.counts.append(len(rows))
        return rows

    def hold(self, theirs: list[Row], ours: list[Row]) -> None:
        """Hold rows to memq's of the same turn; the worst turn counts."""
        reduced = (self.peer.reduced(self.question, row) for row in ours)
        found = agreement(theirs, reduced)
        self.worst = max(self.worst, found, key=lambda one: one.missing + one.extra)

    def is_done(self, runs: int) -> bool:
        """Whether it need not be asked again."""
        return bool(self.problem) or is_enough(self.costs, runs)


def compare(
    dump: Path,
    questions: Sequence[Question],
    peers: Sequence[Peer],
    absent: Sequence[str],
    turns: Turns,
) -> None:
    """Print a table: each question, and of each program what it took and whether it is right."""
    say = sys.stdout.write
    say(f"{dump.name}, others beside memq, median of {turns.runs}\n{TITLES}\n")
    memq = Memq(dump)
    turns.warm(questions[0], [memq, *peers])
    for question in questions:
        own, *others = turns.ask(question, [memq, *peers])
        say(f"{question.title}\n{_own_line(own)}\n")
        for other in others:
            say(f"{_line(other, own)}\n{_differences(other)}")
        sys.stdout.flush()
    say("".join(f"not asked: {why}\n" for why in absent) + "\n")


class Turns:
    """How often programs are asked, and for how long at most."""

    def __init__(self, runs: int, limit: float) -> None:
        self.runs = runs
        self.limit = limit

    def warm(self, question: Question, peers: Sequence[Peer]) -> None:
        """Ask each once for nothing: what they keep, compiled files and pages are there then."""
        with tempfile.TemporaryDirectory() as folder:
            for peer in peers:
                run(peer.command(question), Path(folder) / "rows", self.limit)

    def ask(self, question: Question, peers: Sequence[Peer]) -> list[Asked]:
        """Ask all in turns; memq is the first, whose rows the others are held to."""
        memq, *others = asked = [Asked(peer, question) for peer in peers]
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "rows"
            for _ in range(self.runs):
                ours = memq.ask(output, self.limit)
                if memq.problem:
                    raise SystemExit(f"memq, {question.title}: {memq.problem}")
                for other in others:
                    if not other.is_done(self.runs):
                        theirs = other.ask(output, self.limit)
                        if not other.problem:
                            other.hold(theirs, ours)
        return asked


def _own_line(own: Asked) -> str:
    return line(f"  {own.peer.name}", *figures(typical(own.costs), same_rows(own.counts)))


def _line(other: Asked, own: Asked) -> str:
    """Say what another program took, how many times memq's, and whether its rows are memq's."""
    cost, ours = typical(other.costs), typical(own.costs)
    bar = other.question.bar(other.peer.kind, max(own.counts))
    rows = "" if other.problem else same_rows(other.counts)
    title = f"  {other.peer.name}"
    times = ratio(cost.processor / ours.processor, bar, is_least=other.is_late)
    told = other.problem or str(other.worst)
    has_failed = bool(other.problem) and not other.is_late
    return comparison(line(title, *figures(cost, rows)), "" if has_failed else times, told)


def _differences(other: Asked) -> str:
    """Show a row of each kind of difference."""
    worst, name = other.worst, other.peer.name
    rows = (("lacks", worst.missing_row), ("has besides", worst.extra_row))
    return "".join(f"    {name} {what} {row}\n" for what, row in rows if row is not None)
