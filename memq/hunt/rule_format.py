"""The format of rules, declared once: loader, messages, JSON schema and the page read this.

Keys and their values are those of Sigma 2, but for the ones that speak of dumps and queries.
"""

from __future__ import annotations

import json

from memq.hunt.forms import Choice, Date, Key, ListOf, Literal, Record, TableOf, Text, Whole
from memq.os.systems import SYSTEMS
from memq.output.reference.page import table

_HEX = "[0-9a-fA-F]"
_UUID_PATTERN = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_NAME = "[A-Za-z_][A-Za-z0-9_]{0,63}"
_LINE = r"[^\n]*[^\s][^\n]*"

MOST_FILTERS = 50
"""Each is a step behind the query, and those are bounded (memq.lang.limits)."""

LEVELS = ("informational", "low", "medium", "high", "critical")
"""The least first."""
UUID = Text("a UUID", _UUID_PATTERN, 36, "6f1c1a0e-3f0b-4c53-9d5e-0a4b6f0c9a11")
TITLE = Text("one line of text", _LINE, 256)
QUERY = Text("a query")
SYSTEM = Choice(tuple(system.name for system in SYSTEMS))
REQUIRED = Text("an object or a field", rf"{_NAME}(?:\.{_NAME}){{0,7}}", 256, "process.token")
TAG = Text("a tag", r"[a-z0-9_-]+\.[a-z0-9_.-]+", 128, "attack.t1055.012")

FILTER = Record(
    "a filter",
    (
        Key("title", TITLE, "What it leaves out, in a few words.", required=True),
        Key(
            "where",
            Text("a condition"),
            "A condition on the rows that the query gives; those of which it is true are left out.",
            required=True,
        ),
        Key("description", Text(), "Why that is harmless here."),
    ),
)

PARAMETER = Record(
    "a parameter",
    (
        Key("default", Literal(), "Its value, as `--let` takes it.", required=True),
        Key("description", Text(), "What it decides."),
    ),
)

RULE = Record(
    "a rule",
    (
        Key("title", TITLE, "What it finds, in a few words.", required=True),
        Key(
            "id",
            UUID,
            "What tells it from every other rule, whatever its title becomes.",
            required=True,
        ),
        Key(
            "level",
            Choice(LEVELS),
            "How bad a match is.",
            required=True,
        ),
        Key("os", ListOf(SYSTEM, or_one=True), "The systems that it is for.", required=True),
        Key(
            "query",
            TableOf(SYSTEM, QUERY, or_one=True),
            "What is asked; each row of the answer is a match. One for all systems, or one for "
            "each.",
            required=True,
        ),
        Key("version", Whole(), "Goes up with each change of what it finds; 1 unless it is given."),
        Key(
            "status",
            Choice(("stable", "test", "experimental", "deprecated", "unsupported")),
            "How far it is proven.",
        ),
        Key("description", Text(), "What it looks for, and why that is bad."),
        Key("references", ListOf(Text()), "Where to read more."),
        Key("author", Text(), "Who wrote it."),
        Key("date", Date(), "When it was written."),
        Key("modified", Date(), "When it was last changed."),
        Key("tags", ListOf(TAG), "Techniques and tactics of ATT&CK, and what else it is about."),
        Key("falsepositives", ListOf(Text()), "What is harmless, and matches all the same."),
        Key(
            "requires",
            ListOf(REQUIRED),
            "Objects and fields that must be there; without them it is skipped, not clean.",
        ),
        Key("filters", ListOf(FILTER, most=MOST_FILTERS), "What is left out of its matches."),
        Key(
            "parameters",
            TableOf(Text("a name", _NAME, 64, "limit"), PARAMETER),
            "Names in the query to which whoever runs it can give other values.",
        ),
    ),
)


SITE_FILTER = Record(
    "a filter",
    (
        Key("title", TITLE, "What it leaves out, in a few words.", required=True),
        Key(
            "rules",
            ListOf(UUID, or_one=True),
            "Ids of the rules of whose matches it leaves something out.",
            required=True,
        ),
        Key(
            "where",
            Text("a condition"),
            "A condition on the rows of each of these rules; those of which it is true are left "
            "out.",
            required=True,
        ),
        Key("description", Text(), "Why that is harmless here."),
        Key("author", Text(), "Who wrote it."),
        Key("date", Date(), "When it was written."),
        Key("modified", Date(), "When it was last changed."),
    ),
)
"""A document of its own, for rules that come from elsewhere."""


def json_schema() -> str:
    """Return the format as JSON Schema (draft 7), which editors complete and check with."""
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A hunting rule of memq, or a filter of a site",
        "anyOf": [RULE.json(), SITE_FILTER.json()],
    }
    return json.dumps(head, indent=2) + "\n"


def markdown_table() -> str:
    """Return the table of a rule's keys, as the page has it."""
    return _table(("", RULE), ("filters: ", FILTER), ("parameters: ", PARAMETER))


def markdown_table_of_filters() -> str:
    """Return the table of the keys of a filter in a file of its own."""
    return _table(("", SITE_FILTER))


def _table(*parts: tuple[str, Record]) -> str:
    rows = [
        (f"{prefix}`{key.name}`", key.form.words, "yes" if key.required else "", key.meaning)
        for prefix, record in parts
        for key in record.keys
    ]
    return table(("key", "what it is", "required", "what it means"), rows)
