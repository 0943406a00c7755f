"""Measure what running all hunting rules costs, beside each of them alone: rules share walks.

    python -m benchmarks.hunting [DUMP ...] [--playbook PATH|NAME ...] [--runs N]

Whole processes, in turns: start, checking of the rules, opening of the dump and all. The bar is
that all together cost less than three times the slowest; `sum` is what they cost one by one.
Without --playbook, the rules for the dump's system that come with memq are measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import NO_LIMIT, Cost, run, typical, unpacked
from benchmarks.options import dumps_parser
from benchmarks.tables import line
from benchmarks.works import SAMPLE, program
from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.names import playbook_paths
from memq.image import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

BAR = 3.0
"""All rules may cost so many times the slowest."""
_SHOWN = 5
"""Of the slowest rules."""


def main() -> int:
    """Print a table for each dump."""
    parser = dumps_parser("benchmarks.hunting", __doc__)
    parser.add_argument("--playbook", nargs="+", metavar="PATH|NAME")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for dump in options.dumps or [unpacked(SAMPLE, folder)]:
            with Image(dump) as image:
                names = options.playbook or [image.system.name]
            _report(dump.resolve(), names, options.runs, folder)
    return 0


def _report(dump: Path, names: Sequence[str], runs: int, folder: Path) -> None:
    rules = load_playbook(playbook_paths(names), load_attack()).rules
    together: list[Cost] = []
    alone: dict[str, list[Cost]] = {rule.place.rsplit(":", 2)[0]: [] for rule in rules}
    for _ in range(runs):
        together.append(_cost(dump, names, folder))
        for path, costs in alone.items():
            costs.append(_cost(dump, [path], folder))
    _print(dump, len(rules), typical(together), {p: typical(c) for p, c in alone.items()})


def _cost(dump: Path, playbooks: Sequence[str], folder: Path) -> Cost:
    command = [*program(), str(dump), "-o", "jsonl", "--playbook", *playbooks]
    outcome = run(command, folder / "findings", NO_LIMIT)
    if outcome.problem:
        raise SystemExit(f"{' '.join(playbooks)} on {dump}: {outcome.problem}")
    return outcome.cost


def _print(dump: Path, rules: int, together: Cost, alone: dict[str, Cost]) -> None:
    """Print what was measured, the slowest rules first."""
    files = {path: Path(path).stem for path in alone}
    slowest = sorted(alone, key=lambda path: alone[path].processor, reverse=True)
    sys.stdout.write(f"{dump.name}, {rules} rules in {len(files)} files\n")
    sys.stdout.write(line("", "wall s", "CPU s", "MB") + "\n")
    for title, cost in (
        ("all", together),
        *((files[path], alone[path]) for path in slowest[:_SHOWN]),
    ):
        figures = f"{cost.wall:.2f}", f"{cost.processor:.2f}", f"{cost.memory >> 10}"
        sys.stdout.write(line(title, *figures) + "\n")
    one = alone[slowest[0]].processor
    times, total = together.processor / one, sum(cost.processor for cost in alone.values())
    verdict = "met" if times < BAR else "MISSED"
    sys.stdout.write(f"{times:.1f} times the slowest (bar {BAR:g}: {verdict}); sum {total:.2f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
