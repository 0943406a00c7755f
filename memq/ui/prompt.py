"""The prompt: editing, history, completion, colours, as prompt_toolkit has them."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor, TabsProcessor
from prompt_toolkit.styles import DynamicStyle

from memq.ui.adapters import QueryCompleter, QueryLexer
from memq.ui.commands import is_whole
from memq.ui.keys import bindings
from memq.ui.log import prepared
from memq.ui.plain import CONTINUATION, PROMPT
from memq.ui.styles import depth_for, style_for
from memq.ui.world import SessionWorld

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from memq.ui.session import Session


_ESCAPE = 0.1
"""Seconds after which Escape is a key by itself."""


class _KeptHistory(FileHistory):
    """Entries in a file, but for those that begin with a space, and the last one again."""

    def append_string(self, string: str) -> None:
        if string.startswith(" ") or not string.strip():
            return
        latest = self.get_strings()[-1:]
        if latest != [string]:
            super().append_string(string)

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError:
            return  # it is still known in this session


class _Earlier(AutoSuggest):
    """Suggests the latest entry that begins so, whole: a line of a longer one is no entry."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """Return what would be added; None: there is nothing, or it does not fit into the line."""
        text = document.text
        if not text.strip():
            return None
        for entry in reversed(buffer.history.get_strings()):
            if entry.startswith(text) and "\n" not in entry:
                return Suggestion(entry[len(text) :])
        return None


def history_of(session: Session) -> History:
    """Return the history that all sessions of the user share."""
    try:
        return _KeptHistory(str(prepared("history")))
    except OSError as error:
        session.say(f"warning: the history is not kept: {error.strerror or error}")
        return InMemoryHistory()


def _continuation(width: int, _line: int, wraps: int) -> StyleAndTextTuples:
    """Return what stands before a further line; before the rest of a long one nothing is seen."""
    return [("class:prompt", " " * width if wraps else CONTINUATION)]


def _import_all() -> None:
    for name in ("memq.ui.complete", "memq.eval.conversation", "memq.eval.result"):
        import_module(name)


class Prompt:
    """Asks for one entry after the other."""

    def __init__(
        self, session: Session, input_: Input | None = None, output: Output | None = None
    ) -> None:
        self.history = history_of(session)
        terminal, world = session.terminal, SessionWorld(session)
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", PROMPT)],
            multiline=True,
            prompt_continuation=_continuation,
            lexer=QueryLexer(session.parser),
            completer=QueryCompleter(world),
            complete_while_typing=Condition(lambda: not terminal.is_dumb),
            auto_suggest=_Earlier(),
            history=self.history,
            search_ignore_case=True,
            key_bindings=bindings(lambda text: is_whole(text, session.parser)),
            input_processors=[
                HighlightMatchingBracketProcessor(),
                TabsProcessor(char1=" ", char2=" "),
            ],
            style=DynamicStyle(lambda: style_for(terminal, session.settings["background"])),
            include_default_pygments_style=False,
            color_depth=depth_for(terminal),
            enable_open_in_editor=True,
            enable_suspend=True,
            tempfile_suffix=".mq",
            input=input_,
            output=output,
        )
        # Alone, Escape is told from the keys that begin with it by time; a menu closes at once.
        self._prompt.app.ttimeoutlen = _ESCAPE
        session.history = self.entries
        self._is_warm = False
        self._prompt.app.after_render += self._warm_up

    def ask(self) -> str:
        """Return the next entry; KeyboardInterrupt, EOFError as the keys say."""
        return self._prompt.prompt()

    def _warm_up(self, _: object) -> None:
        """Import what queries need, once the prompt is there, while the user thinks of one."""
        if not self._is_warm:
            self._is_warm = True
            threading.Thread(target=_import_all, daemon=True).start()

    def entries(self) -> Iterable[str]:
        """Return what was entered, the latest first, earlier sessions included."""
        return reversed(self.history.get_strings())
