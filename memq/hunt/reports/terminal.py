"""Findings for people at a terminal: matches by tactic and technique, then all that is left open.

The first rows of each match are shown; other forms have them all.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from memq.hunt.reports.grouping import results_of
from memq.hunt.rule_format import LEVELS
from memq.output.cells import clean
from memq.output.fitting import Need, fitted
from memq.output.humane import counted
from memq.output.look import Look
from memq.output.widths import columns_of, filled, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.hunt.heading import Heading
    from memq.hunt.reports.evidence import Cell, Evidence
    from memq.hunt.reports.grouping import Group, Result, Results, Told
    from memq.hunt.running import Finding

_SHOWN = 3
"""Rows of a match that are shown."""
_FEW = 3
"""Matches of which there is no list before they are shown."""
_NAMED = 12
"""Rules that are named of those that share a reason."""
_LINES = 4
"""Lines of a value: a command line is seldom longer, and says most."""
_WORST = LEVELS[-2:]
"""Levels that are to be seen first."""
_GAP = "  "
_ROW = " " * 6
"""What stands before the rows of a match."""
_LEVEL = max(map(len, LEVELS))
_UNKNOWN = "\x00"
"""Stands for an unknown value until the line is whole: one column, and no cleaned text has it."""
_NO_TECHNIQUE = "No technique"


def as_table(
    findings: Iterable[Finding], heading: Heading, look: Look | None = None
) -> Iterator[str]:
    """Yield lines that fit the look's width, once all rules are done."""
    page = _Page(look or Look())
    results = results_of(findings, heading, _SHOWN, humane=page.is_humane)
    for line in page.lines(results):
        yield f"{line}\n"


