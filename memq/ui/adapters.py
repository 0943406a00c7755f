"""Completion and highlighting as prompt_toolkit asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.lexers import Lexer

from memq.ui.commands import as_query
from memq.ui.highlight import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from memq.lang.parser import Parser
    from memq.ui.complete import World

_WIDEST = 24
"""Columns of an entry of the menu that is shown with its arguments."""


class QueryCompleter(Completer):
    """Offers what may be written next; quick enough to be asked at each key, without a thread."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Yield what is suggested behind the text before the cursor."""
        from memq.ui.complete import suggest  # noqa: PLC0415 - a prompt does not wait for it

        for one in suggest(as_query(document.text_before_cursor), self._world):
            yield Completion(one.text, one.start, _short(one.shown), one.meta, f"class:{one.kind}")


def _short(shown: str) -> str:
    """Return an entry of the menu; one with many arguments would take the room of all docs."""
    name, bracket, _ = shown.partition("(")
    return f"{name}(…)" if bracket and len(shown) > _WIDEST else shown


class QueryLexer(Lexer):
    """Gives each piece of a query its style: `class:query.` and what it is."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return what gives the pieces of a line."""
        lines: list[StyleAndTextTuples] = [[]]
        for style, text in styled(document.text, self._parser):
            for number, part in enumerate(text.split("\n")):
                if number:
                    lines.append([])
                lines[-1].append((style, part))
        return lambda number: lines[number] if number < len(lines) else []


def styled(text: str, parser: Parser) -> Iterator[tuple[str, str]]:
    """Yield all of a text in pieces, each with its style."""
    whole = as_query(text)
    # What stands for the last result is not there to be seen.
    moved, at = (len(text) - len(whole), 0) if whole != text else (0, 0)
    for first, last, class_ in pieces(whole, parser):
        start, end = max(first + moved, at), max(last + moved, at)
        yield "", text[at:start]
        yield f"class:query.{class_}", text[start:end]
        at = end
    yield "", text[at:]
