"""How large and how deep a script is once each name that a `let` gave stands for what it means.

A few lines can mean what no machine computes: of `let a1 = a0 + a0`, `let a2 = a1 + a1`, ... each
doubles the one before, and what walks over an expression goes as deep as the names lead. The text's
own size is bounded by the parser; here the same bounds are held after the names are put in, before
anything is bound.

What a function adds depends on its arguments: its size is so many nodes of its own, and each
argument so many times; it is as deep as itself, or as an argument where it stands in the body.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.lang import ast
from memq.lang.limits import MAX_BYTES, MAX_DEPTH
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_NODES = MAX_BYTES // 2
"""As many as a text of the largest size can have without names."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The size and the depth of an expression, in nodes.

    `uses` and `depths` are of the parameters of the function that it is in: how often each stands
    in it, and how deep.
    """

    size: int = 1
    depth: int = 1
    uses: Mapping[str, int] = field(default_factory=dict)
    depths: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Function:
    parameters: tuple[str, ...]
    body: Extent


class Expansion:
    """Measures the statements of one script, one after the other."""

    def __init__(self) -> None:
        self._known: dict[str, Extent | _Function] = {}

    def note(self, statement: ast.Let) -> None:
        """Measure what a name stands for; QueryError if it is too large."""
        value = statement.value
        if isinstance(value, ast.Lambda):
            body = self._extent(value.body, dict.fromkeys(value.parameters, True))
            self._known[statement.name] = _Function(value.parameters, body)
        else:
            self._known[statement.name] = self.check(value)

    def copy(self) -> Expansion:
        """Return the same measures, to which others can be added apart."""
        same = Expansion()
        same._known = dict(self._known)
        return same

    def check(self, node: ast.Expression) -> Extent:
        """Measure an expression; QueryError if it is too large."""
        found = self._extent(node, {})
        if self._known and (found.size > MAX_NODES or found.depth > MAX_DEPTH):
            raise QueryError(
                "With what its names stand for, this is too large or nested too deep.",
                span=node.span,
                hint="Each use of a name repeats all that the name was given to.",
            )
        return found

    def _extent(self, node: ast.Node, own: Mapping[str, bool]) -> Extent:
        """Measure a node; `own` are the parameters around: True for the function's."""
        match node:
            case ast.Name(name):
                return self._named(name, own)
            case ast.Call(ast.Name(name), arguments) if name not in own and self._is_own(name):
                given = [self._extent(argument, own) for argument in arguments]
                return _capped(self._called(name, given))
            case ast.Lambda(parameters, body):
                return _around([self._extent(body, {**own, **dict.fromkeys(parameters, False)})])
            case _:
                return _around([self._extent(part, own) for part in _parts(node)])

    def _is_own(self, name: str) -> bool:
        return isinstance(self._known.get(name), _Function)

    def _named(self, name: str, own: Mapping[str, bool]) -> Extent:
        if name in own:
            return Extent(uses={name: 1}, depths={name: 1}) if own[name] else Extent()
        known = self._known.get(name, Extent())
        # As a method's argument, the element stands for the parameter.
        return known if isinstance(known, Extent) else self._called(name, [])

    def _called(self, name: str, given: list[Extent]) -> Extent:
        function = self._known[name]
        if isinstance(function, Extent):
            return function
        body, parts = function.body, [Extent(function.body.size, function.body.depth)]
        for parameter, extent in zip(function.parameters, given, strict=False):
            parts.append(_times(extent, body.uses.get(parameter, 1), body.depths.get(parameter, 1)))
        return _around(parts)


def _times(extent: Extent, times: int, deeper: int) -> Extent:
    """What an argument adds to a body in which it stands so often, and so deep."""
    return Extent(
        extent.size * times,
        extent.depth + deeper,
        {name: count * times for name, count in extent.uses.items()},
        {name: depth + deeper for name, depth in extent.depths.items()},
    )


def _around(parts: Iterable[Extent]) -> Extent:
    """Put a node over others."""
    size, depth = 1, 0
    uses: dict[str, int] = {}
    depths: dict[str, int] = {}
    for part in parts:
        size, depth = size + part.size, max(depth, part.depth)
        for name, count in part.uses.items():
            uses[name] = uses.get(name, 0) + count
        for name, deep in part.depths.items():
            depths[name] = max(depths.get(name, 0), deep + 1)
    return _capped(Extent(size, depth + 1, uses, depths))


def _capped(extent: Extent) -> Extent:
    """Keep numbers small: beyond the limits all are the same."""
    return Extent(
        min(extent.size, MAX_NODES + 1),
        min(extent.depth, MAX_DEPTH + 1),
        {name: min(count, MAX_NODES + 1) for name, count in extent.uses.items()},
        {name: min(depth, MAX_DEPTH + 1) for name, depth in extent.depths.items()},
    )


def _parts(node: ast.Node) -> Iterable[ast.Node]:
    """Yield the nodes right below a node."""
    names: tuple[str, ...] = node.__match_args__
    for value in (getattr(node, name) for name in names):
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, ast.Node))
