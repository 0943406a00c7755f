"""Domains that are cut into pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.eval import flows
from memq.eval.domain import cut_rows
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.output.records import Lists
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.world import SYSTEM, World, value


@given(st.lists(st.integers(0, 9)), st.integers(1, 12))
def test_pieces_are_bounded_and_whole(sizes: list[int], limit: int) -> None:
    pieces = [rows.tolist() for rows in cut_rows(np.array(sizes, np.int64), limit)]
    assert [row for piece in pieces for row in piece] == list(range(len(sizes)))
    assert all(sum(sizes[row] for row in piece) <= limit or len(piece) == 1 for piece in pieces)


def test_long_lists_are_given_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    processes: list[dict[str, Any]] = [
        {"pid": pid, "vad": [{"n": n} for n in range(pid)]} for pid in range(1, 6)
    ]
    query = "process.Select([pid, vad.n])"
    whole = value(World(processes), query)
    monkeypatch.setattr(flows, "ROWS", 3)
    assert value(World(processes), query) == whole
    plan = bind_query(query, SYSTEM)
    for records in Result(plan, Context(World(processes), Run())).batches():
        lists = records.columns[1]
        assert isinstance(lists, Lists)
        assert len(records) == 1 or lists.starts[-1] <= 3


@pytest.mark.parametrize(
    "query",
    [
        "vad.OrderBy(process.x)",
        "process.Take(0).OrderBy(parent.parent.pid)",
        "process.Select({one: pid, all: vad.Where(a)}).Take(0).OrderBy(one)",
        "process.Select({up: parent, all: vad.Where(a)}).Take(0).OrderBy(up.pid)",
    ],
)
def test_of_nothing_nothing_is_read(query: str) -> None:
    assert value(World([{"pid": 1}]), query) == []
