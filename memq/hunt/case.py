"""A case: the findings of many runs, on many images, with what people think of them.

A finding is one row of evidence. It is known by its key, which is the same whenever the same rule
finds the same row in the same memory, so that a mark outlives the run it was made after.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from memq.errors import QueryError
from memq.hunt.case_file import STATUSES, CaseFile, parsed, status_of, text_of
from memq.hunt.case_recording import Recording, bounded
from memq.lang import hints
from memq.node import dataclass
from memq.printing import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from memq.hunt.heading import Heading
    from memq.hunt.identity import Identity
    from memq.hunt.running import Finding
    from memq.run import Run

MOST_NOTE = 4000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding with all that is known of its rule, for people to read."""

    number: int
    title: str
    rule: str
    """Id of the rule."""
    version: int
    level: str
    status: str
    note: str
    evidence: Any
    """As JSON output has it; the text itself where it is none."""
    description: str
    falsepositives: tuple[str, ...]
    query: str
    """As it was asked, without filters; empty where that is not known."""
    image: str
    """Name of the dump that it was found in."""
    fingerprint: str
    """Of that dump."""


class Case:
    """An open case; use it as a context manager, or close it."""

    def __init__(self, path: Path | None, *, create: bool = False) -> None:
        """Open a file, or make it; CaseError if it is none. Without a path, nothing is kept."""
        self.file = CaseFile(path, create=create)

    @property
    def name(self) -> str:
        """The path as it was given."""
        return self.file.name

    def begin(self, heading: Heading) -> Recording:
        """Begin a run of rules on a dump."""
        said = json.dumps(dict(heading.parameters), ensure_ascii=False)
        made_by = heading.version, heading.attack.version
        with self.file.change():
            image = self._image(heading.image)
            row = (image, int(time.time()), *made_by, bounded(said))
            run = self.file.write(_BEGIN, *row).lastrowid
        return Recording(self.file, int(run or 0), image, heading.image)

    def _image(self, identity: Identity) -> int:
        """Return the number of an image; what is known of it is that of the last run."""
        names = ("name", "format", "size", "system", "release", "host", "taken")
        values = [getattr(identity, name) for name in names]
        texts = [bounded(one) if isinstance(one, str) else one for one in values]
        self.file.write(_IMAGE, identity.fingerprint, *texts)
        return int(self.file.one(_IMAGE_OF, identity.fingerprint))

    def mark(self, numbers: Sequence[int], status: str, note: str | None = None) -> None:
        """Say what people think of findings: of all that are named, or of none.

        Without a note, the one that is there stays; `new` takes the mark back, with its note.
        """
        if status not in STATUSES:
            near = hints.did_you_mean(hints.nearest(status, STATUSES))
            hint = near or f"It can be {', '.join(STATUSES)}."
            raise QueryError(f"A finding cannot be `{status}`.", hint=hint)
        if note is not None and len(note) > MOST_NOTE:
            raise QueryError(f"A note has at most {MOST_NOTE:,} characters.", hint="Shorten it.")
        is_back = status == STATUSES[0]
        when = None if is_back else int(time.time())
        said = "" if is_back else note if note is None else bounded(note)
        with self.file.change():
            for number in numbers:
                if not self.file.write(_MARK, status, said, when, number).rowcount:
                    raise self.no_finding(number)

    def no_finding(self, number: int) -> QueryError:
        """Return the error that there is none of this number."""
        return QueryError(f"There is no finding {number}.", hint="`.findings` lists them.")

    def count(self, fingerprint: str = "") -> int:
        """Return how many findings there are, or how many on one image."""
        return int(self.file.one(_COUNT, fingerprint, fingerprint))

    def titles(self, fingerprint: str, most: int) -> dict[int, str]:
        """Return the latest findings, or those on one image, with the titles of their rules."""
        rows = self.file.read(_TITLES, fingerprint, fingerprint, most)
        return {number: text_of(title) for number, title in rows if isinstance(number, int)}

    def finding(self, number: int) -> Kept:
        """Return one finding; QueryError if there is none of this number."""
        row = next(self.file.read(_FINDING, number), None)
        if row is None:
            raise self.no_finding(number)
        title, rule, version, level, status, note, evidence, description, *more = row
        harmless, query, image, fingerprint = more
        texts = parsed(harmless)
        return Kept(
            number,
            text_of(title),
            text_of(rule),
            version if isinstance(version, int) else 0,
            text_of(level),
            status_of(status),
            text_of(note),
            parsed(evidence),
            text_of(description),
            tuple(map(text_of, texts if isinstance(texts, list) else ())),
            text_of(query),
            text_of(image),
            text_of(fingerprint),
        )

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def recorded(
    findings: Iterator[Finding],
    case: Case | None,
    heading: Heading,
    run: Run,
    tell: Callable[[str], None] = say,
) -> Iterator[Iterator[Finding]]:
    """Give findings that are kept in a case, if there is one, as they are pulled in the block.

    At its end is told what is new. Where keeping fails, the findings come all the same, and the
    CaseError at the end.
    """
    if case is None:
        yield findings
        return
    recording = case.begin(heading)
    is_stopped = True
    try:
        yield recording.kept(findings, heading.parameters)
        is_stopped = run.cancelled
    finally:
        tell(recording.told())
        recording.end(is_stopped=is_stopped)


_BEGIN = (
    "INSERT INTO runs (image, began, state, memq, attack, parameters)"
    " VALUES (?, ?, 'unfinished', ?, ?, ?)"
)
_IMAGE = """INSERT INTO images (fingerprint, name, format, size, system, release, host, taken)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name,
format = excluded.format, size = excluded.size, system = excluded.system,
release = excluded.release, host = excluded.host, taken = excluded.taken"""
_IMAGE_OF = "SELECT number FROM images WHERE fingerprint = ?"
_MARK = "UPDATE findings SET status = ?, note = coalesce(?, note), marked = ? WHERE number = ?"
_COUNT = """SELECT count(*) FROM findings LEFT JOIN images ON images.number = findings.image
WHERE fingerprint = ? OR ? = ''"""
_TITLES = """SELECT findings.number, title FROM findings
LEFT JOIN images ON images.number = findings.image LEFT JOIN rules ON rules.number = findings.rule
WHERE fingerprint = ? OR ? = '' ORDER BY findings.number DESC LIMIT ?"""
_FINDING = """SELECT title, rules.id, version, level, status, note, evidence, description,
falsepositives, query, name, fingerprint FROM findings
LEFT JOIN rules ON rules.number = findings.rule LEFT JOIN images ON images.number = findings.image
WHERE findings.number = ?"""
