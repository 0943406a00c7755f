"""The way through a tree to the place where a name is still missing, the hole.

What stands beside the way takes no part in what the hole means, and mistakes there do not matter:
of operators, lists and records only the branch with the hole is left.
"""

from __future__ import annotations

from dataclasses import replace

from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.methods import METHODS
from memq.lang import ast
from memq.node import dataclass

HOLE = "\0hole"
"""The name, or the text, of the hole; no query can write such a name."""


@dataclass(frozen=True, slots=True)
class Way:
    """The spine of a tree, and what stands next to the hole."""

    node: ast.Expression
    beside: ast.Expression | None = None
    """What the hole is compared with, looked up in, or given to as an argument."""
    call: ast.Call | None = None
    """The call of which the hole itself is an argument, the last one that is there."""


def way_of(node: ast.Expression, behind: int, *, keeps_entries: bool) -> Way:
    """Return the way to the hole.

    What was put into the text to close it stands from the place `behind` on. `keeps_entries`: those
    before the hole in a record of `Let`, which may speak of each other.
    """
    return _Walk(behind, keeps_entries=keeps_entries).down(node, None)


class _Walk:
    """Goes down to the hole, which stands last in its text."""

    def __init__(self, behind: int, *, keeps_entries: bool) -> None:
        self._behind = behind
        self._keeps_entries = keeps_entries

    def down(self, node: ast.Expression, beside: ast.Expression | None) -> Way:
        """Return the way from a node on; the branch with the hole stands for what branches."""
        if is_hole(node):
            return Way(node, beside)
        match node:
            case ast.Member():
                way = self.down(node.target, None)
                return replace(way, node=replace(node, target=way.node))
            case ast.Call():
                return self._call(node)
            case ast.Lambda():
                way = self.down(node.body, beside)
                return replace(way, node=replace(node, body=way.node))
            case ast.Record() if node.entries:
                return self.down(node.entries[-1].value, None)
            case _:
                branch = self._branch(node, beside)
                return Way(node) if branch is None else self.down(*branch)

    def _branch(
        self, node: ast.Expression, beside: ast.Expression | None
    ) -> tuple[ast.Expression, ast.Expression | None] | None:
        """Return the operand that leads on, and what it stands beside; None where none does."""
        match node:
            case ast.And() | ast.Or():
                return node.operands[-1], None
            case ast.Binary():
                return node.right, node.left
            case ast.Unary():
                return node.operand, beside
            case ast.Range():
                return node.end, beside
            case ast.Conditional():
                is_first = node.otherwise.span.start >= self._behind
                return (node.then if is_first else node.otherwise), beside
            case ast.Index():
                return node.index, node.target
            case ast.ListLiteral() if node.items:
                return node.items[-1], beside
            case _:
                return None

    def _call(self, node: ast.Call) -> Way:
        """Go on to the last argument.

        What a function is given means the same as beside it. A method's arguments that are missing
        are null: it is not bound without them.
        """
        if not node.arguments:
            return Way(node)
        *before, last = node.arguments
        target = node.target
        if not isinstance(target, ast.Member):
            way = self.down(last, None)
            return replace(way, call=node if is_hole(last) else way.call)
        is_let = target.name.lower() == "let"
        way = self._of_let(last) if is_let else self.down(last, target.target)
        missing = _least(target.name.lower()) - len(node.arguments)
        arguments = (*before, way.node, *[ast.Null()] * max(0, missing))
        made = replace(node, arguments=arguments)
        return replace(way, node=made, call=node if is_hole(last) else way.call)

    def _of_let(self, node: ast.Expression) -> Way:
        """Go on into the record of a `Let`, which stays one."""
        if isinstance(node, ast.Lambda):
            way = self._of_let(node.body)
            return replace(way, node=replace(node, body=way.node))
        if not isinstance(node, ast.Record) or not node.entries:
            return self.down(node, None)
        *before, last = node.entries
        way = self.down(last.value, None)
        entries = (*(before if self._keeps_entries else ()), replace(last, value=way.node))
        return replace(way, node=replace(node, entries=entries))


def is_hole(node: ast.Expression) -> bool:
    """Whether a node is the hole: a name, a member of something, a text."""
    match node:
        case ast.Name(name) | ast.Member(_, name):
            return name == HOLE
        case ast.Text(value):
            return value == HOLE
        case _:
            return False


def _least(name: str) -> int:
    """Return how many arguments a method of that name takes at least."""
    counts = [SERIES_METHODS[name].counts[0]] if name in SERIES_METHODS else []
    counts += [len(one.arguments) for one in METHODS.values() if one.name.lower() == name]
    return max(counts, default=0)
