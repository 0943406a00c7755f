"""What cannot be seen by a rule's form: whether it makes sense to each system that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.errors import NoKernelError, QueryError, Span
from memq.eval.pipeline import literal_of
from memq.hunt.attack import TAG_PREFIX
from memq.hunt.binding import parts_of, start_of_condition
from memq.hunt.problems import quoted
from memq.hunt.tree import Scalar, span_within
from memq.lang import ast
from memq.os.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memq.hunt.attack import Attack, Technique
    from memq.hunt.binding import RuleBinder
    from memq.hunt.problems import Problems
    from memq.hunt.tree import Node
    from memq.schema.declare import System


class Checker:
    """Checks one rule that was read by its form."""

    def __init__(
        self, read: Mapping[str, Any], attack: Attack, binder: RuleBinder, problems: Problems
    ) -> None:
        """`read` is what Record.read gave: a key that was refused is not in it."""
        self.read = read
        self.attack = attack
        self.binder = binder
        self.problems = problems
        self.queries = self._queries()
        self.parameters: dict[str, ast.Expression] = {}
        self._refused: dict[tuple[str, Span, str | None], list[str]] = {}
        """What is wrong with texts, and the systems to which it is."""
        self._said: dict[tuple[str, Span], None] = {}
        """What is to be said of queries that are right."""

    def check(self) -> None:
        """Note all that is wrong."""
        self._check_tags()
        self._check_parameters()
        self._check_requires()
        for system in SYSTEMS:
            if system.name in self.queries:
                self._check_query(self.queries[system.name], system)
        self._tell_refused()
        for text, span in self._said:
            self.problems.warn(text, span)

    def _queries(self) -> dict[str, Scalar]:
        """Return the query for each system; note where `os` and `query` differ."""
        named: list[Scalar] = self.read.get("os", [])
        query = self.read.get("query")
        if not isinstance(query, dict):
            return {} if query is None else {name.value: query for name in named}
        given = {name.value: text for name, text in query.items()}
        for name in named:
            if name.value not in given:
                message = f"There is no query for {name.value}."
                self.problems.add(message, name.span, "Write one, or leave the system out here.")
        wanted = {name.value for name in named}
        for name in query:
            if name.value not in wanted:
                message = f"The rule is not for {name.value}: `os` does not name it."
                self.problems.add(message, name.span, "Add it to `os`, or leave this query out.")
        return {name: text for name, text in given.items() if name in wanted}

    # Tags

    def _check_tags(self) -> None:
        for tag in self.read.get("tags", ()):
            if tag.value.startswith(TAG_PREFIX) and self.attack.tag(tag.value) is None:
                self._refuse_tag(tag)

    def _refuse_tag(self, tag: Scalar) -> None:
        name = tag.value.removeprefix(TAG_PREFIX).upper()
        successor = self.attack.successor(name)
        if successor is not None:
            message = f"ATT&CK has revoked the technique {name}."
            hint = f"Its successor is {_written(successor)}."
        elif name[:2].rstrip("0123456789") == "T":
            message = f"ATT&CK has no technique {quoted(name)}."
            near = " or ".join(map(_written, self.attack.nearest(name)))
            hint = f"Did you mean {near}?" if near else "Write it as in `attack.t1055.012`."
        elif name[:1] in "GS" and name[1:].isdecimal():
            message = (
                "Groups and software of ATT&CK are not known here, techniques and tactics are."
            )
            hint = "Leave the tag out, or name the group in the description."
        else:
            message = f"ATT&CK has no tactic {quoted(tag.value.removeprefix(TAG_PREFIX))}."
            hint = "Write a tactic as in `attack.persistence`, a technique as in `attack.t1055`."
        self.problems.add(message, tag.span, hint)

    # Parameters

    def _check_parameters(self) -> None:
        used = set(self._names())
        for name, parameter in self.read.get("parameters", {}).items():
            default = parameter.get("default")
            if default is None:
                continue
            self.parameters[name.value] = expression(default)
            if name.value not in used:
                message = f"The parameter {quoted(name.value)} is never used."
                hint = "Name it in the query or in a filter, or leave it out."
                self.problems.add(message, name.span, hint)
            self._check_default(name, default)

    def _check_default(self, name: Scalar, default: Node) -> None:
        """Check that the name is free, and that the value is one by itself."""
        value = self.parameters[name.value]
        for system in SYSTEMS:
            if system.name in self.queries:
                for node, given in ((name, ast.Null()), (default, value)):
                    try:
                        self.binder.check_value(name.value, system, {name.value: given})
                    except QueryError as error:
                        self.problems.add(error.message, node.span, error.hint)
                        self.parameters.pop(name.value, None)
                        return

    def _names(self) -> Iterator[str]:
        """Yield each name that the rule's texts speak of; what is no query has none."""
        conditions = [one["where"] for one in self.read.get("filters", ()) if "where" in one]
        for text in (*self.queries.values(), *conditions):
            try:
                tree = self.binder.parser.parse(text.value)
            except QueryError:
                continue  # told where it is bound
            yield from (node.name for node in _nodes(tree) if isinstance(node, ast.Name))

    # What is checked against a system's schema

    def _check_requires(self) -> None:
        for required in self.read.get("requires", ()):
            for system in SYSTEMS:
                if system.name in self.queries:
                    self._check_required(required, system)

    def _check_required(self, required: Scalar, system: System) -> None:
        try:
            self.binder.check_value(required.value, system, {})
        except QueryError as error:
            self._refuse(required, error, 0, system)

    def _check_query(self, query: Scalar, system: System) -> None:
        try:
            said = self.binder.check(query.value, (), system, self.parameters)
        except NoKernelError:
            self.problems.leave(query.span)
            return
        except QueryError as error:
            self._refuse(query, error, 0, system)
            return
        self._said |= dict.fromkeys((text, query.span) for text in said)
        conditions = [one["where"] for one in self.read.get("filters", ()) if "where" in one]
        for where in conditions:
            self._check_filter(query, where, system)
        if len(conditions) > 1 and not self._refused:
            self._check_together(query, conditions, system)

    def _check_together(self, query: Scalar, filters: Sequence[Scalar], system: System) -> None:
        """Check what is right by itself: all of it can be nested too deeply."""
        conditions = [where.value for where in filters]
        try:
            self.binder.check(query.value, conditions, system, self.parameters)
        except NoKernelError:
            pass  # told of the filter that needs it
        except QueryError as error:
            hint = error.hint or "Make one filter of several, by `||`."
            whole = Span(0, len(query.value))
            self._refuse(query, QueryError(error.message, span=whole, hint=hint), 0, system)

    def _check_filter(self, query: Scalar, where: Scalar, system: System) -> None:
        try:
            self.binder.check(query.value, (where.value,), system, self.parameters)
        except NoKernelError:
            self.problems.leave(where.span)
        except QueryError as error:
            self._refuse(where, error, start_of_condition(query.value), system)

    def _refuse(self, node: Scalar, error: QueryError, start: int, system: System) -> None:
        """Note what is wrong in a text that begins at `start` of what the error speaks of."""
        span = node.span
        if error.span is not None:
            begin, end = max(0, error.span.start - start), max(0, error.span.end - start)
            span = span_within(self.problems.source, node, Span(begin, end))
        self._refused.setdefault((error.message, span, error.hint), []).append(system.title)

    def _tell_refused(self) -> None:
        """Note once what is wrong to several systems, and to which, unless it is to all."""
        for (message, span, hint), titles in self._refused.items():
            where = "" if len(titles) == len(self.queries) else f"On {' and '.join(titles)}: "
            self.problems.add(f"{where}{message}", span, hint)


def _written(technique: Technique) -> str:
    return f"`{TAG_PREFIX}{technique.id.lower()}` ({technique.name})"


def _nodes(tree: ast.Node) -> Iterator[ast.Node]:
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(parts_of(node))


def expression(default: Node) -> ast.Expression:
    """Return a parameter's default as the query language has it.

    What stands in quotes is text; what does not is read as `--let` reads it.
    """
    if isinstance(default, Scalar):
        if default.is_null:
            return ast.Null()
        return literal_of(default.value) if default.is_plain else ast.Text(default.value)
    items: Iterable[Any] = getattr(default, "items", ())
    return ast.ListLiteral(tuple(map(expression, items)))
