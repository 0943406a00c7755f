"""What is said about a text that is no query.

The parser knows the place and which tokens it would have taken there. From these, from the open
brackets and from the words around, the first of a list of rules that recognizes the mistake says
what it is and what to write instead; the last one only says what was expected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from memq.errors import QueryError, Span
from memq.lang import slips, spelling
from memq.lang.place import Place, UnfinishedError, capital, shown

_Rule: TypeAlias = Callable[[Place], QueryError | None]


def explain(place: Place) -> QueryError:
    """Return what is said about the place."""
    for rule in _RULES:
        error = rule(place)
        if error is not None:
            return error
    return _expected(place)


# ---- rules of structure: each says what it recognizes, or None ----


def _open_at_end(place: Place) -> QueryError | None:
    if place.kind != "$END" or not place.brackets:
        return None
    bracket = place.brackets[-1]
    return UnfinishedError(
        f"This `{bracket.token}` is never closed.",
        span=bracket.span,
        hint=f"The query ends before its `{bracket.partner}`.",
    )


def _end(place: Place) -> QueryError | None:
    if place.kind not in ("$END", "BLANK"):
        return None
    what = "query" if place.kind == "$END" else "statement"
    kind = UnfinishedError if place.kind == "$END" else QueryError
    return kind(
        f"The {what} ends after `{shown(place.before_word)}`, where {place.wanted} is expected.",
        span=place.before_span,
    )


def _statement_in_brackets(place: Place) -> QueryError | None:
    if place.word not in (";", "let") or not place.brackets:
        return None
    bracket = place.brackets[-1]
    return QueryError(
        f"This `{bracket.token}` is still open where `{place.word}` begins another statement.",
        span=bracket.span,
        hint=f"Its `{bracket.partner}` is expected before.",
    )


def _of_let(place: Place) -> QueryError | None:
    if place.before_word == "let" and place.before[-1].kind == "LET":
        return QueryError(
            f"After `let` a name is expected, and `{shown(place.word)}` cannot be one.",
            span=place.span,
            hint="`let found = process.Take(3)` gives a name to a query.",
        )
    if place.accepts == {"ASSIGN"}:
        return QueryError(
            f"After `let {place.before_word}` a `=` is expected.",
            span=place.span,
            hint=f"`let {place.before_word} = ...` gives a name to what follows.",
        )
    return None


def _closing(place: Place) -> QueryError | None:
    if place.word not in (")", "]", "}"):
        return None
    if not place.brackets:
        return QueryError(f"This `{place.word}` closes no bracket.", span=place.span)
    bracket = place.brackets[-1]
    partner = bracket.partner
    if place.word == partner:
        return None
    return QueryError(
        f"This `{bracket.token}` is not closed: `{place.word}` stands where `{partner}` is "
        "expected.",
        span=bracket.span,
    )


def _lambda_or_list(place: Place) -> QueryError | None:
    if place.accepts != {"ARROW"}:
        return None
    return QueryError(
        "`=>` is expected after these parameters of a lambda.",
        span=place.before_span,
        hint="A lambda is written `(a, b) => ...`, a list [a, b].",
    )


def _chained(place: Place) -> QueryError | None:
    if not place.after_operand or place.wants_operand or "DOT" in place.accepts:
        return None
    if place.kind in ("RELATION", "IN", "NOT"):
        return QueryError(
            "Comparisons do not chain.",
            span=place.span,
            hint="Write `a < b && c < d`; `&` is for bits, and binds tighter than a comparison.",
        )
    if place.kind == "DOTS":
        return QueryError("A range has two ends.", span=place.span)
    return None


def _record(place: Place) -> QueryError | None:
    if not place.brackets:
        return None
    if place.brackets[-1].calls and place.word == ":" and place.before[-1].kind == "NAME":
        return QueryError(
            "An argument has no name.",
            span=Span(place.before_span.start, place.span.end),
            hint=f"Named columns are written {{{place.before_word}: ...}}.",
        )
    if place.brackets[-1].token.kind != "LBRACE" or not place.accepts & {"KEY", "COLON"}:
        return None
    if "QUESTION" in place.accepts or place.wants_operand:
        return None
    return QueryError(
        "In a record `name: value` is expected.",
        span=place.span,
        hint="A record is written {name: value, ...}, a list of columns [a, b].",
    )


def _comma(place: Place) -> QueryError | None:
    if place.word != "," or not place.after_operand:
        return None
    if not place.brackets:
        return QueryError(
            "A `,` stands only within brackets.",
            span=place.span,
            hint="Several columns are written .Select([a, b]).",
        )
    bracket = place.brackets[-1]
    if bracket.token.kind == "LPAR" and not bracket.calls:
        return QueryError(
            "These brackets hold one value.",
            span=Span(bracket.span.start, place.span.end),
            hint="A list is written [a, b].",
        )
    return None


def _missing_comma(place: Place) -> QueryError | None:
    if not place.after_operand or "COMMA" not in place.accepts or not place.brackets:
        return None
    if not place.at_operand:
        return None
    return QueryError(
        f"A `,` or an operator is missing before `{shown(place.word)}`.", span=place.span
    )


def _missing_separator(place: Place) -> QueryError | None:
    if not place.after_operand or place.brackets or not place.at_operand:
        return None
    if "\n" in place.text[place.before_span.end : place.start] or place.word == "let":
        return QueryError(
            f"A new statement begins at `{shown(place.word)}`, but the one before has not ended.",
            span=place.span,
            hint="Statements are separated by `;` or an empty line; "
            "a line that goes on begins with `.` or an operator.",
        )
    return QueryError(
        f"Between `{shown(place.before_word)}` and `{shown(place.word)}` an operator or a `.` "
        "is missing.",
        span=place.span,
    )


def _member(place: Place) -> QueryError | None:
    if "MEMBER" not in place.accepts:
        return None
    return QueryError(
        f"After `.` a name is expected, not `{shown(place.word)}`.",
        span=place.span,
        hint="An item is taken with [...] and no dot: `list[0]`." if place.word == "[" else None,
    )


def _no_operand(place: Place) -> QueryError | None:
    """Say that a value was expected."""
    if not place.wants_operand:
        return None
    hint = slips.PREFIXES.get(place.word)
    if place.word == "not" and place.before_word:
        hint = "After an operator `not` stands in brackets: `a == (not b)`."
    where = f" after `{shown(place.before_word)}`" if place.before else ""
    return QueryError(
        f"{capital(place.wanted)} is expected{where}, not `{shown(place.word)}`.",
        span=place.span,
        hint=hint,
    )


def _expected(place: Place) -> QueryError:
    return QueryError(
        f"{capital(place.wanted)} is expected, not `{shown(place.word)}`.", span=place.span
    )


_RULES: tuple[_Rule, ...] = (
    _open_at_end,
    _end,
    spelling.open_string,
    spelling.comment,
    spelling.open_regex,
    spelling.strange_character,
    _statement_in_brackets,
    _of_let,
    spelling.assignment,
    spelling.slipped_sign,
    _closing,
    _lambda_or_list,
    _chained,
    _record,
    spelling.other_language,
    spelling.foreign_word,
    _comma,
    _missing_comma,
    _missing_separator,
    _member,
    _no_operand,
)
