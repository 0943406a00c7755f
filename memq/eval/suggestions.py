"""What error messages suggest: what is near, and what other languages call what is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.methods import METHODS, methods_of
from memq.lang import ast, hints, printer
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memq.errors import Span
    from memq.schema.declare import System
    from memq.schema.kinds import ValueType

_HANDFUL = 6
_LONGEST = 40
"""Characters of a query that a sentence can repeat."""


def _words(table: Mapping[str, str]) -> Mapping[str, str]:
    """Turn a table of what is here, and what it is called elsewhere, round."""
    return {word: name for name, words in table.items() for word in words.split()}


COLLECTION_WORDS = _words(
    {
        "Where": "filter findall grep having",
        "Select": "map project columns fields pluck display",
        "Let": "extend assign mutate eval withcolumn",
        "SelectMany": "flatmap",
        "Flatten": "mvexpand explode unwind unnest expand",
        "Take": "limit head top",
        "Skip": "offset drop",
        "OrderBy": "sort sorted sortby order arrange",
        "OrderByDescending": "orderbydesc sortdesc sortbydescending",
        "Reverse": "reversed",
        "Distinct": "unique uniq dedup",
        "GroupBy": "group summarize partition",
        "CountBy": "valuecounts histogram tally",
        "Count": "len length size",
        "Any": "some exists",
        "All": "every",
        "None": "isempty empty",
        "Contains": "includes has",
        "First": "find",
        "FirstOrNull": "firstordefault singleordefault",
        "ElementAt": "nth at item elementatordefault",
        "Average": "avg mean",
        "Sum": "total",
        "Min": "minimum",
        "Max": "maximum",
        "MinBy": "argmin",
        "MaxBy": "argmax",
        "Aggregate": "reduce fold inject",
        "Except": "minus difference subtract",
        "Concat": "append unionall addrange",
        "Join": "innerjoin",
        "LeftJoin": "leftouterjoin groupjoin",
        "AntiJoin": "leftanti antisemijoin",
        "Chunk": "batch batched",
        "ToList": "toarray list collect",
    }
)
"""What SQL, KQL, Splunk, pandas and JavaScript call the methods of collections."""

TEXT_WORDS = _words(
    {
        "ToLower": "lower lcase tolowercase casefold tolowerinvariant",
        "ToUpper": "upper ucase touppercase toupperinvariant",
        "Length": "len size count strlen",
        "Trim": "strip ltrim rtrim trimstart trimend lstrip rstrip",
        "Substring": "substr slice left mid",
        "Matches": "match ismatch regexmatch search test matchesregex",
        "Like": "glob fnmatch ilike",
        "Contains": "includes has icontains",
        "IndexOf": "find position strpos",
        "StartsWith": "beginswith hasprefix prefix",
        "EndsWith": "hassuffix suffix",
        "Replace": "replaceall sub gsub",
    }
)
"""What the methods of texts are called elsewhere."""

_FLAG_WORDS = _words({"Has": "hasflag contains includes isset test any all"})

_CLOCK = 'No result depends on the clock. A time is written t"2026-11-21T10:00:00Z".'
_FUNCTIONS = {
    **dict.fromkeys(("isnull", "is_null", "isnone"), "Compare it: `x == null`."),
    **dict.fromkeys(("isnotnull", "is_not_null", "notnull"), "Compare it: `x != null`."),
    **dict.fromkeys(("coalesce", "ifnull", "nvl"), "Write `a ?? b`."),
    **dict.fromkeys(("if", "iif", "iff", "case", "cond"), "Write `condition ? a : b`."),
    **dict.fromkeys(("now", "ago", "today", "getdate", "datetime", "date"), _CLOCK),
    **dict.fromkeys(("regex", "re"), "A regular expression is written `/.../`."),
    **dict.fromkeys(
        ("int", "toint", "str", "tostring", "hex", "tohex", "float"),
        "No value needs to be converted: a field has one type, and addresses are shown in hex.",
    ),
    **dict.fromkeys(
        ("len", "length", "size"),
        "A text is asked for its `Length()`, a collection for its `Count()`.",
    ),
}

_SOURCES = _words(
    {
        "process": "ps pslist pstree psscan proc tasks tasklist",
        "driver": "lsmod modules module modscan",
        "handle": "lsof fds files file",
        "vad": "maps mappings mapping regions vadinfo vma vmas memory",
        "syscall": "ssdt check_syscall",
        "kernel": "system os host machine uname banner banners info sysinfo",
    }
)
"""What other tools call the objects."""

_LITERALS = _words(
    {"null": "null none nil nullptr undefined", "true": "true yes", "false": "false no"}
)
_ELEMENT = frozenset(("this", "self", "it", "item", "row", "element", "_"))


# Words of a message


def listed(names: Iterable[str]) -> str:
    """Name some names one after the other."""
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def handful(what: str, names: Sequence[str]) -> str | None:
    """Name all of a few, or the first of many."""
    if not names:
        return None
    if len(names) == 1:
        return f"There is only {listed(names)}."
    if len(names) <= _HANDFUL:
        return f"{what} are {listed(names)}."
    return f"Among {what[0].lower()}{what[1:]} are {listed(names[:_HANDFUL])}."


def quoted(node: ast.Node) -> str:
    """Return a part of a query as a sentence repeats it."""
    text = printer.write(node)
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}`"


def stem(node: ast.Expression, fallback: str = "x") -> str:
    """Return a part of a query as an example goes on from it; where it is long, a name for it."""
    text = printer.write(node)
    return text if len(text) <= _LONGEST else fallback


def place_of(node: ast.Expression) -> Span:
    """Return where a caret is of most use: under a method's name, not under all before it."""
    if isinstance(node, ast.Call):
        return method_span(node)
    is_long = node.span.end - node.span.start > _LONGEST
    return node.name_span if isinstance(node, ast.Member) and is_long else node.span


