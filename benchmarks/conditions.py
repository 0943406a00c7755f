"""Measure what conditions cost for each element, on numbers in memory: no dump is read.

    python -m benchmarks.conditions            10 million elements
    python -m benchmarks.conditions 1000000    so many

The table has nanoseconds for each element, beside numpy's own `np.flatnonzero(a > x)`.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Array, Column, Text
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.run import Run
from memq.schema.batch import Context, ObjectType, Portion
from memq.schema.declare import System, field
from memq.schema.kinds import Name, Number

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1 << 16
WORDS = tuple(f"/usr/lib/x86_64-linux-gnu/lib{number}.so" for number in range(10_000))
QUERIES = (
    "thing.Where(a > 500).Count()",
    "thing.Where(a > 500 && b < 100).Count()",
    "thing.Where(a > 500 || b < 100).Count()",
    "thing.Where(!(a > 500) && a + b > 300).Count()",
    'thing.Where(name.EndsWith("7.so")).Count()',
    "thing.Where(name.Matches(/lib[0-9]+7\\.so$/)).Count()",
    "thing.Sum(a)",
    "thing.GroupBy(a).Count()",
)


class Things:
    """The numbers of all elements."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(1)
        self.count = count
        self.a = random.integers(0, 1000, count)
        self.b = random.integers(0, 1000, count)
        self.names = random.integers(0, len(WORDS), count)
        self.numbers = np.arange(count, dtype=np.int64)


class Thing(ObjectType, name="thing", principal="thing_object", identity=("number",)):
    """An element of the benchmark."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give all elements in batches."""
        count = context.kernel.count
        for start in range(0, count, BATCH):
            numbers = context.kernel.numbers[start : min(start + BATCH, count)]
            yield Portion(cls(context, {"number": numbers}))

    def _of(self, values: Array) -> Array:
        """Return what these elements have: of neighbours a view, not to measure its copy."""
        numbers = self.rows["number"]
        first, end = (int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else (0, 0)
        return values[first:end] if end - first == len(numbers) else values[numbers]

    @field(shown=True)
    def a(self) -> Number:
        """A number."""
        return Column(self._of(self.context.kernel.a))

    @field()
    def b(self) -> Number:
        """Another number."""
        return Column(self._of(self.context.kernel.b))

    @field()
    def name(self) -> Name:
        """One of ten thousand texts."""
        return Text(self._of(self.context.kernel.names), None, WORDS)


SYSTEM = System("things", {"thing": Thing}, "Things")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conditions", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000_000)
    things = Things(parser.parse_args().count)
    print(f"{'np.flatnonzero(a > x)':56} {_numpy(things):6.1f} ns")  # noqa: T201
    for query in QUERIES:
        print(f"{query:56} {_memq(things, query):6.1f} ns")  # noqa: T201


def _numpy(things: Things) -> float:
    return min(_timed(lambda: np.flatnonzero(things.a > 500)) for _ in range(3)) / things.count


def _memq(things: Things, query: str) -> float:
    def run() -> None:
        plan = bind_query(query, SYSTEM)
        list(Result(plan, Context(things, Run())).batches())

    return min(_timed(run) for _ in range(3)) / things.count


def _timed(work: Any) -> float:
    start = time.process_time_ns()
    work()
    return float(time.process_time_ns() - start)


if __name__ == "__main__":
    main()
