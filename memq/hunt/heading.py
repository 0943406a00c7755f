"""What stands above the findings of a run: which dump was looked at, when, and by what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from memq import __version__
from memq.hunt.identity import identity_of
from memq.lang.printer import write
from memq.node import dataclass
from memq.os.systems import SYSTEMS
from memq.output.humane import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.hunt.attack import Attack
    from memq.hunt.identity import Identity
    from memq.image import Image
    from memq.lang.ast import Expression

_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Heading:
    """One run of rules on one dump."""

    image: Identity
    attack: Attack
    begun: str
    """When, in UTC, to the second: 2026-11-21T18:44:29Z."""
    parameters: Mapping[str, str]
    """What was given by name, as a query has it; not the defaults of rules."""
    version: str = __version__
    """Of memq."""

    @property
    def facts(self) -> dict[str, str]:
        """The heading as people read it: a name and a text for each thing there is to know."""
        image = self.image
        system = next(each.title for each in SYSTEMS if each.name == image.system)
        facts = {
            "Dump": f"{image.name} ({image.format}, {size_text(image.size)})",
            "System": f"{system} {image.release or _NOT_KNOWN}",
            "Host": image.host or _NOT_KNOWN,
            "Dumped": image.taken or _NOT_KNOWN,
            "Fingerprint": image.fingerprint,
            "Rules run": self.begun,
            "With": f"memq {self.version}, ATT&CK {self.attack.version}",
        }
        if self.parameters:
            given = [f"{name}={text}" for name, text in self.parameters.items()]
            facts["Parameters"] = ", ".join(given)
        return facts


def written(parameters: Mapping[str, Expression]) -> dict[str, str]:
    """Return parameters as the query language writes them."""
    return {name: write(value) for name, value in parameters.items()}


def heading_of(
    image: Image, attack: Attack, parameters: Mapping[str, Expression] | None = None
) -> Heading:
    """Return the heading of a run that begins now."""
    given = written(parameters or {})
    begun = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = identity_of(image)
    # A file's name may hold bytes that are no text, which no form could be written with.
    name = identity.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Heading(replace(identity, name=name), attack, begun, given)
