"""All dot commands: help, completion and docs/interpreter.md read this table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.errors import QueryError, Span
from memq.lang import hints
from memq.ui.command import Command, later
from memq.ui.look import usages
from memq.ui.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.lang.parser import Parser
    from memq.ui.session import Session

_DECLARED = (
    Command(
        "help", "[name]",
        "Tell how to ask; or all about an object, a field, a method, an operator, a command.",
        ".help process", later("telling", "help_"), ("help",),
    ),
    Command(
        "objects", "", "Name the objects that this dump can be asked for.",
        ".objects", later("telling", "objects"),
    ),
    Command(
        "fields", "OBJECT", "Name an object's fields and sub-objects, with their types.",
        ".fields process", later("telling", "fields"), ("object",),
    ),
    Command(
        "tree", "[query]", "Draw the tree of all processes, or of what a query gives.",
        ".tree process.Where(pid < 300)", later("asking", "tree"), ("query",),
    ),
    Command(
        "browse", "[query]",
        "Open the kernel's structures that a query gives, level by level; pointers are followed.",
        ".browse process.Where(pid == 1).Select(raw)", later("looking", "browse"), ("query",),
    ),
    Command(
        "dt", usages.LAYOUT.arguments,
        "Show the layout of a type of the kernel's; at an address, with the values there.",
        ".dt list_head", later("looking", "layout"), ("type",),
    ),
    Command(
        "symbol", usages.SYMBOL.arguments,
        "Tell where a symbol of the kernel is, or which one an address belongs to.",
        ".symbol init_task", later("looking", "symbol"), ("symbol",),
    ),
    Command(
        "x", usages.BYTES.arguments,
        "Show memory as bytes: the kernel's, a process's, or physical.",
        ".x linux_banner 64", later("looking", "dump"), ("symbol",),
    ),
    Command(
        "explain", "[query]", "Show how a query, or the last one, is found: what is read when.",
        ".explain process.Where(vad.is_executable && pid > 300)",
        later("asking", "explain"), ("query",),
    ),
    Command(
        "undecided", "[query]",
        "Show what a query, or the last one, could not decide, and why.",
        ".undecided process.Where(name == \"sh\")", later("asking", "undecided"), ("query",),
    ),
    Command(
        "time", "[on|off|query]",
        "Show the time below each result, or not; or measure a query without showing it.",
        ".time vad.Count()", later("asking", "timed"), ("query",),
    ),
    Command(
        "save", "FILE [query]",
        "Write the last result, or a query's, to a new file, in the form that its ending names.",
        ".save found.csv process.Select([pid, name])", later("asking", "save"), ("file", "query"),
    ),
    Command(
        "playbook", usages.PLAYBOOK.arguments,
        "Run hunting rules on this dump: files, folders, zips, or memq's own by name.",
        ".playbook default --level high", later("hunting", "playbook"), ("rules",),
    ),
    Command(
        "findings", "[ID]",
        "List what rules have found in this dump, with numbers; or show all about one of them.",
        ".findings 1", later("hunting", "findings"), ("finding",),
    ),
    Command(
        "mark", usages.MARK.arguments,
        "Keep in the case what you think of findings; `new` takes it back.",
        ".mark 1 false-positive \"the Java of our build servers\"",
        later("hunting", "mark"), ("marks",),
    ),
    Command(
        "case", "[FILE]",
        "Keep findings in a case from now on, a new one if there is none; or tell what is open.",
        ".case office.case", later("hunting", "case"), ("file",),
    ),
    Command(
        "merge", "FILE",
        "Put what somebody else has found and marked, in another case, into this one.",
        ".merge colleague.case", later("hunting", "merge_case"), ("file",),
    ),
    Command(
        "open", "DUMP", "Go on with another dump. What was named spoke of this one, and is gone.",
        ".open samples/deb12-6.1-small.lime.xz", later("asking", "open_"), ("file",),
    ),
    Command(
        "info", "", "Tell all that is known of the dump and its kernel.", ".info",
        later("telling", "info"),
    ),
    Command(
        "format", "[FORM]", f"Show or set the form of results. {SETTINGS['format'].listed}",
        ".format json", later("telling", "format_"), ("format",),
    ),
    Command(
        "set", "[NAME [VALUE]]", "Show what can be set, or set it for this session.",
        ".set pager off", later("telling", "set_"), ("setting",),
    ),
    Command(
        "history", "[count]", "Show what was entered, the latest at the end.",
        ".history 5", later("telling", "history"),
    ),
    Command(
        "quit", "", "Leave; so does Ctrl-D.", ".quit", later("telling", "quit_"),
        also=("exit", "q"),
    ),
)  # fmt: skip

COMMANDS: Mapping[str, Command] = {one.name: one for one in _DECLARED}
"""By their names, without the dot."""

_HABITS = re.compile(
    r"\s*(?:(help|\?)(?:\s+([\w.]+))?|([A-Za-z_][\w.]*)\?|(quit|exit)(?:\(\))?)\s*"
)
"""What is typed out of habit: `help`, `?`, `help process`, `process?`, `exit`."""


def meant(text: str) -> str:
    """Return the command that is meant by an entry of other programs; else the entry."""
    habit = _HABITS.fullmatch(text)
    if habit is None:
        return text
    _, name, asked, leaves = habit.groups()
    return ".quit" if leaves else f".help {name or asked or ''}".rstrip()


def without_dot(text: str) -> str:
    """Return the command that an entry would be with a dot before it; else nothing."""
    entry = f".{text.strip()}"
    is_one = is_command(entry) and word_of(entry) in COMMANDS and "\n" not in entry
    return entry if is_one else ""


def is_command(text: str) -> bool:
    """Whether an entry is a command: a dot and a small word that is no method's call."""
    word = word_of(text)
    rest = text.strip()[1 + len(word) :]
    is_word = not word[:1].isupper()
    return text.lstrip().startswith(".") and is_word and not rest.lstrip().startswith("(")


def as_query(text: str) -> str:
    """Return the query that an entry is: one that begins with a method goes on with the last one.

    So `.Take(3)` is `_.Take(3)`.
    """
    goes_on = text.lstrip().startswith(".") and not is_command(text)
    return f"_{text.lstrip()}" if goes_on else text


def is_whole(text: str, parser: Parser) -> bool:
    """Whether an entry is run as it is: it is complete, or wrong, so that the error shows."""
    if not text.strip() or is_command(meant(text)):
        return True
    if parser.is_empty(text):
        return text.endswith("\n")  # below a comment, a query may follow
    return parser.is_complete(as_query(text)) != "incomplete"


def word_of(text: str) -> str:
    """Return the name of the command in an entry."""
    rest = text.strip().removeprefix(".")
    end = next((n for n, letter in enumerate(rest) if not letter.isalnum()), len(rest))
    return rest[:end]


def run_command(session: Session, text: str) -> None:
    """Run an entry that is a command; QueryError if there is none of that name."""
    word = word_of(text)
    behind = text.strip()[1 + len(word) :].strip()
    command = next((one for one in _DECLARED if word in (one.name, *one.also)), None)
    if command is None:
        near = hints.nearest(word, COMMANDS)
        hint = hints.did_you_mean([f".{name}" for name in near]) or "`.help` names them all."
        if word in session.image.system.objects:
            hint = f"`{word}` is an object: a query begins with it, without the dot."
        raise QueryError(f"There is no command `.{word}`.", hint=hint)
    if behind and not command.arguments:
        raise QueryError(f"`.{word}` takes nothing behind it.", behind, Span(0, len(behind)))
    command.run(session, behind)
