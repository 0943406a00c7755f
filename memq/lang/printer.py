"""Syntax tree to text, in one canonical form.

One space around binary operators, no bracket that the grammar does not need, signs and not words
(`&&`, `!`), double quotes. Parsing the text gives the same tree again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

from memq.lang import ast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class _Level(IntEnum):
    """The grammar's levels of precedence, loosest first."""

    EXPRESSION = 0
    COALESCE = 1
    OR = 2
    AND = 3
    EQUALITY = 4
    RELATION = 5
    RANGE = 6
    BIT_OR = 7
    BIT_XOR = 8
    BIT_AND = 9
    SHIFT = 10
    SUM = 11
    PRODUCT = 12
    UNARY = 13
    POSTFIX = 14


# Operator: its level, and the loosest level that its left and right operands may have.
_OPERATORS = {
    "??": (_Level.COALESCE, _Level.OR, _Level.COALESCE),
    **dict.fromkeys(
        ("==", "!=", "===", "!=="), (_Level.EQUALITY, _Level.EQUALITY, _Level.RELATION)
    ),
    **dict.fromkeys(("<", "<=", ">", ">=", "in"), (_Level.RELATION, _Level.RANGE, _Level.RANGE)),
    "|": (_Level.BIT_OR, _Level.BIT_OR, _Level.BIT_XOR),
    "^": (_Level.BIT_XOR, _Level.BIT_XOR, _Level.BIT_AND),
    "&": (_Level.BIT_AND, _Level.BIT_AND, _Level.SHIFT),
    **dict.fromkeys(("<<", ">>"), (_Level.SHIFT, _Level.SHIFT, _Level.SUM)),
    **dict.fromkeys(("+", "-"), (_Level.SUM, _Level.SUM, _Level.PRODUCT)),
    **dict.fromkeys(("*", "/", "%"), (_Level.PRODUCT, _Level.PRODUCT, _Level.UNARY)),
}
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}

_Piece: TypeAlias = "str | tuple[ast.Node, _Level]"


def write(node: ast.Node) -> str:
    """Return the node's text; without recursion, as a tree may be deeper than a stack."""
    written: list[str] = []
    todo: list[_Piece] = [(node, _Level.EXPRESSION)]
    while todo:
        piece = todo.pop()
        if isinstance(piece, str):
            written.append(piece)
            continue
        level, pieces = _pieces(piece[0])
        bracketed = ["(", *pieces, ")"] if level < piece[1] else pieces
        todo.extend(reversed(bracketed))
    return "".join(written)


def _pieces(node: ast.Node) -> tuple[_Level, Sequence[_Piece]]:
    """Return the node's level of precedence, and what it consists of."""
    pieces: Sequence[_Piece]
    level = _Level.EXPRESSION
    match node:
        case ast.Binary(op, left, right):
            level, of_left, of_right = _OPERATORS[op]
            pieces = [(left, of_left), f" {op} ", (right, of_right)]
        case ast.And(operands):
            level, pieces = _Level.AND, _joined(operands, " && ", _Level.EQUALITY)
        case ast.Or(operands):
            level, pieces = _Level.OR, _joined(operands, " || ", _Level.AND)
        case ast.Unary(op, operand):
            level, pieces = _Level.UNARY, [op, (operand, _Level.UNARY)]
        case ast.Range(start, end):
            level, pieces = _Level.RANGE, [(start, _Level.BIT_OR), "..", (end, _Level.BIT_OR)]
        case ast.Conditional(condition, then, otherwise):
            choices = _joined([then, otherwise], " : ")
            pieces = [(condition, _Level.COALESCE), " ? ", *choices]
        case ast.Lambda(parameters, body):
            head = parameters[0] if len(parameters) == 1 else f"({', '.join(parameters)})"
            pieces = [f"{head} => ", (body, _Level.EXPRESSION)]
        case _:
            level, pieces = _Level.POSTFIX, _operand(node)
    return level, pieces


def _operand(node: ast.Node) -> Sequence[_Piece]:
    pieces: Sequence[_Piece]
    match node:
        case ast.Member(target, name):
            pieces = [(target, _Level.POSTFIX), f".{name}"]
        case ast.Call(target, arguments):
            pieces = [(target, _Level.POSTFIX), "(", *_joined(arguments), ")"]
        case ast.Index(target, index):
            pieces = [(target, _Level.POSTFIX), "[", (index, _Level.EXPRESSION), "]"]
        case ast.ListLiteral(items):
            pieces = ["[", *_joined(items), "]"]
        case ast.Record(entries):
            pieces = ["{", *_joined(entries), "}"]
        case ast.Entry(name, value):
            pieces = [f"{_key(name)}: ", (value, _Level.EXPRESSION)]
        case ast.Let(name, value):
            pieces = [f"let {name} = ", (value, _Level.EXPRESSION)]
        case ast.Query(statements):
            pieces = _joined(statements, ";\n")
        case _:
            pieces = [_leaf(node)]
    return pieces


def _leaf(node: ast.Node) -> str:
    text = "null"  # of the one leaf that is not below
    match node:
        case ast.Name(name):
            text = name
        case ast.Text(value):
            text = quoted(value)
        case ast.Boolean(value):
            text = str(value).lower()
        case ast.Real(value):
            text = repr(value)
        case ast.Number(value, unit):
            text = _number(value, unit)
        case ast.Duration(amount, unit):
            text = f"{amount}{unit}"
        case ast.Time(nanoseconds):
            text = f't"{moment(nanoseconds)}"'
        case ast.Regex(pattern, flags):
            text = _regex(pattern, flags)
        case _:
            pass
    return text


def _joined(
    nodes: Iterable[ast.Node], separator: str = ", ", level: _Level = _Level.EXPRESSION
) -> list[_Piece]:
    pieces: list[_Piece] = []
    for node in nodes:
        if pieces:
            pieces.append(separator)
        pieces.append((node, level))
    return pieces


def quoted(value: str) -> str:
    """Return a string literal; what a terminal would not show plainly is escaped."""
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _key(name: str) -> str:
    """Return a record's name, in quotes where it is no word."""
    return name if name.isascii() and name.isidentifier() else quoted(name)


def _number(value: int, unit: str) -> str:
    if unit in ast.SIZE_UNITS:
        return f"{value // ast.SIZE_UNITS[unit]}{unit}"
    return f"{value:#x}" if unit == "0x" else str(value)


def moment(nanoseconds: int) -> str:
    """Return a time in ISO 8601, in UTC; within the years 1 to 9999."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    second = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    digits = f".{fraction:09}".rstrip("0") if fraction else ""
    # Not strftime: its %Y leaves out leading zeros on Linux.
    return f"{second.replace(tzinfo=None).isoformat()}{digits}Z"


def _regex(pattern: str, flags: str) -> str:
    """Return the literal; a slash that is not escaped in the pattern becomes so."""
    parts: list[str] = []
    after_backslash = False
    for character in pattern:
        parts.append("\\/" if character == "/" and not after_backslash else character)
        after_backslash = character == "\\" and not after_backslash
    return f"/{''.join(parts)}/{flags}"
