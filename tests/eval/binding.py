"""The cases of binding.txt, which says how they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).with_name("binding.txt")
UNKNOWN = Reason.PAGED_OUT
_FLAG = re.compile(r"([a-z])(\?)?")


class Case(NamedTuple):
    """Conditions of Wheres in a row, the processes that they are asked of, and what is to come."""

    section: str
    conditions: tuple[str, ...]
    processes: tuple[str, ...]
    expected: str
    missing: str
    """Why the case is known to fail."""


def cases() -> Iterator[Case]:
    """Read the file."""
    _, *sections = CASES.read_text("utf-8").split("\n# ")
    for section in sections:
        title, *lines = section.splitlines()
        processes: list[str] = []
        missing = ""
        for line in lines:
            if line.startswith("@ "):
                processes.append(line.removeprefix("@ "))
            elif line.startswith("xfail: "):
                missing = line.removeprefix("xfail: ")
            elif line:
                text, expected = line.split(" ->")
                conditions = tuple(part.strip() for part in text.split(" then "))
                yield Case(title, conditions, tuple(processes), expected.strip(), missing)
                missing = ""


def world(lines: tuple[str, ...]) -> list[dict[str, Any]]:
    """The processes that the lines describe; parents and children are places in the list."""
    numbers = [int(re.split(r"[ ;]", line)[0]) for line in lines]
    return [process(line, numbers) for line in lines]


def process(line: str, numbers: list[int]) -> dict[str, Any]:
    number, _, rest = line.partition(" ")
    parts = [part.strip() for part in (rest or number).split(";")]
    found: dict[str, Any] = {"pid": int(number.rstrip(";")), "odd": False, "cut": {}}
    found |= {"vad": [], "handle": [], "children": [], "parent": None}
    for part in parts if rest else ():
        name, colon, text = part.partition(":")
        words = [word.strip() for word in text.split(",")]
        if not colon:
            found[name.rstrip("?")] = UNKNOWN if name.endswith("?") else True
            continue
        if name == "parent":
            found[name] = UNKNOWN if words == ["?"] else numbers.index(int(words[0]))
            continue
        if "..." in words:
            words.remove("...")
            found["cut"][name] = UNKNOWN
        make = element if name in ("vad", "handle") else lambda word: numbers.index(int(word))
        found[name] = [make(word) for word in words]
    return found


def element(word: str) -> dict[str, Any]:
    """A VAD or handle: its truth values and its text; its number is 1."""
    flags, _, text = word.partition("=")
    found: dict[str, Any] = {"n": 1, "a": False, "b": False, "c": False, "f": None}
    for name, unknown in _FLAG.findall(flags):
        found[name] = UNKNOWN if unknown else True
    if text:
        found["f"] = UNKNOWN if text == "?" else text
    return found


def written(processes: list[dict[str, Any]], answer: Any, undecided: list[int]) -> str:
    """What a query gave, as the file writes it."""
    texts = {pid: f"{pid} ?" for pid in undecided}
    whole = {one["pid"]: one for one in processes}
    for record in answer.records:
        texts[record["pid"]] = _one(record, whole, processes)
    lost = [f"lost {answer.lost}"] if answer.lost else []
    return "; ".join([texts[pid] for pid in sorted(texts)] + lost)


def _one(record: dict[str, Any], whole: dict[int, Any], processes: list[dict[str, Any]]) -> str:
    """A process with those of its collections that are not whole."""
    own = whole[record["pid"]]
    words = [str(record["pid"])]
    for name in ("vad", "handle"):
        words += _left(name, record[name], own.get(name, []))
    children = [processes[number] for number in own.get("children", [])]
    kept = [_child(one, whole) for one in record.get("children", ())]
    if kept != [str(child["pid"]) for child in children]:
        words += ["children", *(kept or ["-"])]
    parent = own.get("parent")
    if isinstance(parent, int) and not isinstance(parent, Reason):
        words += _left("parent", record["parent"]["vad"], processes[parent].get("vad", []))
    return " ".join(words)


def _left(name: str, kept: list[dict[str, Any]], whole: list[Any]) -> list[str]:
    if len(kept) == len(whole):
        return []
    return [name, *([str(one["i"] + 1) for one in kept] or ["-"])]


def _child(record: dict[str, Any], whole: dict[int, Any]) -> str:
    left = _left("", record["vad"], whole[record["pid"]].get("vad", []))
    return f"{record['pid']}({' '.join(left[1:])})" if left else str(record["pid"])
