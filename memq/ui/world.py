"""What completion knows of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import MemqError
from memq.ui.commands import COMMANDS
from memq.ui.matching import MOST
from memq.ui.settings import SETTINGS
from memq.ui.values import KnownValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memq.eval.bind import Binder
    from memq.lang.parser import Parser
    from memq.schema.declare import System
    from memq.ui.command import Command
    from memq.ui.session import Session


class SessionWorld:
    """A session as completion sees it; another dump may be opened meanwhile."""

    commands: Mapping[str, Command] = COMMANDS
    settings: Mapping[str, Sequence[str]] = {name: one.choices for name, one in SETTINGS.items()}

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values = KnownValues(session.image)
        self._known_of = session.image

    @property
    def binder(self) -> Binder:
        """Binds in this session: it knows what was named so far."""
        return self._session.conversation.binder

    @property
    def parser(self) -> Parser:
        """Reads queries."""
        return self._session.parser

    @property
    def system(self) -> System:
        """The dump's system."""
        return self._session.image.system

    @property
    def findings(self) -> Mapping[int, str]:
        """What rules have found in the dump, and the titles of the rules; the latest first."""
        case = self._session.case or self._session.found
        if case is None:
            return {}
        try:
            return case.titles(self._session.fingerprint, MOST)
        except MemqError:
            return {}

    @property
    def values(self) -> KnownValues:
        """Values and names of the dump that is open."""
        if self._known_of is not self._session.image:
            self._known_of = self._session.image
            self._values = KnownValues(self._session.image)
        return self._values
