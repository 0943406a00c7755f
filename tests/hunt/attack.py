"""A little ATT&CK, of the shape of memq.hunt.attack's."""

from __future__ import annotations

from typing import NamedTuple


class LittleTechnique(NamedTuple):
    """A technique."""

    id: str
    name: str


INJECTION = LittleTechnique("T1055", "Process Injection")
HOLLOWING = LittleTechnique("T1055.012", "Process Hollowing")


class LittleAttack:
    """Two techniques, one tactic, and an id that was revoked."""

    def tag(self, text: str) -> object | None:
        known = {f"attack.{one.id.lower()}": one for one in (INJECTION, HOLLOWING)}
        return known.get(text) or (text == "attack.persistence" or None)

    def successor(self, id: str) -> LittleTechnique | None:
        return HOLLOWING if id == "T1093" else None

    def nearest(self, id: str) -> list[LittleTechnique]:
        return [INJECTION, HOLLOWING] if id.startswith("T105") else []
