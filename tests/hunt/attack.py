"""A little ATT&CK, for tests that must not change with its versions."""

from __future__ import annotations

from memq.hunt.attack import Attack, Tactic, Technique

INJECTION = Technique("T1055", "Process Injection", ("persistence",))
HOLLOWING = Technique("T1055.012", "Process Hollowing", ("persistence",))


def little_attack() -> Attack:
    """Two techniques, one tactic, and an id that was revoked."""
    return Attack(
        "0.1",
        (Tactic("TA0003", "persistence", "Persistence"),),
        {one.id: one for one in (INJECTION, HOLLOWING)},
        {"T1093": HOLLOWING.id},
    )
