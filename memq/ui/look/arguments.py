"""What stands behind the name of a dot command: words and options, and what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.errors import QueryError, Span
from memq.eval.globs import fitting
from memq.lang.hints import did_you_mean, nearest
from memq.node import dataclass
from memq.output.cells import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.ui.look.usages import Usage

MAX_TEXT = 4096
"""Characters of a command line."""

MAX_PATTERN = 128

# A sum is one word, with spaces around its signs or without.
_WORD = re.compile(r"--[^\s=]+(?:=\S*)?|[^\s+-]+(?:\s*[+-]\s*[^\s+-]+)*|\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and where it is in the text."""

    text: str
    span: Span


class Arguments:
    """The words and options of one command, checked against its usage."""

    def __init__(self, text: str, usage: Usage) -> None:
        """Raise QueryError for a wrong option, too many words, and none at all."""
        self.text = text
        self.usage = usage
        self.words: list[Word] = []
        self.options: dict[str, Word] = {}
        """The options that were given, each with its value; the option itself if it takes none."""
        if len(text) > MAX_TEXT:
            raise QueryError(f"a command has at most {MAX_TEXT:,} characters")
        self._sort([Word(match[0], Span(*match.span())) for match in _WORD.finditer(text)])
        if not self.words:
            raise QueryError("there is no word of what to show", hint=self._usage())
        if len(self.words) > usage.most:
            extra = self.words[usage.most]
            raise self.error("this is one word too many", extra, self._usage())

    def error(self, message: str, word: Word, hint: str | None = None) -> QueryError:
        """Return an error that points to a word; what it repeats of text is made harmless."""
        return QueryError(clean(message), clean(self.text), word.span, hint and clean(hint))

    def pattern(self, word: Word) -> Callable[[str], bool] | None:
        """Return the test whether a name fits a word with `*` or `?`; None for one without."""
        if not set(word.text) & set("*?"):
            return None
        fits = fitting(word.text) if len(word.text) <= MAX_PATTERN else None
        if fits is None:
            raise self.error(f"a pattern has at most {MAX_PATTERN} characters", word)
        return fits

    def _sort(self, words: Sequence[Word]) -> None:
        """Tell words from options."""
        left = iter(words)
        for word in left:
            if not word.text.startswith("--"):
                self.words.append(word)
                continue
            name, sign, value = word.text.partition("=")
            self._check_option(name, word)
            if not self.usage.options[name]:
                if sign:
                    raise self.error(f"{name} takes no value", word, self._usage())
                self.options[name] = word
            elif sign and value:
                start = word.span.end - len(value)
                self.options[name] = Word(value, Span(start, word.span.end))
            else:
                self.options[name] = self._value(name, word, next(left, None))

    def _check_option(self, name: str, word: Word) -> None:
        options = self.usage.options
        if name not in options:
            near = did_you_mean(nearest(name, options)) or self._usage()
            raise self.error(f"there is no option `{name}`", word, near)
        if name in self.options:
            raise self.error(f"{name} is given twice", word)

    def _value(self, name: str, option: Word, value: Word | None) -> Word:
        if value is None or value.text.startswith("--"):
            what = self.usage.options[name]
            raise self.error(f"{name} needs a value: {name} {what}", option, self._usage())
        return value

    def _usage(self) -> str:
        return f"It is written `{self.usage.text}`."
