"""Conditions for the laws of Where: each names at most one collection, and nothing under `!`."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st


class Said(NamedTuple):
    """A condition: its text, which collection it names, and whether it binds that."""

    text: str
    of: str
    binds: bool

    def __repr__(self) -> str:
        return self.text


def _leaves(place: str, texts: list[str]) -> list[Said]:
    return [Said(f"process.{place}.{text}", place, True) for text in texts]


_VADS = _leaves("vad", ["a", "b", "n == 1", "n < 2", 'f == "x"', "n != 2", "n == null"])
_HANDLES = _leaves("handle", ["b", "n > 1", 'f != "y"'])
_OWN = [
    Said(f"process.{text}", "", False) for text in ("odd", "x == 1", 'name == "x"', "x != null")
]


def _both(one: Said, other: Said) -> Said:
    return Said(f"({one.text} && {other.text})", one.of or other.of, one.binds or other.binds)


def _either(one: Said, other: Said) -> Said:
    """A disjunction needs an element only if both sides do."""
    return Said(f"({one.text} || {other.text})", one.of or other.of, one.binds and other.binds)


def _grown(leaves: list[Said]) -> st.SearchStrategy[Said]:
    leaf = st.sampled_from(leaves)
    return st.recursive(
        leaf, lambda one: st.builds(_both, one, one) | st.builds(_either, one, one), max_leaves=3
    )


said = st.one_of(_grown([*_VADS, *_OWN]), _grown([*_HANDLES, *_OWN]), _grown(_VADS), _grown(_OWN))
"""Conditions that name at most one collection."""


def may_be_split(one: Said, other: Said) -> bool:
    """Whether two Wheres of these are one Where of both, as the language's page has it."""
    return one.of != other.of or not one.of or one.binds or other.binds
