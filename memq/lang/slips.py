"""What hands used to other languages write, and what to write instead."""

from __future__ import annotations

QUOTES = frozenset(
    "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a`\u00b4"
)

CHARACTERS = {
    "@": 'A raw string is written @"...", its quote right after the @.',
    "\\": "A backslash stands only in strings and regular expressions.",
    "\u2013": "Write a plain minus sign, `-`.",
    "\u2014": "Write a plain minus sign, `-`.",
    "\u2212": "Write a plain minus sign, `-`.",
    "\u2260": "Write `!=`.",
    "\u2264": "Write `<=`.",
    "\u2265": "Write `>=`.",
    "\u2208": "Write `in`.",
    "\u2026": "A range is written with two dots: 1..9.",
    "\u2192": "A lambda is written `p => ...`.",
    "\u21d2": "A lambda is written `p => ...`.",
    "\u00d7": "Write `*`.",
    "\u00f7": "Write `/`.",
    "\u00ac": "Write `!`.",
    "\u2227": "Write `&&`.",
    "\u2228": "Write `||`.",
}

# In an operator's place; longer signs before those that they begin with.
SIGNS = {
    "<=>": "To compare, write `<`, `==` or `>`.",
    "====": "Write `==`, or `===` for exactly equal.",
    "=<": "Write `<=`.",
    "=>": "Before `=>` stand a lambda's parameters, `p => ...`; for at least, write `>=`.",
    "=!": "Write `!=`.",
    "=~": "A pattern is matched with `.Matches(/.../)`.",
    "!~": "Write `!(name.Matches(/.../))`.",
    "~=": 'Write `!=`, or `.Like("*...*")` for a pattern.',
    "<>": "Write `!=`.",
    "><": "Write `!=`.",
    "->": "Members and pointers are followed with `.`; a lambda is written `p => ...`.",
    "::": "Members are reached with `.`.",
    ":=": "Write `let name = ...`; to compare, write `==`.",
    "?.": "Write `.`: a member of null is null.",
    "...": "A range is written with two dots, and holds both ends: 1..9.",
    "|>": "Write `.`: methods follow their source with a dot.",
    "+=": "Nothing can be changed here; `let` gives a name to a new value.",
    "-=": "Nothing can be changed here; `let` gives a name to a new value.",
    "-->": "A lambda is written `p => ...`.",
    "++": "Nothing can be changed here; `let` gives a name to a new value.",
    "**": "Powers of two are written `1 << n`.",
    ".*": "Without `Select` all default columns are shown.",
}

# Where a value is expected.
PREFIXES = {
    "+": "A number needs no `+`.",
    "*": "Without `Select` all default columns are shown; `Count()` counts all.",
    "==": "The left side of the comparison is missing.",
    "!=": "The left side of the comparison is missing.",
    "<": "The left side of the comparison is missing.",
    "<=": "The left side of the comparison is missing.",
    ">": "The left side of the comparison is missing.",
    ">=": "The left side of the comparison is missing.",
    ".": "A number begins with a digit: 0.5.",
    "?": "A value that may be missing is written `a ?? b`, a choice `c ? a : b`.",
}

# With which a statement begins elsewhere, and goes on with another word.
QUERY_VERBS = frozenset(("select", "from", "find", "show", "list", "get", "with", "describe", "dx"))

_WORDS = {
    "and": "Write `and` in lower case, or `&&`.",
    "or": "Write `or` in lower case, or `||`.",
    "in": "Write `in` in lower case.",
    "not": "Write `not` in lower case, or `!`.",
    "is": "Write `==`; to ask whether a value is known, `is_known(...)`.",
    "isnt": "Write `!=`.",
    "eq": "Write `==`.",
    "ne": "Write `!=`.",
    "lt": "Write `<`.",
    "le": "Write `<=`.",
    "gt": "Write `>`.",
    "ge": "Write `>=`.",
    "equals": "Write `==`.",
    "xor": "Write `^` for bits, `!=` for conditions.",
    "mod": "Write `%`.",
    "between": "Write `in 1..9`; both ends are in the range.",
    "like": 'Write `.Like("*.tmp")`.',
    "ilike": 'Write `.ToLower().Like("*.tmp")`.',
    "rlike": "Write `.Matches(/.../)`.",
    "regexp": "Write `.Matches(/.../)`.",
    "matches": "Write `.Matches(/.../)`.",
    "contains": 'Write `.Contains("...")`.',
    "startswith": 'Write `.StartsWith("...")`.',
    "endswith": 'Write `.EndsWith("...")`.',
    "has": 'Write `.Has("...")`.',
    "as": "A column gets its name in a record: .Select({name: value}).",
    "then": "A choice is written `c ? a : b`.",
    "else": "A choice is written `c ? a : b`.",
    "if": "A choice is written `c ? a : b`.",
    "from": "A query begins with its source: `process.Select([name])`.",
    "lambda": "A lambda is written `x => ...`.",
    "function": "A lambda is written `x => ...`.",
    "def": "A lambda is written `x => ...`.",
    "fn": "A lambda is written `x => ...`.",
    "for": "A value for each element is made with `.Select(...)`.",
}

_METHODS = {
    "where": ".Where(pid == 1)",
    "select": ".Select([name, pid])",
    "project": ".Select([name, pid])",
    "order": ".OrderBy(pid)",
    "orderby": ".OrderBy(pid)",
    "sort": ".OrderBy(pid)",
    "group": ".GroupBy(name)",
    "join": ".Join(...)",
    "limit": ".Take(10)",
    "take": ".Take(10)",
    "top": ".Take(10)",
    "head": ".Take(10)",
    "count": ".Count()",
}


def word_hint(word: str) -> str | None:
    """Return what to write instead of a word that stands where an operator belongs."""
    if word in ("and", "or", "in", "not"):
        return None
    return _WORDS.get(word.lower())


def method_example(word: str) -> str | None:
    """Return how the method is called that a word without a dot before it stands for."""
    return _METHODS.get(word.lower())
