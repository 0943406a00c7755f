"""Batches of no objects: what a condition leaves of a batch that it holds for nothing in."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import MemqError
from memq.image import Image
from memq.run import Run
from memq.schema.batch import Context, ObjectType
from tests.lab import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NONE = np.zeros(0, np.int64)


def first_batches(image: Image) -> Iterator[ObjectType]:
    """Yield the first objects of each source."""
    context = Context(image.kernel, Run())
    for type_ in image.system.objects.values():
        try:
            portion = next(iter(type_.portions(context)), None)
        except (NotImplementedError, MemqError):  # elements of others; or not in this kernel
            continue
        if portion is not None:
            yield portion.batch


def below(batch: ObjectType) -> Iterator[ObjectType]:
    for name, subobject in batch.subobjects.items():
        yield batch.collection(name).children if subobject.many else batch.reference(name).batch


@pytest.mark.parametrize("name", ["deb12-6.1-small.lime", "win10-19041.raw"])
def test_each_field_has_a_value_for_none(name: str, sample: Path) -> None:
    path = sample if name.endswith("lime") else SAMPLES / f"{name}.xz"
    with Image(path) as image:
        todo = deque(first_batches(image))
        seen: set[type[ObjectType]] = set()
        while todo:
            batch = todo.popleft()
            if type(batch) in seen:
                continue
            seen.add(type(batch))
            none = batch.take(NONE)
            for each in (none, type(batch).nothing(batch.context)):
                for field in each.fields:
                    assert len(each.column(field)) == 0, (batch.type_name, field)
            todo.extend((*below(batch), *below(none)))
    assert len(seen) > 4


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("deb12-6.1-small.lime", "syscall.Where(index == 9999)"),
        ("win10-19041.raw", "kernel.Where(processors == 77)"),
        ("win10-19041.raw", "service.Where(name == 'none').Select([name, key.name])"),
    ],
)
def test_nothing_is_an_answer(name: str, query: str, sample: Path) -> None:
    path = sample if name.endswith("lime") else SAMPLES / f"{name}.xz"
    with Image(path) as image:
        assert list(image.query(query).rows()) == []
