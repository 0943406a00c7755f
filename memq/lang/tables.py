"""The grammar's tables, made ahead: what the parser runs on, without lark.

`tables.json` beside this module is written by `python -m memq.lang.build_tables`, which has lark
read the grammar. Nothing else of lark is needed to parse, and to import it takes ten times as long
as to load these. Tables of another grammar are not used: they are made anew, in memory.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

GRAMMAR = Path(__file__).parent.with_name("grammar.lark")
TABLES = Path(__file__).with_name("tables.json")
START = "query"
END = "$END"
"""The terminal that stands behind the last token."""


class Rule(NamedTuple):
    """A rule of the grammar, as a reduction needs it.

    `size` symbols become one `symbol`. `action` is the Builder's method that makes its value;
    None leaves the one value as it is. A `repeated` rule is a repetition within another one: its
    value is the list of what was repeated. `spread` says that such a list is among the symbols.
    """

    symbol: str
    size: int
    action: str | None
    repeated: bool
    spread: bool


class Tables(NamedTuple):
    """An LALR(1) automaton, and how the text before each of its states is cut into tokens.

    `states` has for each state what each symbol does: a number from 0 on is the state to go to,
    a negative one is `~rule`, the rule to reduce by. `terminals` are regular expressions, in the
    order in which they are tried; `places` the terminals of each kind of place, and `place_of` has
    the kind of each state. State 0 is the start, and in state `end` the whole query has been read.
    """

    terminals: dict[str, str]
    places: dict[str, list[str]]
    place_of: list[str]
    rules: list[Rule]
    states: list[dict[str, int]]
    end: int


def load() -> Tables:
    """Return the tables that are stored if they are of this grammar, else new ones."""
    grammar = read_grammar()
    stored = _stored()
    if stored is not None and stored.get("grammar") == checksum(grammar):
        return restore(stored)
    from memq.lang import build_tables  # noqa: PLC0415 (imports lark: only after a change)

    return restore(build_tables.make(grammar))


def _stored() -> dict[str, Any] | None:
    try:
        stored = json.loads(TABLES.read_bytes())
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) else None


def read_grammar() -> str:
    """Return the grammar's text, with plain line ends whatever the checkout made of them."""
    return GRAMMAR.read_text("utf-8")


def checksum(grammar: str) -> int:
    """Return what tells one grammar from an earlier one."""
    return zlib.crc32(grammar.encode())


def restore(stored: dict[str, Any]) -> Tables:
    """Return the tables that were stored as JSON."""
    return Tables(
        stored["terminals"],
        stored["places"],
        stored["place_of"],
        [Rule(*rule) for rule in stored["rules"]],
        stored["states"],
        stored["end"],
    )
