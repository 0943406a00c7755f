"""What a finding is known by: the same in a case and in a SARIF log, so that they can be merged."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.hunt.running import Finding


def keys_of(finding: Finding, fingerprint: str) -> Iterator[str]:
    """Yield for each row of evidence what it is known by in a dump.

    Rows of one rule that are the same are told apart by their number among these.
    """
    met: Counter[str] = Counter()
    for row in finding.evidence:
        key = key_of(finding.rule.id, fingerprint, row)
        yield key_of(finding.rule.id, fingerprint, row, met[key]) if met[key] else key
        met[key] += 1


def key_of(rule: str, fingerprint: str, row: Any, before: int = 0) -> str:
    """Return 64 digits; `before` counts the rows of the same rule that are the same as this one."""
    evidence = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    parts = (rule, fingerprint, evidence, *([str(before)] if before else ()))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
