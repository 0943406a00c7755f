"""Warnings about conditions that are allowed, and rarely mean what they say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from memq.eval.places import Step
from memq.eval.reading import bound, named
from memq.eval.terms import And, Comparison, Constant, Or, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.errors import Span


def warnings_of(condition: Term, text: str) -> Iterator[str]:
    """Yield what to say about a condition of a Where, in the words of the query's text.

    `vad.file_name != X` asks for some VAD that differs, which nearly every process has. What stands
    under `!` or in an aggregate is not looked at, nor where another condition of the same group
    chooses the element: `vad.is_executable && vad.file_name != X` is what one would write.
    """
    for term in _different(condition, frozenset()):
        left, right = (_written(operand.span, text) for operand in term.operands)
        written = _written(term.span, text)
        yield (
            f"`{written}` is true wherever one element differs, so nearly always; "
            f"that none is equal is written `!({left} == {right})`"
        )


def _different(term: Term, chosen: frozenset[Step]) -> Iterator[Comparison]:
    """Find the `!=` that nothing but themselves gives an element; `chosen`: what a group does."""
    match term:
        case And():
            own = [frozenset[Step]() if _is_different(o) else bound(o) for o in term.operands]
            choosers = Counter(place for places in own for place in places)
            for part, places in zip(term.operands, own, strict=True):
                others = {place for place, by in choosers.items() if by > (place in places)}
                yield from _different(part, chosen | others)
        case Or():
            for part in term.operands:
                yield from _different(part, chosen)
        case Comparison() if _is_different(term) and named(term) - chosen:
            yield term
        case _:
            pass


def _is_different(term: Term) -> bool:
    """Whether it is a `!=`; that something is not null is a condition like any other."""
    return (
        isinstance(term, Comparison)
        and term.operator == "!="
        and not any(isinstance(one, Constant) and one.value is None for one in term.operands)
    )


def _written(span: Span, text: str) -> str:
    return " ".join(text[span.start : span.end].split())
