"""What is said of a regular expression that RE2 refuses: where, why, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError, Span

if TYPE_CHECKING:
    from memq.lang import ast

_LOOKS = "RE2 does not look around. Write two conditions: `x.Matches(/a/) && !x.Matches(/b/)`."
_MEMORY = "RE2 does not remember what a group matched, so that it never has to go back."
_GROUPS = "RE2 has groups ( ), (?: ) and (?P<name> ), and flags (?i), (?m), (?s), (?U)."
_REPEATS = "A group can be repeated: `(?:a{2}){3}`."
_ESCAPES = (
    "After a backslash a sign is taken as it is, `\\.`; letters are `\\d`, `\\w`, `\\s`, `\\b`, ..."
)

# By the beginning of what RE2 says; `{0}` is the piece that it does not like.
_COMPLAINTS = {
    "invalid escape sequence": ("`{0}` means nothing in a regular expression.", _ESCAPES),
    "invalid character class range": ("`{0}` is no range or class of characters.", None),
    "invalid character class": ("`{0}` is no class of characters.", None),
    "missing ]": ("A `[` is never closed.", "The sign itself is written `\\[`."),
    "missing )": ("A `(` is never closed.", "The sign itself is written `\\(`."),
    "unexpected )": ("A `)` closes nothing.", "The sign itself is written `\\)`."),
    "no argument for repetition operator": (
        "There is nothing before `{0}` that could be repeated.",
        "The sign itself is written with a backslash; any text is `.*`.",
    ),
    "bad repetition operator": ("`{0}` repeats a repetition.", _REPEATS),
    "invalid repetition size": (
        "`{0}` repeats too often, or counts down.",
        "Up to 1,000 times can be asked for, repetitions in repetitions multiplied.",
    ),
    "invalid perl operator": ("`{0}` is no group that RE2 knows.", _GROUPS),
    "invalid named capture group": ("`{0}` names no group.", _GROUPS),
    "trailing \\": ("The expression ends in a backslash.", None),
}  # fmt: skip

# What other dialects have, by the piece that RE2 does not like.
_ELSEWHERE = {
    "(?=": ("A look ahead, `{0}`, is not possible.", _LOOKS),
    "(?!": ("A look ahead, `{0}`, is not possible.", _LOOKS),
    "(?<=": ("A look behind, `{0}`, is not possible.", _LOOKS),
    "(?<!": ("A look behind, `{0}`, is not possible.", _LOOKS),
    "(?>": ("An atomic group, `{0}`, is not possible.", "RE2 never goes back: write `(?:`."),
    "(?(": ("A conditional group, `{0}`, is not possible.", _MEMORY),
    "(?#": ("A comment, `{0}`, is not possible.", "Write it behind the line, after `//`."),
    "(?P=": ("A reference to a group, `{0}`, is not possible.", _MEMORY),
    "(?P>": ("A recursion, `{0}`, is not possible.", _MEMORY),
    "(?R": ("A recursion, `{0}`, is not possible.", _MEMORY),
    "++": ("`{0}` is not possible.", "RE2 never goes back: write `+`."),
    "*+": ("`{0}` is not possible.", "RE2 never goes back: write `*`."),
    "?+": ("`{0}` is not possible.", "RE2 never goes back: write `?`."),
    "\\Z": ("`{0}` means nothing in a regular expression.", "The end of the text is `\\z`."),
    "\\k": ("A reference to a group, `{0}`, is not possible.", _MEMORY),
    "\\g": ("A reference to a group, `{0}`, is not possible.", _MEMORY),
    **{
        f"\\{digit}": ("A reference to a group, `{0}`, is not possible.", _MEMORY)
        for digit in range(1, 10)
    },
    **{f"(?{digit}": ("A recursion, `{0}`, is not possible.", _MEMORY) for digit in range(10)},
}  # fmt: skip


def too_large(node: ast.Regex) -> QueryError:
    """An expression whose text, or whose program, is beyond the limits."""
    return QueryError(
        "The regular expression is too large.",
        span=node.span,
        hint="A repetition such as {500} stands for as many copies. Names are listed: `in [...]`.",
    )


def bytewise(node: ast.Regex) -> QueryError:
    """An expression that takes characters apart."""
    return QueryError(
        "`\\C`, a single byte, is not possible.",
        span=_span(node, "\\C"),
        hint="Any one character is `.`.",
    )


def refused(node: ast.Regex, complaint: str) -> QueryError:
    """An expression that RE2 refuses, in its words: a complaint, a colon, the piece in question."""
    if complaint.startswith("pattern too large"):
        return too_large(node)
    start, _, piece = complaint.partition(": ")
    if piece == "(?P":  # RE2 does not say what follows
        piece = node.pattern[(place := node.pattern.find(piece)) : place + 4]
    message, hint = _ELSEWHERE.get(piece) or _COMPLAINTS.get(start) or (complaint + ".", None)
    return QueryError(message.format(_short(piece)), span=_span(node, piece), hint=hint)


def _short(piece: str) -> str:
    return piece if len(piece) <= 40 else piece[:37] + "..."


def _span(node: ast.Regex, piece: str) -> Span:
    r"""Return the place of the first such piece in the query; of all of it where that is unsure.

    In a pattern `\/` has become `/`. If all slashes were written so, or none, the length tells.
    """
    place = node.pattern.find(piece)
    written = node.span.end - node.span.start - len(f"/{node.pattern}/{node.flags}")
    slashes = node.pattern.count("/")
    if place < 0 or not piece or written not in (0, slashes):
        return node.span
    before, inside = node.pattern[:place].count("/"), piece.count("/")
    if not written:
        before = inside = 0
    start = node.span.start + 1 + place + before
    return Span(start, start + len(piece) + inside)
