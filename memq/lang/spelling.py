"""Mistakes of spelling: quotes that are not closed, signs and words of other languages.

Each function knows one kind of mistake: it says what to write instead, or returns None.
"""

from __future__ import annotations

import re

from memq.errors import QueryError, Span
from memq.lang import slips
from memq.lang.place import Place, UnfinishedError, span_of

_STATEMENT_GOES_ON = re.compile(
    r"[ \t]+(?:(?!(?:in|and|or|not)\b)[A-Za-z0-9_]|\*[ \t]*from\b)", re.IGNORECASE
)


def open_string(place: Place) -> QueryError | None:
    """Recognize a string or a time without its closing quote."""
    text, start = place.text, place.start
    if place.kind is not None:
        return None
    if text.startswith(("@'", '@"'), start):
        return UnfinishedError(
            "This raw string is never closed.",
            span=Span(start, start + 2),
            hint=f"It ends with the next {text[start + 1]}; a doubled one stands for itself.",
        )
    if text[start] not in "\"'":
        return None
    span = Span(start, start + len(place.rest))
    if place.before_word == "t" and place.before_span.end == start:
        return QueryError("This time is not closed by a quote.", span=span)
    return QueryError(
        f"This string is not closed by a {text[start]} on its line.",
        span=span,
        hint='A line break within a string is written \\n; a raw string, @"...", may hold them.',
    )


def comment(place: Place) -> QueryError | None:
    """Recognize `/*`, of which the parser takes the first half for a division after a value."""
    start = place.start
    if place.before_word == "/" and place.before_span.end == start:
        start -= 1
    if not place.text.startswith("/*", start):
        return None
    return QueryError(
        "`/*` begins no comment.",
        span=Span(start, start + 2),
        hint="Comments are written // or #.",
    )


def open_regex(place: Place) -> QueryError | None:
    """Recognize a regular expression without its end."""
    if not place.wants_operand or not place.word.startswith("/"):
        return None
    return QueryError(
        "This regular expression is not closed by a `/` on its line.",
        span=Span(place.start, place.start + len(place.rest)),
        hint="A slash in it is written \\/, and its brackets are closed before it ends.",
    )


def strange_character(place: Place) -> QueryError | None:
    """Recognize quotes of word processors, letters of other alphabets, and the like."""
    character = place.text[place.start]
    if character in slips.QUOTES:
        return QueryError(
            "This is not a quote that the query language knows.",
            span=place.span,
            hint="Strings stand in plain quotes, \"...\" or '...'.",
        )
    if character.isascii() and character not in "@\\$`":
        return None
    if character.isalpha():
        return QueryError(
            f"A name cannot hold the letter `{character}`.",
            span=place.span,
            hint="Names consist of the letters a to z, digits and _; other text is put in quotes.",
        )
    hint = slips.CHARACTERS.get(character)
    return QueryError(f"`{character}` means nothing here.", span=place.span, hint=hint)


def assignment(place: Place) -> QueryError | None:
    """Recognize `=` for `==`, and a name given without `let`."""
    if not place.after_operand or place.word != "=":
        return None
    if place.begins_statement and place.before[-1].kind == "NAME":
        return QueryError(
            "A name is given with `let`.",
            span=place.span,
            hint=f"Write `let {place.before_word} = ...`; to compare, write `==`.",
        )
    return QueryError(
        "`=` does not compare.",
        span=place.span,
        hint="Write `==`; a single `=` stands after `let`.",
    )


def slipped_sign(place: Place) -> QueryError | None:
    """Recognize operators of other languages: `=<`, `<>`, `->`."""
    if re.match(r"!\s*in\b", place.rest):
        return QueryError("`!in` is no operator.", span=place.span, hint="Write `not in`.")
    start, signs = place.start, place.word
    taken = 0
    if not place.after_operand and place.before_span.end == start:
        # The parser took the first half of it for an operator: `-` of `->`.
        taken = len(place.before_word)
        start, signs = start - taken, place.before_word + signs
    for sign, hint in slips.SIGNS.items():
        if signs.startswith(sign) and len(sign) > taken:
            span = Span(start, start + len(sign))
            return QueryError(f"`{sign}` is no operator.", span=span, hint=hint)
    return None


def other_language(place: Place) -> QueryError | None:
    """Recognize `select name from process`, `from p in process`."""
    first = place.first
    if first is None or first.kind != "NAME" or first.text.lower() not in slips.QUERY_VERBS:
        return None
    if not _STATEMENT_GOES_ON.match(place.text, first.end):
        return None
    return QueryError(
        f"A query does not begin with `{first}`.",
        span=span_of(first),
        hint="It begins with its source, and methods follow: "
        "process.Where(pid == 1).Select([name])",
    )


def foreign_word(place: Place) -> QueryError | None:
    """Recognize words of other languages in an operator's place, here or just before."""
    if not place.after_operand or not place.at_operand:
        return None
    words = [(place.word, place.span)]
    if place.before[-1].kind == "NAME":
        words.append((place.before_word, place.before_span))
    for word, span in words:
        hint = slips.word_hint(word)
        if hint is not None:
            what = "is no operator" if span == place.span else "means nothing here"
            return QueryError(f"`{word}` {what}.", span=span, hint=hint)
        example = slips.method_example(word)
        if example is not None:
            return QueryError(
                f"A `.` is missing before `{word}`.",
                span=span,
                hint=f"Methods follow their source with a dot: {example}",
            )
    return None
