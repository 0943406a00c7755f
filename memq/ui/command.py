"""What a dot command is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.ui.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """A dot command, declared once: help, completion and the documentation read it."""

    name: str
    """Without its dot."""
    arguments: str
    """What stands behind it, as the help shows it."""
    doc: str
    example: str
    run: Callable[[Session, str], None]
    """What it does with the text behind its name."""
    takes: tuple[str, ...] = ()
    """What completion offers for its arguments, in order (memq.ui.arguments); nothing beyond."""
    also: tuple[str, ...] = ()
    """Other names that are understood."""

    @property
    def usage(self) -> str:
        """How it is called."""
        return f".{self.name} {self.arguments}".rstrip()


def later(module: str, function: str) -> Callable[[Session, str], None]:
    """Return a function of a module of memq.ui that is imported when it is first called.

    A prompt does not wait for all that commands need.
    """

    def run(session: Session, text: str) -> None:
        getattr(import_module(f"memq.ui.{module}"), function)(session, text)

    return run
