"""What stands at the cursor: which names mean something there, and what the place asks for.

The text before the cursor is read as far as it goes, a hole put where the cursor is, and closed
with what the grammar accepts. The tree is bound as any other, by a binder that stops at the hole:
so each rule of names holds here as in a query that is run.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from memq.errors import QueryError, Span
from memq.eval.bind import Binder
from memq.eval.expansion import Expansion
from memq.eval.functions import FUNCTIONS
from memq.eval.methods import method_of
from memq.eval.pipeline import bind_let
from memq.eval.scope import Found, Frame, Function, Names
from memq.eval.spine import HOLE, Way, is_hole, way_of
from memq.eval.terms import NULL, Constant, Term
from memq.lang import ast
from memq.lang.limits import MAX_BYTES
from memq.lang.tables import END
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.lang.parser import Parser
    from memq.lang.prefix import Prefix

T = TypeVar("T")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTE = re.compile(r"@?[\"']")
_PARTNERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_FILLING = (("COLON", ":"), ("ARROW", "=>"), ("NULL", "null"))
"""What is put where a text cannot end yet, the first that fits: then, a body, a value."""
_SIGNS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}


class At(Enum):
    """What can be written at the cursor."""

    NOTHING = "nothing that is known"
    NAME = "a value, as a name begins it"
    NUMBER = "a whole number, or the name of one"
    MEMBER = "a member of what stands before the dot"
    TEXT = "the rest of a text in quotes"
    OPERATOR = "an operator"


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands at the cursor.

    `partial` is what of a word, or of a text behind its `quote`, is written already.
    """

    at: At
    binder: Probe
    partial: str = ""
    quote: str = ""
    accepts: frozenset[str] = frozenset()
    """The terminals of the grammar that could come."""
    frame: Frame | None = None
    """The element whose names are known without a prefix, if any."""
    target: Found | None = None
    """What stands before the dot."""
    beside: Found | None = None
    """What is compared with; what is looked up in; the value whose method is given an argument."""
    call: ast.Call | None = None
    """The call of which this is an argument; those before it are whole."""

    @property
    def begins_statement(self) -> bool:
        """Whether a statement may begin here."""
        return "LET" in self.accepts

    @property
    def wanted(self) -> str:
        """What the function asks for of which this is an argument, as the help has it."""
        return wanted_of(self.call)


class _HereError(QueryError):
    """The hole is reached: binding need not go on."""


class _Names(Names):
    """Looks names up, and sees the hole where one is looked up without being bound."""

    is_reached = False

    def bare(self, frame: Frame | None, name: str, span: Span) -> Found | None:
        """Return what a bare name means."""
        if name == HOLE:
            self.is_reached = True
            raise _HereError("the hole", span=span)
        return super().bare(frame, name, span)


class Probe(Binder):
    """A binder that begins with all that another one knows, and stops at the hole."""

    def __init__(self, base: Binder) -> None:
        super().__init__(base.system, base.kernel, base.text)
        self.names: _Names = _Names(base.system)
        self.names.lets = dict(base.names.lets)
        self.names.extras = dict(base.names.extras)
        self.names.item_extras = dict(base.names.item_extras)
        self.elements = dict(base.elements)
        self.variables.count = base.variables.count
        self.is_reached = False
        self.frame_there: Frame | None = None
        self.target_there: Found | None = None

    def find(self, node: ast.Expression, frame: Frame | None) -> Found:
        """Return what an expression speaks of; at the hole, keep what is known there."""
        if not is_hole(node):
            return super().find(node, frame)
        target = self.find(node.target, frame) if isinstance(node, ast.Member) else None
        self.is_reached, self.frame_there, self.target_there = True, frame, target
        raise _HereError("the hole", span=node.span)

    def attempt(self, question: Callable[..., T], *values: object) -> T | None:
        """Return the answer, or None where it is that something is wrong with the query."""
        try:
            return question(*values)
        except (QueryError, RecursionError):
            return None


def scene(before: str, binder: Binder, parser: Parser) -> Scene:
    """Return what stands at the end of a text; the binder is not changed."""
    probe = Probe(binder)
    found = None
    if len(before) <= MAX_BYTES:
        found = probe.attempt(_there, before, probe, parser)
    return found or Scene(At.NOTHING, probe)


def _there(before: str, probe: Probe, parser: Parser) -> Scene | None:
    return _Setting(before, probe, parser).scene()


