"""What completion asks in tests: a system with or without a kernel, and some commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memq.eval.bind import Binder
from memq.lang.parser import Parser
from memq.ui.values import KnownValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memq.schema.declare import System


@dataclass(frozen=True)
class Command:
    """A command as completion sees it."""

    name: str
    takes: tuple[str, ...] = ()
    doc: str = "Does something. And more."

    @property
    def arguments(self) -> str:
        return " ".join(one.upper() for one in self.takes)


COMMANDS = {
    one.name: one
    for one in (
        Command("open", ("file",)),
        Command("save", ("file", "query")),
        Command("dt", ("type",)),
        Command("symbol", ("symbol",)),
        Command("format", ("format",)),
        Command("explain", ("query",)),
        Command("set", ("setting",)),
        Command("help", ("help",)),
        Command("fields", ("object",)),
        Command("quit"),
    )
}


@dataclass
class Desk:
    """A session: what it can ask, and what it has named."""

    system: System
    kernel: Any = None
    parser: Parser = field(default_factory=Parser)
    commands: Mapping[str, Command] = field(default_factory=lambda: COMMANDS)
    settings: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"format": ("table", "json", "tree"), "color": ("on", "off")}
    )
    findings: Mapping[int, str] = field(default_factory=dict)
    binder: Binder = field(init=False)
    values: KnownValues = field(init=False)

    def __post_init__(self) -> None:
        self.binder = Binder(self.system, self.kernel)
        self.values = KnownValues(self)