class _Page:
    """Writes lines of one width; all text of others is cleaned here."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.is_humane = look.humane
        self._mark = look.marked("?")

    def lines(self, results: Results) -> Iterator[str]:
        """Yield all there is to say."""
        counts = results.counts
        yield from self._heading(results.heading)
        yield from self._matches(results)
        for _, groups in groupby(results.groups, lambda group: group.tactic):
            yield from self._tactic(list(groups))
        for outcome in ("undecided", "skipped"):
            if counts[outcome]:
                yield from ("", f"{outcome}: {counts[outcome]:,}")
                for told in results.told(outcome):
                    yield from self._told(told)
        yield from ("", f"clean: {counts['clean']:,}")
        for told in results.told("clean"):
            if told.reason:  # nothing was found, but there is something to say
                yield from self._told(told)

    def _matches(self, results: Results) -> Iterator[str]:
        """Yield how many there are, and, of many, what they are: who reads sees the worst first."""
        found = results.of("match")
        levels = f" ({results.levels})" if found else ""
        yield from ("", *self._wrapped(f"match: {len(found):,}{levels}", 2))
        if len(found) > _FEW:
            for result in found:
                technique = f" ({result.technique.id})" if result.technique else ""
                said = f"{result.rule.title}: {counted(result.evidence.count, 'row')}{technique}"
                yield from self._levelled(_GAP, result.rule.level, said)

    def _heading(self, heading: Heading) -> Iterator[str]:
        facts = heading.facts
        width = max(map(len, facts))
        for name, text in facts.items():
            yield from self._wrapped(f"{name:<{width}}  {text}", width + 2)

    def _tactic(self, groups: Sequence[Group]) -> Iterator[str]:
        tactic = groups[0].tactic
        yield ""
        yield clean(tactic.name) if tactic else _NO_TECHNIQUE
        for group in groups:
            if group.technique is not None:
                yield from self._wrapped(f"  {group.technique.id} {group.technique.name}", 4)
            for result in group.results:
                yield from self._match(result)

    def _match(self, result: Result) -> Iterator[str]:
        also = ", ".join(technique.id for technique in result.others)
        said = f"{result.rule.title}: {counted(result.evidence.count, 'row')}"
        said += f" (also {also})" if also else ""
        yield from self._levelled(_GAP * 2, result.rule.level, said)
        if result.reason:
            yield from self._wrapped(f"{_ROW}{result.reason}", 8)
        yield from self._evidence(result.evidence)
        if result.evidence.left_out:
            left_out = counted(result.evidence.left_out, "more row")
            yield from self._wrapped(f"{_ROW}and {left_out}; see -o json", 8)

    def _told(self, told: Told) -> Iterator[str]:
        """Yield a reason; of several rules that have it, those that are for this system."""
        first, *more = told.results
        if not more:
            said = ": ".join(filter(None, (first.rule.title, told.reason)))
            yield from self._levelled(_GAP * 2, first.rule.level, said)
            return
        yield from self._wrapped(f"    {counted(len(told.results), 'rule')}: {told.reason}", 6)
        here = [result for result in told.results if not result.is_foreign]
        for result in here[:_NAMED]:
            yield from self._levelled(_ROW, result.rule.level, result.rule.title)
        if len(here) > _NAMED:
            yield f"{_ROW}and {len(here) - _NAMED:,} more; see -o json"

    def _levelled(self, before: str, level: str, text: str) -> Iterator[str]:
        """Yield a line of a rule, and what does not fit below it."""
        start = f"{before}{level:<{_LEVEL}}"
        first, *more = self._wrapped(f"{start}{_GAP}{text}", len(start) + len(_GAP))
        if level in _WORST and first.startswith(start):
            word = before + level
            first = before + self._look.strong(level) + first.removeprefix(word)
        yield first
        yield from more

    # Rows

    def _evidence(self, evidence: Evidence) -> Iterator[str]:
        """Yield a table, or, where that is too wide, a line for each value."""
        rows = [[self._cell(cell) for cell in row] for row in evidence.rows]
        columns = [
            [clean(title), *cells] for title, *cells in zip(evidence.titles, *rows, strict=True)
        ]
        needs = [_need(column) for column in columns]
        room = None if self._look.width is None else self._look.width - len(_ROW)
        if room is None:
            yield from self._rows(columns, [need.wish for need in needs])
        elif sum(need.wish + len(_GAP) for need in needs) - len(_GAP) <= room:
            yield from self._rows(columns, fitted(needs, room, len(_GAP)))
        else:
            yield from self._values(columns, room)

    def _cell(self, cell: Cell) -> str:
        return clean(cell.text) + (_UNKNOWN if cell.why else "")

    def _rows(self, columns: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
        """Yield a line of titles, one below it, and the rows."""
        sides = [all(cell.isdecimal() for cell in cells[1:]) for cells in columns]
        rows = list(zip(*columns, strict=True))
        for row in (rows[0], ["-" * width for width in widths], *rows[1:]):
            cells = [
                filled(cell, width, to_right=side)
                for cell, width, side in zip(row, widths, sides, strict=True)
            ]
            yield self._marked(_ROW + _GAP.join(cells))

    def _values(self, columns: Sequence[Sequence[str]], room: int) -> Iterator[str]:
        """Yield each value that there is behind its name, on some lines; a dash begins a row."""
        width = min(max(columns_of(column[0]) for column in columns), room // 2)
        for cells in zip(*(column[1:] for column in columns), strict=True):
            begin = "- "
            told = [pair for pair in zip(columns, cells, strict=True) if pair[1]]
            for column, cell in told or [(columns[0], "")]:
                name = filled(column[0], width, to_right=False)
                for part in _parts(cell, max(room - width - 4, 1)):
                    yield self._marked(f"{_ROW}{begin}{name}{_GAP}{part}")
                    begin, name = "  ", " " * width

    def _marked(self, line: str) -> str:
        return line.rstrip(" ").replace(_UNKNOWN, self._mark)

    def _wrapped(self, text: str, indent: int) -> list[str]:
        return wrapped(clean(text), self._look.width, indent)


def _parts(cell: str, width: int) -> list[str]:
    """Return a value as lines of a width; the last of too many is cut."""
    lines = wrapped(cell, width, 0) or [""]
    if len(lines) <= _LINES:
        return lines
    rest = " ".join(lines[_LINES - 1 :])
    return [*lines[: _LINES - 1], filled(rest, width, to_right=False)]


def _need(column: Sequence[str]) -> Need:
    """Return what a column needs; its first cell is the title."""
    title, *cells = map(columns_of, column)
    return Need(title, title, is_text=True, is_default=False, content=max(cells, default=0))