def method_span(node: ast.Call) -> Span:
    """Return the place of the name of what is called."""
    return node.target.name_span if isinstance(node.target, ast.Member) else node.target.span


def method_name(node: ast.Call) -> str:
    """Return the name of what is called, a method's as it is declared."""
    if isinstance(node.target, ast.Member):
        declared = SERIES_METHODS.get(node.target.name.lower())
        return declared.name if declared else node.target.name
    return node.target.name if isinstance(node.target, ast.Name) else "this"


# What may have been meant


def collection_method(name: str) -> str | None:
    """Return which method of collections may have been meant."""
    called = COLLECTION_WORDS.get(_plain(name))
    if called is not None:
        return f"It is called `{called}` here: `{signature(called)}`."
    return hints.did_you_mean(hints.nearest(name, [one.name for one in SERIES_METHODS.values()]))


def signature(name: str) -> str:
    """Return how a method of collections is written."""
    method = SERIES_METHODS[name.lower()]
    return f"{method.name}({method.arguments})"


def value_method(type_: ValueType, name: str) -> str | None:
    """Return which method of a type's values may have been meant."""
    words = {Kind.STRING: TEXT_WORDS, Kind.FLAGS: _FLAG_WORDS}.get(type_.kind, {})
    called = words.get(_plain(name))
    if called is not None:
        return f"It is called `{called}` here: `{METHODS[called].signature}`."
    return hints.did_you_mean(hints.nearest(name, value_methods(type_)))


def value_methods(type_: ValueType) -> list[str]:
    """Return the names of all methods that values of a type have."""
    names = [method.name for method in methods_of(type_.kind)]
    return [*names, "Split"] if type_.kind is Kind.STRING else names


def function(name: str) -> str | None:
    """Return what stands here instead of a function of another language."""
    word = name.lower()
    if word in _FUNCTIONS:
        return _FUNCTIONS[word]
    plain = _plain(name)
    text = next((one for one in METHODS.values() if one.name.lower() == plain), None)
    if text is None and plain in TEXT_WORDS:
        text = METHODS[TEXT_WORDS[plain]]
    if text is not None:
        return f"It is a method, behind a dot: `name.{text.signature}`."
    called = plain if plain in SERIES_METHODS else COLLECTION_WORDS.get(plain)
    return called and f"It is a method, behind a dot: `process.{signature(called)}`."


def source(name: str, system: System) -> str | None:
    """Return which source another tool calls so."""
    called = _SOURCES.get(name.lower().removeprefix("linux_").removeprefix("windows_"))
    return f"Did you mean `{called}`?" if called in system.objects else None


def word(name: str, element: str) -> str | None:
    """Return what is written here for a word that other languages have."""
    literal = _LITERALS.get(name.lower())
    if literal is not None:
        return f"Write `{literal}`."
    if name.lower() in _ELEMENT and element:
        return f"The element is called `{element}` here."
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


_ASKED = {
    Kind.STRING: 'Compare it, `== "..."`, or ask it: `.Contains("...")`.',
    Kind.FLAGS: 'Ask for one of them: `.Has("...")`.',
    Kind.TIME: 'Compare it: `> t"2026-11-21"`.',
    Kind.DURATION: "Compare it: `> 5m`.",
    Kind.SIZE: "Compare it: `> 4KB`.",
    Kind.ADDRESS: "Compare it: `!= 0`.",
}


def condition_of(type_: ValueType) -> str:
    """Return how a condition is made of a value."""
    return _ASKED.get(type_.kind, "Compare it: `== 1`, `> 1`, `in 1..9`.")
