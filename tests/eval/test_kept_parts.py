"""What is kept of a source that streams in pieces, from one question to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memq.eval import flows
from memq.eval.conversation import Conversation
from memq.image import Image
from memq.lang.parser import Parser
from memq.run import Run
from memq.schema.parts import FEW, Parts, Place

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from memq.column import Indexes

QUERY = "vad.Where(is_executable && is_deleted).Select([process.pid, start, file_name])"


def test_nothing_is_read_twice(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some portions have more than a thousand mappings.
    monkeypatch.setattr(flows, "ROWS", 64)
    monkeypatch.setattr("memq.schema.parts._ROWS_OF_PART", 16)
    with Image(sample) as image:
        conversation = Conversation(image.system, image.kernel, Parser())
        reads, rows = [], []
        for _ in range(2):
            before, plan = image.physical.reads, conversation.bind(QUERY).plan
            assert plan is not None
            batches = list(conversation.run(plan, Run()).batches())
            rows.append(sum(map(len, batches)))
            reads.append(image.physical.reads - before)
    assert rows[0] == rows[1] > 0
    assert reads[0] > 0
    assert reads[1] == 0


@given(st.integers(1, 400), st.lists(st.lists(st.integers(0, 399), max_size=9), max_size=30))
def test_a_part_is_found_where_it_holds_all(length: int, wanted: list[list[int]]) -> None:
    parts = Parts()
    kept: list[Indexes] = []
    for numbers in wanted:
        rows = np.array([number for number in numbers if number < length], np.int64)
        place = Place(rows, len(rows), length)
        for part in parts.of("a", place):
            found = place.rows_in(part)
            if found is not None:
                assert np.array_equal(part.value[found], rows)
        standing = place.rows_in(Place(None, length, length).part(None))
        assert standing is not None
        assert np.array_equal(standing, rows)
        parts.add("a", place.part(rows), length, are_many=False)
        kept = [rows, *kept][:FEW]
    assert [list(one) for one in parts.values()] == [list(one) for one in kept]


def test_many_parts_are_bounded_by_their_rows() -> None:
    length, size = 1 << 20, 1 << 14
    parts = Parts()
    for _ in range(3):
        for start in range(0, length, size):
            rows = np.arange(start, start + size)
            parts.add("a", Place(rows, size, length).part(rows), length, are_many=True)
    assert len(list(parts.values())) == 2 * length // size
