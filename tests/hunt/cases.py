"""Findings and dumps without a dump, for tests of cases."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from memq.hunt.case import Case
from memq.hunt.heading import Heading
from memq.hunt.identity import Identity
from memq.hunt.rule import Rule
from memq.hunt.running import Finding
from tests.hunt.attack import little_attack

if TYPE_CHECKING:
    from pathlib import Path


def rule(number: int, **more: Any) -> Rule:
    """Return a rule of the number's own id."""
    names: dict[str, Any] = {"level": "high", "queries": {"linux": "process"}}
    names |= {"place": "a.yml:1:1", "tags": ("attack.t1055.012", "attack.persistence")} | more
    return Rule(f"Rule {number}", str(uuid.UUID(int=number)), **names)


def match(number: int, *rows: Any, **more: Any) -> Finding:
    return Finding(rule(number), "match", evidence=rows, **more)


def identity(name: str = "one.lime", fingerprint: str = "ab" * 32) -> Identity:
    taken = "2026-11-21T18:45:40.176000Z"
    return Identity(name, "LiME", 1 << 30, "linux", "6.1.0", "host", taken, fingerprint)


def heading(which: Identity | None = None, **parameters: str) -> Heading:
    return Heading(which or identity(), little_attack(), "2026-11-27T06:15:51Z", parameters)


def ran(case: Case, *findings: Finding, which: Identity | None = None) -> str:
    """Keep a run that finds this; returns what is told of it, without the case's name."""
    recording = case.begin(heading(which))
    assert list(recording.kept(findings, {})) == list(findings)
    recording.end(is_stopped=False)
    return recording.told().removeprefix(f"case {case.name}: ")


def made(path: Path) -> Path:
    """Make a case of one finding."""
    with Case(path, create=True) as case:
        ran(case, match(1, {"pid": 1}))
    return path
