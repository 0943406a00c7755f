"""From the text of a condition to the oracle's tuples: a second reading, without memq's binder.

It takes the part of the language that binding.txt is written in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.lang import ast
from tests.eval.conditions import (
    ALWAYS,
    Pair,
    as_value,
    bare,
    comparison,
    conditional,
    conjunction,
    counted,
    disjunction,
    in_list,
    known_test,
    member_of,
    negation,
    null_test,
    quantified,
)
from tests.eval.operands import TESTS, Operand, coalesced, field_of, literal, tested

if TYPE_CHECKING:
    from memq.lang.parser import Parser

AGGREGATES = ("Any", "All", "None", "Count")


def translated(texts: tuple[str, ...], parser: Parser) -> list[Pair]:
    """The conditions of Wheres in a row."""
    return [pair(only(parser.parse(text))) for text in texts]


def only(query: ast.Query) -> ast.Expression:
    (statement,) = query.statements
    if isinstance(statement, ast.Let):
        raise TypeError(statement)
    return statement


def place(node: ast.Expression, parameters: tuple[str, ...] = ()) -> str:
    """The place of an object; a bare name is of the process, unless it is a parameter."""
    match node:
        case ast.Name(name=name):
            return name if name in (*parameters, "process") else f"process.{name}"
        case ast.Member(target=target, name=name):
            return f"{place(target, parameters)}.{name}"
        case _:
            raise TypeError(node)


def field(node: ast.Name | ast.Member, parameters: tuple[str, ...]) -> Operand:
    """A field of the object at a place."""
    if isinstance(node, ast.Name):
        return field_of("process", node.name)
    return field_of(place(node.target, parameters), node.name)


def operand(node: ast.Expression, parameters: tuple[str, ...]) -> Operand:
    """A value."""
    match node:
        case ast.Number(value=value) | ast.Text(value=value) | ast.Boolean(value=value):
            return literal(value)
        case ast.Null():
            return literal(None)
        case ast.Name() | ast.Member():
            return field(node, parameters)
        case ast.Binary(op="??", left=left, right=right):
            return coalesced(operand(left, parameters), operand(right, parameters))
        case ast.Call(target=ast.Member(target=target, name=name), arguments=[argument]) if (
            name in TESTS
        ):
            return tested(name, operand(target, parameters), operand(argument, parameters))
        case _:
            return as_value(pair(node, parameters))


def pair(node: ast.Expression, parameters: tuple[str, ...] = ()) -> Pair:
    """A condition."""
    match node:
        case ast.And(operands=operands):
            return conjunction([pair(one, parameters) for one in operands])
        case ast.Or(operands=operands):
            return disjunction([pair(one, parameters) for one in operands])
        case ast.Unary(op="!", operand=inner):
            return negation(pair(inner, parameters))
        case ast.Conditional(condition=condition, then=then, otherwise=otherwise):
            return conditional([pair(one, parameters) for one in (condition, then, otherwise)])
        case ast.Binary(op="in"):
            return membership(node, parameters)
        case ast.Binary(op=op) if op != "??":
            return compared(node, parameters)
        case ast.Call(target=ast.Name(name=name), arguments=[argument]):
            return known_test(operand(argument, parameters), name == "is_unknown")
        case ast.Call(target=ast.Member(name=name)) if name in AGGREGATES:
            return aggregate(node, parameters)
        case _:
            return bare(operand(node, parameters))


def membership(node: ast.Binary, parameters: tuple[str, ...]) -> Pair:
    """`in` a list, or a collection's field."""
    left = operand(node.left, parameters)
    if isinstance(node.right, ast.ListLiteral):
        return in_list(left, [operand(item, parameters) for item in node.right.items])
    if not isinstance(node.right, ast.Member) or node.right.name != "f":
        raise TypeError(node.right)
    return member_of(left, place(node.right.target, parameters))


def compared(node: ast.Binary, parameters: tuple[str, ...]) -> Pair:
    if isinstance(node.right, ast.Null):
        return null_test(operand(node.left, parameters), node.op)
    right = operand(node.right, parameters)
    match node.left:
        case ast.Call(target=ast.Member(name="Count")) as call:
            name, where, body = parts(call, parameters)
            return counted(name, where, body, node.op, right)
        case _:
            pass
    return comparison(node.op, operand(node.left, parameters), right)


def aggregate(node: ast.Call, parameters: tuple[str, ...]) -> Pair:
    name, where, body = parts(node, parameters)
    if not isinstance(node.target, ast.Member):
        raise TypeError(node.target)
    return quantified(node.target.name, name, where, body)


def parts(node: ast.Call, parameters: tuple[str, ...]) -> tuple[str, str, Pair]:
    """An aggregate's parameter, its collection and its body."""
    if not isinstance(node.target, ast.Member):
        raise TypeError(node.target)
    where = place(node.target.target, parameters)
    if not node.arguments:
        return "each", where, ALWAYS
    (function,) = node.arguments
    if not isinstance(function, ast.Lambda):
        raise TypeError(function)
    (name,) = function.parameters
    return name, where, pair(function.body, (*parameters, name))
