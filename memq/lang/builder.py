"""What the parser does at each reduction of the grammar: children in, a node of the tree out.

The methods bear the names of the grammar's rules, and are found by these. Nothing recurses: each
part carries its depth, and what would be too deep for those who walk the tree is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar, cast

from memq.errors import QueryError, Span
from memq.lang import ast, literals
from memq.lang.limits import MAX_DEPTH, too_deep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.lang.lexer import Token

_Literal = TypeVar("_Literal", bound=ast.Expression)
_Group = TypeVar("_Group", ast.And, ast.Or)


class Part(NamedTuple):
    """An expression with the depth below it and its place, brackets around it included."""

    node: ast.Expression
    depth: int
    start: int
    end: int


class Pair(NamedTuple):
    """An entry of a record, and the depth of its value."""

    entry: ast.Entry
    depth: int


Child: TypeAlias = "Token | Part | Pair | ast.Let"
Children: TypeAlias = "list[Child]"


class Builder:
    """The reductions; it holds nothing, so that any number of texts may be parsed with one."""

    def query(self, children: Children) -> ast.Query:
        """Leave out what separates statements."""
        statements: list[ast.Statement] = [
            child.node if isinstance(child, Part) else child
            for child in children
            if isinstance(child, Part | ast.Let)
        ]
        if not statements:
            return ast.Query(())
        return ast.Query(
            tuple(statements), span=Span(statements[0].span.start, statements[-1].span.end)
        )

    def let(self, children: Children) -> ast.Let:
        """Make a Let of `let NAME = expression`."""
        keyword, name, _, value = children
        word, part = cast("Token", name), cast("Part", value)
        return ast.Let(
            str(word),
            part.node,
            name_span=_span_of(word),
            span=Span(_start(keyword), part.end),
        )

    # ---- operators, loosest first ----

    def lambda_(self, children: Children) -> Part:
        """Make a Lambda of `p => body`, `(a, b) => body`."""
        *head, body = children
        part = cast("Part", body)
        words = [cast("Token", child) for child in head]
        names = [word for word in words if word.kind == "NAME"]
        seen: set[str] = set()
        for name in names:
            if name.text in seen:
                raise QueryError(f"Two parameters are called `{name}`.", span=_span_of(name))
            seen.add(name.text)
        node = ast.Lambda(tuple(map(str, names)), part.node, span=Span(_start(words[0]), part.end))
        return _part(node, [part])

    def conditional(self, children: Children) -> Part:
        """Make a Conditional of `condition ? then : otherwise`."""
        condition, then, otherwise = _parts(children)
        node = ast.Conditional(
            condition.node, then.node, otherwise.node, span=Span(condition.start, otherwise.end)
        )
        return _part(node, [condition, then, otherwise])

    def coalesce(self, children: Children) -> Part:
        """Group `a ?? b ?? c` from the right: a ?? (b ?? c)."""
        return _binary(children)

    def disjunction(self, children: Children) -> Part:
        """Make one Or of `a || b || c`."""
        return _flat(ast.Or, _parts(children))

    def conjunction(self, children: Children) -> Part:
        """Make one And of `a && b && c`."""
        return _flat(ast.And, _parts(children))

    def equality(self, children: Children) -> Part:
        """Group `a == b != c` from the left, and so the operators of most other levels."""
        return _binary(children)

    relation = bit_or = bit_xor = bit_and = shift = sum = product = equality

    def not_in(self, children: Children) -> Part:
        """Make `!(a in b)` of `a not in b`."""
        left, right = _parts(children)
        span = Span(left.start, right.end)
        inner = _part(ast.Binary("in", left.node, right.node, span=span), [left, right])
        return _part(ast.Unary("!", inner.node, span=span), [inner])

    def range_(self, children: Children) -> Part:
        """Make a Range of `first..last`."""
        first, last = _parts(children)
        node = ast.Range(first.node, last.node, span=Span(first.start, last.end))
        return _part(node, [first, last])

    def unary(self, children: Children) -> Part:
        """Make a Unary of `!a`, `not a`, `-a`, `~a`."""
        operator, operand = children
        part = cast("Part", operand)
        sign = "!" if str(operator) == "not" else str(operator)
        node = ast.Unary(sign, part.node, span=Span(_start(operator), part.end))
        return _part(node, [part])

    def member(self, children: Children) -> Part:
        """Make a Member of `target.name`."""
        target, word = cast("Part", children[0]), cast("Token", children[2])
        node = ast.Member(target.node, word.text, span=Span(target.start, word.end))
        return _part(node, [target])

    def call(self, children: Children) -> Part:
        """Make a Call of `target(a, b)`."""
        target, *arguments = parts = _parts(children)
        span = Span(target.start, _end(children[-1]))
        nodes = tuple(argument.node for argument in arguments)
        return _part(ast.Call(target.node, nodes, span=span), parts)

    def index(self, children: Children) -> Part:
        """Make an Index of `target[i]`."""
        target, item = _parts(children)
        span = Span(target.start, _end(children[-1]))
        return _part(ast.Index(target.node, item.node, span=span), [target, item])

    # ---- operands ----

    def name(self, children: Children) -> Part:
        """Make a Name."""
        word = cast("Token", children[0])
        return _leaf(ast.Name(str(word), span=_span_of(word)))

    def group(self, children: Children) -> Part:
        """Take the brackets off `(expression)`; its place keeps them."""
        opening, inner, closing = children
        part = cast("Part", inner)
        return Part(part.node, part.depth, _start(opening), _end(closing))

    def group_name(self, children: Children) -> Part:
        """Take the brackets off `(name)`."""
        opening, word, closing = children
        return self.group([opening, self.name([word]), closing])

    def list_(self, children: Children) -> Part:
        """Make a ListLiteral of `[a, b]`."""
        parts = _parts(children)
        nodes = tuple(part.node for part in parts)
        return _part(ast.ListLiteral(nodes, span=_between(children)), parts)

    def record(self, children: Children) -> Part:
        """Make a Record of `{name: value, ...}`."""
        pairs = [child for child in children if isinstance(child, Pair)]
        seen: set[str] = set()
        for pair in pairs:
            if pair.entry.name in seen:
                raise QueryError(
                    f"The record has two entries called `{pair.entry.name}`.", span=pair.entry.span
                )
            seen.add(pair.entry.name)
        span = _between(children)
        depth = _checked(1 + max((pair.depth for pair in pairs), default=-1), span)
        node = ast.Record(tuple(pair.entry for pair in pairs), span=span)
        return Part(node, depth, span.start, span.end)

    def entry(self, children: Children) -> Pair:
        """Make an Entry of `name: value`; the name may be a string."""
        key, _, value = children
        word, part = cast("Token", key), cast("Part", value)
        name = str(word) if word.kind == "KEY" else _literal(literals.string, word).value
        entry = ast.Entry(name, part.node, span=Span(_start(word), part.end))
        return Pair(entry, part.depth)

    def number(self, children: Children) -> Part:
        """Make a Number, Real or Duration of `42`, `0xff`, `4KB`, `1.5`, `5m`."""
        return _leaf(_literal(literals.number, children[0]))

    def text(self, children: Children) -> Part:
        """Make a Text of a string with escapes."""
        return _leaf(_literal(literals.string, children[0]))

    def raw_text(self, children: Children) -> Part:
        """Make a Text of `@"..."`."""
        return _leaf(_literal(literals.raw_string, children[0]))

    def regex(self, children: Children) -> Part:
        """Make a Regex of `/pattern/flags`."""
        return _leaf(_literal(literals.regex, children[0]))

    def time(self, children: Children) -> Part:
        """Make a Time of `t"..."`."""
        return _leaf(_literal(literals.time, children[0]))

    def boolean(self, children: Children) -> Part:
        """Make a Boolean."""
        word = cast("Token", children[0])
        return _leaf(ast.Boolean(word.text == "true", span=_span_of(word)))

    def null(self, children: Children) -> Part:
        """Make a Null."""
        return _leaf(ast.Null(span=_span_of(children[0])))


def _start(child: Child) -> int:
    return cast("Token", child).start


def _end(child: Child) -> int:
    return cast("Token", child).end


def _span_of(child: Child) -> Span:
    return Span(_start(child), _end(child))


def _between(children: Children) -> Span:
    """Return the place from an opening bracket to its closing one."""
    return Span(_start(children[0]), _end(children[-1]))


def _literal(convert: Callable[[str, int], _Literal], child: Child) -> _Literal:
    return convert(str(child), _start(child))


def _parts(children: Children) -> list[Part]:
    return [child for child in children if isinstance(child, Part)]


def _checked(depth: int, span: Span) -> int:
    if depth > MAX_DEPTH:
        raise too_deep(span)
    return depth


def _leaf(node: ast.Expression) -> Part:
    return Part(node, 0, node.span.start, node.span.end)


def _part(node: ast.Expression, below: Sequence[Part]) -> Part:
    depth = _checked(1 + max((part.depth for part in below), default=-1), node.span)
    return Part(node, depth, node.span.start, node.span.end)


def _binary(children: Children) -> Part:
    left, right = cast("Part", children[0]), cast("Part", children[2])
    span = Span(left.start, right.end)
    node = ast.Binary(str(children[1]), left.node, right.node, span=span)
    return _part(node, [left, right])


def _flat(kind: type[_Group], parts: Sequence[Part]) -> Part:
    """Return an And or Or of the parts; what is already of that kind gives its operands."""
    operands: list[ast.Expression] = []
    for part in parts:
        if isinstance(part.node, kind):
            operands.extend(part.node.operands)
        else:
            operands.append(part.node)
    return _part(kind(tuple(operands), span=Span(parts[0].start, parts[-1].end)), parts)
