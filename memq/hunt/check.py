"""memq --check-playbook: whether rules are right, with no dump."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from memq.hunt.loading import load_playbook
from memq.hunt.names import playbook_paths
from memq.output.cells import clean
from memq.printing import standard_output
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.hunt.attack import Attack
    from memq.hunt.rule import Playbook

_WRONG = 2
"""Exit status, as that of a query that is wrong."""


def check_playbooks(paths: Sequence[str], attack: Attack) -> int:
    """Print what is wrong with the rules at some paths; returns the exit status."""
    progress = Progress(sys.stderr)
    playbook = load_playbook(playbook_paths(paths), attack, progress=progress)
    stream = standard_output()
    for line in report(playbook):
        stream.write(f"{clean(line)}\n")
    stream.flush()
    return _WRONG if playbook.errors else 0


def report(playbook: Playbook) -> list[str]:
    """Return the lines that tell of each warning and error, and the one that sums up."""
    told = (*playbook.left, *playbook.warnings, *playbook.errors)
    lines = [line for each in told for line in str(each).split("\n")]
    rules = _counted(playbook.asked, "rule")
    with_filters = f" and {_counted(playbook.filters, 'filter')}" if playbook.filters else ""
    warned = f", {_counted(len(playbook.warnings), 'warning')}" if playbook.warnings else ""
    if playbook.left:
        warned += f", {_counted(len(playbook.left), 'text')} left for a dump to check"
    if not playbook.errors:
        return [*lines, f"{rules}{with_filters}, all right{warned}"]
    errors = _counted(len(playbook.errors), "error")
    if len(playbook.rules) == playbook.asked:  # it is a filter, or a file, that is wrong
        return [*lines, f"{errors}{warned}"]
    return [*lines, f"{errors}{warned}; {len(playbook.rules):,} of {rules} right"]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
