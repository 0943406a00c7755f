"""memq --check-playbook: whether rules are right, with no dump."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memq.hunt.loading import load_playbook
from memq.output.cells import clean
from memq.printing import standard_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.hunt.attack import Attack
    from memq.hunt.rule import Playbook

_WRONG = 2
"""Exit status, as that of a query that is wrong."""


def check_playbooks(paths: Sequence[str], attack: Attack) -> int:
    """Print what is wrong with the rules at some paths; returns the exit status."""
    playbook = load_playbook([Path(path) for path in paths], attack)
    stream = standard_output()
    for line in report(playbook):
        stream.write(f"{clean(line)}\n")
    stream.flush()
    return _WRONG if playbook.errors else 0


def report(playbook: Playbook) -> list[str]:
    """Return the lines that tell of each error, and the one that sums up."""
    lines = [line for error in playbook.errors for line in str(error).split("\n")]
    rules = _counted(playbook.asked, "rule")
    if not playbook.errors:
        return [f"{rules}, all right"]
    errors = _counted(len(playbook.errors), "error")
    return [*lines, f"{errors}; {len(playbook.rules):,} of {rules} right"]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
