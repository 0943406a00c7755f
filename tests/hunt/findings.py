"""Findings of every sort, and hostile ones, for the tests of what is written of them."""

from __future__ import annotations

from typing import Any

from memq.hunt.attack import load_attack
from memq.hunt.heading import Heading
from memq.hunt.identity import Identity
from memq.hunt.reports.markdown import MOST_ROWS
from memq.hunt.rule import Rule
from memq.hunt.running import Finding

LONG = 1 << 20
HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=alert(1)>' & </td></table><h1>",
    '=HYPERLINK("http://evil.example")|calc!A1',
    "[link](http://evil.example) `code` **bold** | cell | http://evil.example www.evil.example",
    "\x1b[2J\x07\x00\r\n# new line",
    "\u202egnp.exe\u2066 \u200b\ufeff",
    "\U000e0041 \U0001d54f 日本語 e\u0301",
    "A" * LONG,
)
"""Names as a dump may hold them."""


def heading(**more: Any) -> Heading:
    """Return a heading that is the same whenever it is made, with the real ATT&CK."""
    image = Identity(
        name=more.pop("name", "evidence-7.lime"),
        format="LiME",
        size=3 << 30,
        system="linux",
        release="6.1.0-56-cloud-amd64",
        host="deb12lab",
        taken="",
        fingerprint="90904add" * 8,
    )
    parameters = more.pop("parameters", {"least": "4KB"})
    return Heading(image, load_attack(), "2026-11-21T18:44:29Z", parameters, "0.0.1", **more)


def rule(number: int, title: str, level: str, *tags: str, **more: Any) -> Rule:
    """Return a rule for Linux, unless queries are given."""
    more.setdefault("queries", {"linux": "process"})
    id_ = f"00000000-0000-4000-8000-{number:012}"
    return Rule(title, id_, level, place=f"a.yml:{number}:1", tags=tags, **more)


WINDOWS = {"windows": "process"}
FILTERED = "filters left out 3 rows"
NOT_HERE = "for Windows, and this is Linux"


def of_every_sort() -> list[Finding]:
    """Return findings with each outcome, several tactics, and values that are not known."""
    injected: list[dict[str, Any]] = [
        {
            "pid": 416,
            "name": "dropper",
            "vad": {"start": "0x7f0000000000", "size": 8192},
            "ports": [{"port": 22}, {"port": 80}],
            "path": None,
        },
        {
            "pid": 17,
            "name": None,
            "vad": {"start": "0x7f1100000000", "size": None, "_unknown": {"size": "paged out"}},
            "ports": [],
            "path": "/usr/bin/a-program-with-a-name-that-is-far-longer-than-others",
            "_unknown": {"name": "memory not in the dump"},
            "_cut_short": {"ports": "list has a loop"},
        },
    ]
    described: dict[str, Any] = {
        "description": "Code that was written while the program ran,\nas injected code is.",
        "falsepositives": ("Java", "Browsers that compile while they run"),
        "references": ("https://example.org/a_b", "a book"),
        "version": 2,
    }
    injection = rule(1, "Memory of no file", "high", "attack.t1055", "attack.t1620", **described)
    hollow = rule(2, "Hollowed", "critical", "attack.privilege-escalation", "attack.t1055.012")
    several = tuple({"pid": number} for number in range(MOST_ROWS + 2))
    numbers = rule(3, "Numbers", "informational")
    loaded = rule(4, "Module that hides", "high", "attack.t1014")
    return [
        Finding(injection, "match", "note: 1 list was cut short", tuple(injected), undecided=1),
        Finding(hollow, "match", "", ("a", -1, {"_unknown": "paged out"})),
        Finding(numbers, "match", "960 more rows are not shown", several, 960),
        Finding(loaded, "undecided", "0 matched, 3 undecided: memory not in the dump", undecided=3),
        Finding(rule(5, "Rootkit, too", "low", "attack.t1014"), "clean"),
        Finding(
            rule(6, "Token", "medium", "attack.t1134.001", queries=WINDOWS), "skipped", NOT_HERE
        ),
        Finding(rule(7, "Driver", "high", "attack.t1014", queries=WINDOWS), "skipped", NOT_HERE),
        Finding(rule(8, "Stopped", "low", "attack.t1003"), "skipped", "stopped by the user"),
        Finding(rule(9, "Nothing there", "critical", "attack.t1003.007"), "clean", FILTERED),
    ]


def hostile() -> list[Finding]:
    """Return findings whose every text is hostile, each name as a value, a column and a title."""
    found = []
    for number, name in enumerate(HOSTILE):
        own = rule(
            number,
            name[:200],
            "high",
            "attack.t1055",
            "attack.<script>",
            description=name,
            references=(name, f"javascript:{name}"),
            falsepositives=(name,),
        )
        row = {"pid": 1, "name": name, name[:200]: name, "list": [name, {"a": name}]}
        found.append(Finding(own, "match", name, (row, name, {"_unknown": name})))
        found += [Finding(own, "undecided", name), Finding(own, "skipped", f"{name}2")]
        found.append(Finding(own, "clean"))
    return found
