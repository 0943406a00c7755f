"""What shows that a rule of the default set finds what it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Proof(NamedTuple):
    """One image in which there is what a rule speaks of, and the rows that it must find there."""

    rule: str
    """The rule's file in memq/playbooks, without its ending: `linux/hidden-process`."""
    image: str
    """The image's name, as the system's tests know it."""
    rows: tuple[Mapping[str, Any], ...]
    """The columns that matter of each row of evidence, in any order; there is no other row."""
    planted: str
    """What was put there, in a few words, as docs/playbooks.md says it."""
    is_real: bool
    """Whether a running system did it; false where the bytes of an image were made or changed."""
