"""What is said of rules that are wrong: read wrong.txt aloud.

The files in wrong/ hold what is wrong; `MEMQ_ACCEPT=1 pytest tests/hunt` writes the messages anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from memq.hunt.check import report
from memq.hunt.loading import load_playbook
from memq.output.cells import clean
from tests.hunt.attack import little_attack

WRONG = Path(__file__).parent / "wrong"
MESSAGES = WRONG.with_suffix(".txt")


def told() -> str:
    lines = report(load_playbook([WRONG], little_attack()))
    return "".join(f"{clean(line).rstrip()}\n" for line in lines).replace(f"{WRONG}{os.sep}", "")


def test_messages() -> None:
    messages = told()
    if "MEMQ_ACCEPT" in os.environ:
        MESSAGES.write_text(messages, "utf-8", newline="\n")
    assert messages == MESSAGES.read_text("utf-8")


def test_each_file_has_a_message_with_its_place() -> None:
    messages = MESSAGES.read_text("utf-8")
    files = sorted(path.name for path in WRONG.iterdir())
    assert [name for name in files if f"{name}:" not in messages] == []
    assert messages.count("\n") > 2 * len(files)
