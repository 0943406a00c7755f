"""The grammar's parse tables, made ahead: loading them takes a tenth of the time of building them.

`tables.json` beside this module is written by `python -m memq.lang.build_tables`: what lark's
`memo_serialize` gives, with the states in an order of their own (lark's differs from run to run)
and the checksum of the grammar. Tables of another grammar, or ones that the installed lark cannot
read, are not used: the grammar is.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, TypeAlias

from lark import Lark
from lark.exceptions import LarkError
from lark.grammar import Rule
from lark.lexer import TerminalDef

from memq.lang.builder import Builder

GRAMMAR = Path(__file__).parent.with_name("grammar.lark")
TABLES = Path(__file__).with_name("tables.json")
START = "query"

# All others are lark's defaults; a version that does not know one of them would not load.
_OPTIONS = ("lexer", "parser", "priority", "start")

# What lark calls a move: 0 and the state to go to, or 1 and the rule to reduce by.
_SHIFT, _REDUCE = 0, 1

# What reading raises where there are no tables, damaged ones, or those of a lark that writes them
# otherwise (lark asserts some of what it expects).
_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    LarkError,
)

_Moves: TypeAlias = dict[str, tuple[int, Any]]


def load() -> Lark:
    """Return the parser, from the tables if they fit, else from the grammar."""
    grammar = read_grammar()
    try:
        tables = json.loads(TABLES.read_bytes())
        if tables["grammar"] == checksum(grammar):
            return restore(tables)
    except _UNREADABLE:
        return build(grammar)
    return build(grammar)


def read_grammar() -> str:
    """Return the grammar's text, with plain line ends whatever the checkout made of them."""
    return GRAMMAR.read_text("utf-8")


def checksum(grammar: str) -> int:
    """Return what tells one grammar from an earlier one."""
    return zlib.crc32(grammar.encode())


def build(grammar: str) -> Lark:
    """Return the parser, made from the grammar."""
    return Lark(grammar, parser="lalr", start=START, transformer=Builder())


def serialize(grammar: str) -> str:
    """Return the text of tables.json for a grammar; the same for the same lark."""
    lark = Lark(grammar, parser="lalr", start=START)
    data, memo = lark.memo_serialize([TerminalDef, Rule])
    table = data["parser"].pop("parser")
    data["options"] = {name: data["options"][name] for name in _OPTIONS}
    memoized = [_compact(memo[number]) for number in range(len(memo))]
    states = [_compact(state) for state in _ordered_states(table)]
    return (
        f'{{"grammar":{checksum(grammar)},\n"data":{_compact(data)},\n'
        f'"memo":[\n{_lines(memoized)}\n],\n"states":[\n{_lines(states)}\n]}}\n'
    )


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _lines(values: list[str]) -> str:
    return ",\n".join(values)


def _ordered_states(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each state's moves, the states in the order in which the start reaches them.

    A state is {"shift": {symbol: number of a state}, "reduce": {number of a rule: symbols}}.
    """
    names = table["tokens"]
    moves: dict[int, _Moves] = {
        state: {
            names[token]: move for token, move in sorted(row.items(), key=lambda i: names[i[0]])
        }
        for state, row in table["states"].items()
    }
    order = [table["start_states"][START]]
    for state in order:
        order.extend(
            target
            for action, target in moves[state].values()
            if action == _SHIFT and target not in order
        )
    number = {state: place for place, state in enumerate(order)}
    return [_state(moves[state], number) for state in order]


def _state(moves: _Moves, number: dict[int, int]) -> dict[str, Any]:
    shifts = {name: number[to] for name, (action, to) in moves.items() if action == _SHIFT}
    reductions: dict[str, list[str]] = {}
    for name, (action, rule) in moves.items():
        if action == _REDUCE:
            reductions.setdefault(str(rule["@"]), []).append(name)
    return {
        "shift": shifts,
        "reduce": {rule: " ".join(symbols) for rule, symbols in reductions.items()},
    }


def restore(tables: dict[str, Any]) -> Lark:
    """Return the parser of what serialize wrote."""
    states = [_moves(state) for state in tables["states"]]
    symbols = {symbol: symbol for moves in states for symbol in moves}
    # The end is the state which the start goes to with the whole query.
    end = states[0][START][1]
    data = tables["data"]
    data["parser"]["parser"] = {
        "tokens": symbols,
        "states": dict(enumerate(states)),
        "start_states": {START: 0},
        "end_states": {START: end},
    }
    lark = Lark.__new__(Lark)
    memo = dict(enumerate(tables["memo"]))
    # The public Lark.load takes pickles only.
    return lark._load({"data": data, "memo": memo}, transformer=Builder())  # noqa: SLF001


def _moves(state: dict[str, Any]) -> _Moves:
    moves: _Moves = {name: (_SHIFT, to) for name, to in state["shift"].items()}
    for rule, symbols in state["reduce"].items():
        move = (_REDUCE, {"@": int(rule)})
        moves.update(dict.fromkeys(symbols.split(), move))
    return moves
