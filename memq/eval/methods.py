"""Methods of values: declared once, with what they take and give."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from memq.column import Column, Text, column_of
from memq.eval import compare
from memq.schema.kinds import Kind

Function: TypeAlias = Callable[[Sequence[Column], bool], Column]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of texts: the kinds of its arguments, of its result, and how it is computed."""

    name: str
    arguments: tuple[Kind, ...]
    result: Kind
    function: Function
    doc: str


def _test(question: Callable[[str, str], bool]) -> Function:
    def ask(columns: Sequence[Column], fold: bool) -> Column:
        return column_of(compare.by_words(columns[0], columns[1], question, fold=fold))

    return ask


def _like(text: str, pattern: str) -> bool:
    return re.match(fnmatch.translate(pattern), text) is not None


def _change(change: Callable[[str], str]) -> Function:
    def apply(columns: Sequence[Column], _fold: bool) -> Column:
        text = columns[0]
        return text.map(change) if isinstance(text, Text) else text

    return apply


def _length(columns: Sequence[Column], _fold: bool) -> Column:
    text = columns[0]
    words = text.words if isinstance(text, Text) else ()
    lengths = np.array([len(word) for word in words] or [0], np.int64)
    return Column(lengths[text.values], text.status)


def _equals_folded(text: str, other: str) -> bool:
    return text.casefold() == other.casefold()


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "Contains",
            (Kind.STRING,),
            Kind.BOOLEAN,
            _test(lambda text, part: part in text),
            "Whether the text holds another.",
        ),
        Method(
            "StartsWith",
            (Kind.STRING,),
            Kind.BOOLEAN,
            _test(str.startswith),
            "Whether the text begins with another.",
        ),
        Method(
            "EndsWith",
            (Kind.STRING,),
            Kind.BOOLEAN,
            _test(str.endswith),
            "Whether the text ends with another.",
        ),
        Method(
            "Like",
            (Kind.STRING,),
            Kind.BOOLEAN,
            _test(_like),
            "Whether the whole text fits a pattern of * (any run) and ? (any one character).",
        ),
        Method(
            "EqualsIgnoreCase",
            (Kind.STRING,),
            Kind.BOOLEAN,
            _test(_equals_folded),
            "Whether the texts are equal without regard to case.",
        ),
        Method("ToLower", (), Kind.STRING, _change(str.lower), "The text in small letters."),
        Method("ToUpper", (), Kind.STRING, _change(str.upper), "The text in capital letters."),
        Method("Length", (), Kind.NUMBER, _length, "How many characters the text has."),
    )
}
