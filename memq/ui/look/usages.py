"""How the commands are written that look at the kernel, and those that run rules."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Usage:
    """How a command is written."""

    text: str
    """All of it, as an error shows it: `.x ADDRESS [LENGTH] [--physical]`."""
    most: int
    """Words that it takes at most; at least it takes one."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Each option, and the name of its value; an empty one for an option that takes none."""

    @property
    def arguments(self) -> str:
        """What stands behind the command's name."""
        return self.text.partition(" ")[2]


LAYOUT = Usage(".dt TYPE[.MEMBER] [ADDRESS] [DEPTH]", most=6)
SYMBOL = Usage(".symbol NAME | ADDRESS | PATTERN", most=1)
BYTES = Usage(
    ".x ADDRESS [LENGTH] [--process PID] [--physical]", 2, {"--process": "PID", "--physical": ""}
)
PLAYBOOK = Usage(
    ".playbook PATH|NAME ... [--level LEVEL] [--tag TAG] [--let NAME=VALUE]",
    1 << 10,
    {"--level": "LEVEL", "--tag": "TAG", "--let": "NAME=VALUE"},
)
MARK = Usage('.mark ID ... STATUS ["NOTE"]', 1 << 10)
