"""What can be called, as the reference tells it: all declarations of methods and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.functions import FUNCTIONS
from memq.eval.methods import METHODS
from memq.lang.operators import OPERATORS
from memq.schema.kinds import Kind
from memq.schema.reference import Callable, Callables

if TYPE_CHECKING:
    from memq.eval.chain_ends import SeriesMethod
    from memq.eval.functions import Declared
    from memq.eval.methods import Method

_SPLIT = Callable(
    "Split",
    "Split(separator)",
    "The pieces of the text between a separator and the next, as a series.",
    'handle.CountBy(name.Split("/")[1])',
    1,
    1,
    (Kind.STRING,),
)
"""The one method of values that gives a series, and so is bound by itself (memq.eval.invoke)."""


def callables() -> Callables:
    """Return all methods of series, methods of values, functions and operators."""
    return Callables(
        tuple(map(_plain, SERIES_METHODS.values())),
        (*map(_of_values, METHODS.values()), _SPLIT),
        tuple(map(_plain, FUNCTIONS.values())),
        OPERATORS,
    )


def _plain(one: SeriesMethod | Declared) -> Callable:
    signature = f"{one.name}({one.arguments})"
    return Callable(one.name, signature, one.doc, one.example, *one.counts)


def _of_values(one: Method) -> Callable:
    least = len(one.arguments)
    return Callable(
        one.name,
        one.signature,
        one.doc,
        one.example,
        least,
        one.most,
        one.receivers,
        one.result,
    )
