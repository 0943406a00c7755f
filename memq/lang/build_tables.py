"""Write tables.json anew, after a change of the grammar: python -m memq.lang.build_tables.

lark reads the grammar and makes the automaton; here it is brought into the form that
`memq.lang.tables` describes, the states in an order of their own (lark's differs from run to run).
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from lark import Lark
from lark.grammar import Rule as LarkRule
from lark.lexer import TerminalDef

from memq.lang import tables

# What lark calls a move: 0 and the state to go to, or 1 and the rule to reduce by.
_SHIFT = 0

# Kinds of places, each told by a terminal that its states accept, the first one that fits. Within a
# kind no text begins with two terminals that could both be meant; a state that is none of these
# expects an operator.
_MARKS = {"member": "MEMBER", "key": "KEY", "operand": "NUMBER", "name": "NAME"}
_OPERATOR = "operator"

# What stands between tokens: the lexer looks for these first, and at no place for them alone.
_BETWEEN = ("TRIVIA", "BLANK")

_Row: TypeAlias = dict[str, tuple[int, Any]]


def main() -> None:
    """Write the tables beside this module."""
    text = serialize(tables.read_grammar())
    tables.TABLES.write_text(text, "utf-8", newline="\n")


def serialize(grammar: str) -> str:
    """Return the text of tables.json for a grammar: a line for each state, rule and terminal."""
    parts = [f'"{name}":{_lines(value)}' for name, value in make(grammar).items()]
    return "{" + ",\n".join(parts) + "}\n"


def _lines(value: object) -> str:
    if isinstance(value, dict):
        items = [f'"{key}":{_compact(item)}' for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n}"
    if isinstance(value, list) and isinstance(value[0], list | dict):
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def make(grammar: str) -> dict[str, Any]:
    """Return the tables of a grammar, as they are stored."""
    lark = Lark(grammar, parser="lalr", start=tables.START)
    data, memo = lark.memo_serialize([TerminalDef, LarkRule])
    rules = [_rule(memo[rule["@"]]) for rule in data["rules"]]
    states = _states(data["parser"]["parser"], {r["@"]: i for i, r in enumerate(data["rules"])})
    terminals = _terminals(lark)
    accepted = [{name for name in state if name in terminals} for state in states]
    place_of = [_place(names) for names in accepted]
    return {
        "grammar": tables.checksum(grammar),
        "terminals": terminals,
        "places": {
            kind: _of_places(terminals, accepted, place_of, kind) for kind in (*_MARKS, _OPERATOR)
        },
        "place_of": place_of,
        "rules": rules,
        "states": states,
        # The end is the state which the start goes to with the whole query.
        "end": states[0][tables.START],
    }


def _terminals(lark: Lark) -> dict[str, str]:
    """Return each terminal's regular expression, in the order in which lark would try them."""
    ordered = sorted(
        lark.terminals,
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    return {terminal.name: terminal.pattern.to_regexp() for terminal in ordered}


def _place(accepted: set[str]) -> str:
    return next((kind for kind, mark in _MARKS.items() if mark in accepted), _OPERATOR)


def _of_places(
    terminals: dict[str, str], accepted: list[set[str]], place_of: list[str], kind: str
) -> list[str]:
    """Return what any state of that kind accepts, in the order in which it is tried."""
    names = set().union(*(a for a, k in zip(accepted, place_of, strict=True) if k == kind))
    return [name for name in terminals if name in names and name not in _BETWEEN]


def _rule(rule: dict[str, Any]) -> list[Any]:
    """Return the fields of a tables.Rule."""
    symbol = rule["origin"]["name"]
    expansion = [part["name"] for part in rule["expansion"]]
    if any(part.get("filter_out") for part in rule["expansion"]):
        raise ValueError(f"Each terminal of {symbol} must have a name in the grammar.")
    repeated = _is_repetition(symbol)
    alone = rule["options"]["expand1"] and not rule["alias"] and len(expansion) == 1
    action = None if repeated or alone else rule["alias"] or symbol
    return [symbol, len(expansion), action, repeated, any(map(_is_repetition, expansion))]


def _is_repetition(symbol: str) -> bool:
    """Return whether lark made this symbol, of a `(...)*` within a rule."""
    return symbol.startswith("__")


def _states(table: dict[str, Any], rule_of: dict[int, int]) -> list[dict[str, int]]:
    """Return each state's moves, the states in the order in which the start reaches them."""
    names = table["tokens"]
    rows: dict[int, _Row] = {
        state: {
            names[token]: move for token, move in sorted(row.items(), key=lambda i: names[i[0]])
        }
        for state, row in table["states"].items()
    }
    order = [table["start_states"][tables.START]]
    for state in order:
        order.extend(
            target
            for action, target in rows[state].values()
            if action == _SHIFT and target not in order
        )
    place = {state: number for number, state in enumerate(order)}
    return [
        {
            name: place[target] if action == _SHIFT else ~rule_of[target["@"]]
            for name, (action, target) in rows[state].items()
        }
        for state in order
    ]


if __name__ == "__main__":
    main()
