"""MITRE ATT&CK as data: techniques and tactics of one version, and what became of old ids.

`data/attack.txt` is written by `python -m memq.hunt.build_attack`; nothing is downloaded. Its first
line names the version, lines with # the terms of use. Three sections follow, each titled with the
number of its lines, so that one that is lost is noticed; tabs stand between the columns.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import MemqError
from memq.lang import hints
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TABLE = Path(__file__).parent / "data" / "attack.txt"
TAG_PREFIX = "attack."
"""What the tags of ATT&CK begin with in a rule, as Sigma 2 has it."""
COLUMNS = {
    "tactics": ("id", "short name", "name"),  # in the matrix's order
    "techniques": ("id", "short names of tactics", "name"),
    "retired": ("id", "successor"),
}
"""The sections of the file in their order, and what stands in a line of each."""
NOTHING = "-"
"""Stands for the successor of an id that has none."""

_HEAD = re.compile(r"ATT&CK (\d+\.\d+) enterprise")
_TITLE = re.compile(r"\[([a-z]+) ([0-9]{1,5})\]")
_TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_TACTIC = re.compile(r"TA[0-9]{4}")
_MOST_NEAR = 3

_Rows = list[list[str]]


@dataclass(slots=True, frozen=True)
class Tactic:
    """A column of the matrix: what an adversary wants, such as to stay unseen."""

    id: str
    short_name: str
    name: str


@dataclass(slots=True, frozen=True)
class Technique:
    """A way to reach it; `tactics` are the short names of those that it serves."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def parent(self) -> str | None:
        """Id of the technique that this one is a kind of: T1055 of T1055.012."""
        above, dot, _ = self.id.partition(".")
        return above if dot else None

    @property
    def url(self) -> str:
        """Its page."""
        return f"https://attack.mitre.org/techniques/{self.id.replace('.', '/')}/"


@dataclass(slots=True, frozen=True)
class Attack:
    """A version of ATT&CK for enterprises; ids are written as ATT&CK does, `T1055.012`."""

    version: str
    tactics: Sequence[Tactic]
    """In the order of the matrix."""
    techniques: Mapping[str, Technique]
    retired: Mapping[str, str | None]
    """Ids that were revoked or deprecated, with the one that took their place."""

    def technique(self, id: str) -> Technique | None:
        """Return the technique of that id, in any case; none of an id that is retired."""
        return self.techniques.get(id.upper())

    def successor(self, id: str) -> Technique | None:
        """Return what took the place of an id that was revoked."""
        return self.techniques.get(self.retired.get(id.upper()) or "")

    def nearest(self, id: str) -> list[Technique]:
        """Return up to three that may have been meant by an id that does not exist.

        First come those of the same parent, then those that look alike.
        """
        wanted = id.upper()
        above = wanted.partition(".")[0]
        family = [known for known in self.techniques if known.partition(".")[0] == above]
        alike = hints.nearest(wanted, self.techniques)
        near = list(dict.fromkeys([*hints.nearest(wanted, family), *family, *alike]))[:_MOST_NEAR]
        return [self.techniques[known] for known in near]

    def tag(self, text: str) -> Technique | Tactic | None:
        """Return what a rule's tag speaks of: `attack.t1055.012`, `attack.defense-evasion`."""
        prefix, name = text[: len(TAG_PREFIX)].lower(), text[len(TAG_PREFIX) :]
        if prefix != TAG_PREFIX:
            return None
        named = (tactic for tactic in self.tactics if tactic.short_name == name.lower())
        return next(named, None) or self.technique(name)


def load_attack() -> Attack:
    """Read the table; a MemqError if the file is missing or damaged."""
    try:
        return parse(TABLE.read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MemqError(
            f"The table of ATT&CK techniques cannot be read ({TABLE}: {why}); install memq anew."
        ) from error


def parse(text: str) -> Attack:
    """Read the text of such a file; a ValueError says what is wrong with it."""
    head, *lines = [line for line in text.split("\n") if line and not line.startswith("#")] or [""]
    version = _HEAD.fullmatch(head)
    if version is None:
        raise ValueError("its first line names no version")
    sections = dict(_sections(lines))
    if list(sections) != list(COLUMNS):
        raise ValueError(f"its sections are not {', '.join(COLUMNS)}")
    attack = Attack(
        version[1],
        tuple(Tactic(*row) for row in sections["tactics"]),
        {
            id_: Technique(id_, name, tuple(tactics.split()))
            for id_, tactics, name in sections["techniques"]
        },
        {old: None if new == NOTHING else new for old, new in sections["retired"]},
    )
    wrong = next(_wrong(attack, sections), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:40]!r} is no id, stands twice, or leads nowhere")
    return attack


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, _Rows]]:
    rest = iter(lines)
    for line in rest:
        title = _TITLE.fullmatch(line)
        if title is None or title[1] not in COLUMNS:
            raise ValueError(f"{line[:40]!r} is no title of a section")
        name, count = title[1], int(title[2])
        rows = [row.split("\t") for row in islice(rest, count)]
        if len(rows) != count:
            raise ValueError(f"it ends within {name}")
        wrong = next((row for row in rows if len(row) != len(COLUMNS[name]) or not all(row)), None)
        if wrong is not None:
            raise ValueError(f"a line of {name} is not {', '.join(COLUMNS[name])}: {wrong}")
        yield name, rows


def _wrong(attack: Attack, sections: Mapping[str, _Rows]) -> Iterator[str]:
    """Yield ids that are none, that stand twice, or that lead to what is not there."""
    seen = set()
    for name, rows in sections.items():
        for id_, *_ in rows:
            if id_ in seen or not (_TACTIC if name == "tactics" else _TECHNIQUE).fullmatch(id_):
                yield id_
            seen.add(id_)
    shorts = {tactic.short_name for tactic in attack.tactics}
    known = attack.techniques
    for technique in known.values():
        if (technique.parent or technique.id) not in known or not shorts.issuperset(
            technique.tactics
        ):
            yield technique.id
    yield from (old for old, new in attack.retired.items() if new is not None and new not in known)