class _Setting:
    """One text on its way to a scene."""

    def __init__(self, before: str, probe: Probe, parser: Parser) -> None:
        self._end = len(before)
        self._probe = probe
        self._prefix = parser.prefix(before)
        self._accepts = self._prefix.accepts()

    def scene(self) -> Scene | None:
        """Say what is asked for, and what is known there."""
        prefix, accepts = self._prefix, self._accepts
        rest, gap = prefix.rest, prefix.gap
        if not rest and gap.rpartition("\n")[2].strip():
            return None  # within a comment
        is_word = not rest or _WORD.fullmatch(rest) is not None
        if "MEMBER" in accepts and is_word:
            return self._bound(At.MEMBER, "MEMBER", HOLE)
        if "NUMBER" not in accepts:
            return self._operator(prefix) if is_word and gap else None
        if is_word:
            return self._bound(At.NAME, "NAME", HOLE)
        quote = _QUOTE.match(rest)
        if quote is None or "\n" in rest:
            return None
        return self._bound(At.TEXT, "STRING", f'"{HOLE}"', quote[0])

    def _operator(self, prefix: Prefix) -> Scene | None:
        """Return the scene behind an operand within brackets: what it is tells what may follow."""
        if not prefix.brackets or not prefix.put("EQUALITY", "==", self._end):
            return None
        return self._bound(At.OPERATOR, "NAME", HOLE)

    def _bound(self, at: At, kind: str, text: str, quote: str = "") -> Scene | None:
        """Put the hole, close the text, and bind the way to the hole."""
        if not self._prefix.put(kind, text, self._end):
            return None
        query = _closed(self._prefix, self._end + 1)
        if query is None:
            return None
        *before, last = query.statements
        lets = _lets(self._probe, [one for one in before if isinstance(one, ast.Let)])
        way = self._reached(last, lets)
        partial = self._prefix.rest.removeprefix(quote)
        beside = None if way is None else self._beside(way, at, lets)
        at = At.TEXT if way is not None and _is_text_of_function(way) else at
        return Scene(
            At.NOTHING if way is None else At.NUMBER if self._is_number() else at,
            self._probe,
            partial,
            quote,
            self._accepts,
            self._probe.frame_there,
            self._probe.target_there,
            beside,
            None if way is None else way.call,
        )

    def _is_number(self) -> bool:
        """Whether the hole was met where a number is written out, and nothing is bound."""
        return self._probe.names.is_reached

    def _reached(self, statement: ast.Statement, lets: Expansion) -> Way | None:
        """Bind the way to the hole, and return it if that is reached."""
        probe = self._probe
        node = statement.value if isinstance(statement, ast.Let) else statement
        frame: Frame | None = None
        if isinstance(statement, ast.Let) and isinstance(node, ast.Lambda):
            frame, node = _of_function(probe, node), node.body
        for keeps_entries in (True, False):
            way = way_of(node, self._end + 1, keeps_entries=keeps_entries)
            if _is_text_of_function(way):
                return way
            probe.attempt(self._find, way.node, frame, lets)
            if probe.is_reached or self._is_number():
                return way
        return None

    def _find(self, node: ast.Expression, frame: Frame | None, lets: Expansion) -> Found:
        """Bind an expression, unless its names stand for more than can be bound."""
        lets.check(node)
        return self._probe.find(node, frame)

    def _beside(self, way: Way, at: At, lets: Expansion) -> Found | None:
        """Return what stands next to the hole, bound where the hole is."""
        probe, node = self._probe, way.beside
        if node is None:
            return None
        found = probe.attempt(self._find, node, probe.frame_there, lets)
        call = way.call
        if call is None or not isinstance(call.target, ast.Member) or found is None:
            return found
        # The receiver of a method: of values, or a series that is asked whether it has one.
        name = call.target.name
        if isinstance(found, Term) and method_of(found.type.kind, name) is not None:
            return found
        return found if name.lower() == "contains" and at is not At.OPERATOR else None


def _closed(prefix: Prefix, place: int) -> ast.Query | None:
    """Put what makes a text whole: what is missing, and the brackets that close what is open."""
    for _ in range(4 * len(prefix.tokens) + 4):
        accepts = prefix.accepts()
        if END in accepts:
            return prefix.finish()
        closing = _PARTNERS[prefix.brackets[-1].kind] if prefix.brackets else ""
        choices = ((closing, _SIGNS.get(closing, "")), *_FILLING)
        kind, text = next((one for one in choices if one[0] in accepts), ("", ""))
        if not kind or not prefix.put(kind, text, place):
            return None
    return None


def _lets(probe: Probe, statements: list[ast.Let]) -> Expansion:
    """Bind what the text has named so far; what is wrong with one leaves out that name alone."""
    expansion, names = Expansion(), probe.names
    for name, found in names.lets.items():
        if isinstance(found, Function):
            probe.attempt(expansion.note, ast.Let(name, found.node))
    for statement in statements:
        probe.attempt(bind_let, probe, expansion, statement)
    return expansion


def _of_function(probe: Probe, node: ast.Lambda) -> Frame:
    """Return the frame of a function that a `let` names.

    Nothing is known of its arguments; one whose name a type's begins with (`p`, `proc`) is taken
    to be of that type.
    """
    values: dict[str, Found] = {}
    for name in node.parameters:
        types = [type_ for word, type_ in probe.system.objects.items() if word.startswith(name)]
        unknown = Constant(node.span, NULL, None)
        values[name] = probe.variables.new(types[0]) if types else unknown
    return Frame(None, values=values)


def _is_text_of_function(way: Way) -> bool:
    """Whether the hole is a text that a function takes as it is written, and never binds."""
    if way.call is None:
        return False
    wanted, hole = wanted_of(way.call), way.call.arguments[-1]
    return wanted.startswith('"') and (isinstance(hole, ast.Text) or " or " not in wanted)


def wanted_of(call: ast.Call | None) -> str:
    """Return what a function asks for as its last argument that is there, as the help has it."""
    if call is None or not isinstance(call.target, ast.Name):
        return ""
    declared = FUNCTIONS.get(call.target.name)
    wanted = [] if declared is None else declared.arguments.split(", ")
    return wanted[len(call.arguments) - 1] if len(call.arguments) <= len(wanted) else ""
