"""Some of the structures: what was read of all serves those that are taken."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.symbols.memory import MISSING, PAGE, TASK, Memory, reasons, structs


@given(data=st.data())
def test_what_was_read_serves_those_that_are_taken(data: st.DataObject) -> None:
    # Not over the edge of a missing page: of such, members are read by themselves, each time.
    place = st.integers(0, 3 * PAGE) | st.integers(MISSING * PAGE, MISSING * PAGE + 3000)
    addresses = data.draw(st.lists(place, min_size=1, max_size=9))
    places = st.lists(st.integers(0, len(addresses) - 1), min_size=1, max_size=9)
    memory = Memory()
    some = structs(addresses, memory)
    index = np.array(data.draw(places), np.int64)
    before, pids = some.take(index), some["pid"]
    asked = len(memory.asked)
    after = some.take(index)
    again = after.take(np.arange(len(index))[::-1])
    for taken in (before, after):
        assert taken["pid"].values.tolist() == pids.values[index].tolist()
        assert reasons(taken["pid"]) == reasons(pids.take(index))
    assert again["pid"].values.tolist() == pids.values[index][::-1].tolist()
    assert len(memory.asked) == asked


def test_what_is_taken_reads_the_rest_for_itself() -> None:
    memory, addresses = Memory(), [0, 1000, 2000]
    some = structs(addresses, memory)
    taken = some.take(np.array([2]))
    far = taken.bytes_of("comm")[0].tobytes()
    assert far == memory.read(2000 + TASK.member("comm").offset, 16)
    assert [rows for rows, _ in memory.asked] == [1]


def test_what_is_taken_needs_no_copy_of_all_that_was_read() -> None:
    some = structs(list(range(0, 4000, 4)), Memory())
    some["pid"]
    tracemalloc.start()
    taken = some.take(np.arange(len(some)))
    taken["pid"]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < TASK.size * len(some) / 2
