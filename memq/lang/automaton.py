"""The LALR(1) automaton: tokens in, the Builder's value of the whole out.

Nothing recurses, and each token costs what it reduces: any text takes time linear in its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from memq.lang.tables import END, Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.lang.lexer import Token

_Action: TypeAlias = "Callable[[list[Any]], Any] | None"


class Automaton:
    """The tables with the methods of a Builder; it holds nothing of a text.

    Most reductions only climb: a name that is a whole argument is an operand, a product, a sum and
    so on, a dozen times. Where such a climb ends is kept, for all texts.
    """

    def __init__(self, tables: Tables, builder: object) -> None:
        """Find the method of each rule."""
        self.tables = tables
        self.actions: list[_Action] = [
            getattr(builder, rule.action) if rule.action else None for rule in tables.rules
        ]
        self.climbing = {
            ~number: rule.symbol
            for number, rule in enumerate(tables.rules)
            if rule.size == 1 and rule.action is None and not rule.repeated
        }
        """The moves that reduce one symbol to another, whose value is the same."""
        self._climbs: dict[tuple[int, int, str], int] = {}

    def climbed(self, below: int, state: int, kind: str) -> int:
        """Return the state that replaces one on another before a token, all climbs done."""
        key = (below, state, kind)
        end = self._climbs.get(key)
        if end is None:
            rows, end = self.tables.states, state
            while (symbol := self.climbing.get(rows[end].get(kind, 0))) is not None:
                end = rows[below][symbol]
            self._climbs[key] = end
        return end


class Stack:
    """One text on its way: the states that it went through, and the value of each.

    What it has read stays on it where a token does not fit, so that `accepts` says what would.
    """

    def __init__(self, automaton: Automaton) -> None:
        """Begin at the start."""
        self._automaton = automaton
        self._rows = automaton.tables.states
        self._climbing = automaton.climbing
        self._states = [0]
        self._values: list[Any] = []

    @property
    def state(self) -> int:
        """Where the next token is looked up."""
        return self._states[-1]

    @property
    def height(self) -> int:
        """How many symbols wait for what follows them."""
        return len(self._values)

    def feed(self, token: Token) -> bool:
        """Take a token; False where none of its kind can stand here."""
        move = self._rows[self._states[-1]].get(token.kind, -1)
        if move < 0:
            found = self._reduce_before(token.kind)
            if found is None:
                return False
            move = found
        self._states.append(move)
        self._values.append(token)
        return True

    def finish(self) -> tuple[bool, Any]:
        """Take the end of the text: whether it can stand here, and if so the value of all."""
        self._reduce_before(END)
        if self.state != self._automaton.tables.end:
            return False, None
        return True, self._values[-1]

    def accepts(self) -> frozenset[str]:
        """Return the terminals that could come next, END among them."""
        terminals = self._automaton.tables.terminals
        row = self._rows[self.state]
        return frozenset(
            name for name in row if (name in terminals or name == END) and self._takes(name)
        )

    def _reduce_before(self, kind: str) -> int | None:
        """Reduce what is complete before a token; return the state that it leads to."""
        states, rows = self._states, self._rows
        move = rows[states[-1]].get(kind)
        while move is not None and move < 0:
            if move in self._climbing:
                states[-1] = self._automaton.climbed(states[-2], states[-1], kind)
            else:
                self._reduce(~move)
            move = rows[states[-1]].get(kind)
        return move

    def _reduce(self, number: int) -> None:
        rule = self._automaton.tables.rules[number]
        states, values = self._states, self._values
        first = len(values) - rule.size
        children = _spread(values[first:]) if rule.spread else values[first:]
        action = self._automaton.actions[number]
        del values[first:], states[first + 1 :]
        states.append(self._rows[states[-1]][rule.symbol])
        values.append(children if action is None else action(children))

    def _takes(self, kind: str) -> bool:
        """Return whether a token can stand here, by the states alone.

        The first `below` of the real ones stay, and `own` stand on them: as feed would do it,
        but nothing is changed.
        """
        rules = self._automaton.tables.rules
        own: list[int] = []
        below = len(self._states)
        while True:
            state = own[-1] if own else self._states[below - 1]
            if state == self._automaton.tables.end:
                return kind == END
            move = self._rows[state].get(kind)
            if move is None or move >= 0:
                return move is not None
            rule = rules[~move]
            below -= max(0, rule.size - len(own))
            del own[max(0, len(own) - rule.size) :]
            own.append(self._rows[own[-1] if own else self._states[below - 1]][rule.symbol])


def _spread(values: list[Any]) -> list[Any]:
    """Return the values with each list's own in its place.

    A list that comes first is extended, not copied: it is the repetition so far.
    """
    spread: list[Any] = values[0] if isinstance(values[0], list) else [values[0]]
    for value in values[1:]:
        if isinstance(value, list):
            spread.extend(value)
        else:
            spread.append(value)
    return spread
