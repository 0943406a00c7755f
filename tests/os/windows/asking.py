"""Asks every field of every object of a Windows image, whatever stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text
from memq.errors import SymbolError
from memq.run import Run
from memq.schema.batch import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.image import Image
    from memq.schema.batch import ObjectType, Portion
    from memq.schema.collection import Collection

DEPTH = 1
"""How far it is gone from the objects that a source has to those that belong to them."""


def ask_everything(image: Image, *, refused: set[str] | None = None) -> int:
    """Compute every field of every source; return how many values that gave.

    A source that cannot be told without types of the kernel is noted in `refused`; without that
    it is an error.
    """
    context, known = Context(image.kernel, Run()), 0
    for name, type_ in image.system.objects.items():
        if type_.owner_type:
            continue
        ways: dict[str, Callable[[Context], Iterator[Portion]]] = {name: type_.portions}
        if type_.can_be_carved:
            ways[f"scan({name})"] = type_.carved
        for asked, way in ways.items():
            try:
                portions = list(way(context))
            except SymbolError:
                if refused is None:
                    raise
                refused.add(asked)
                continue
            known += sum(ask(portion.batch, DEPTH) for portion in portions)
    return known


def ask(batch: ObjectType, depth: int) -> int:
    """Compute every field of a batch and of what belongs to it; return how many values it gave."""
    known = sum(_values(batch, name) for name in batch.fields)
    for part in batch.subobjects.values() if depth else ():
        if part.many:
            found = batch.collection(part.name)
            hold(found, len(batch))
            known += ask(found.children, depth - 1)
        else:
            known += ask(batch.reference(part.name).batch, depth - 1)
    return known


def _values(batch: ObjectType, name: str) -> int:
    column = batch.column(name)
    assert len(column.values) == len(batch), name
    if isinstance(column, Text):
        codes = column.values[column.known]
        assert not len(codes) or 0 <= codes.min() <= codes.max() < len(column.words), name
        for word in column.words:
            word.encode()  # no lone surrogates, whatever the bytes were
    return int(column.known.sum())


def hold(found: Collection, parents: int) -> None:
    """Hold a collection to what it promises."""
    assert found.parents == parents
    assert len(found.owner) == len(found.children)
    assert (np.diff(found.owner) >= 0).all()
    assert found.cut is None or len(found.cut) == parents
