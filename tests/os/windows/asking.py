"""Asks every field of every object of a Windows image, whatever stands in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
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


@dataclass
class Tally:
    """What was found, by names of sources and of what belongs to them ("process.vad_object")."""

    known: int = 0
    """Fields that have a value."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many objects there are."""
    cuts: set[str] = field(default_factory=set)
    """Of what there may be more."""

    def ask(self, name: str, batch: ObjectType) -> None:
        """Compute every field of a batch."""
        self.counts[name] += len(batch)
        self.known += sum(_values(batch, one) for one in batch.fields)

    def follow(self, name: str, batch: ObjectType) -> None:
        """Compute every field of what belongs to a batch."""
        for part in batch.subobjects.values():
            if part.many:
                found = batch.collection(part.name)
                hold(found, len(batch))
                self.ask(f"{name}.{part.name}", found.children)
                if found.cut is not None:
                    self.cuts.add(f"{name}.{part.name}")
            else:
                self.known += sum(
                    _values(batch.reference(part.name).batch, one)
                    for one in batch.reference(part.name).batch.fields
                )


def ask_everything(image: Image, *, refused: set[str] | None = None) -> Tally:
    """Compute every field of every source, and of what belongs to what they have.

    A source that cannot be told without types of the kernel is noted in `refused`; without that
    it is an error.
    """
    context, tally = Context(image.kernel, Run()), Tally()
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
            for portion in portions:
                tally.ask(asked, portion.batch)
                tally.follow(asked, portion.batch)
                if portion.cut is not None:
                    tally.cuts.add(asked)
    return tally


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
