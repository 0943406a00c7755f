"""What the tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.measuring import Cost, is_enough, typical
from benchmarks.questions import DRGN, LINUX, VOLATILITY3
from benchmarks.stages import STAGES, row, stages
from benchmarks.tables import comparison, figures, line, ratio, same_rows, stage_verdict, verdict
from benchmarks.works import HELP, WORKS, Work
from memq.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1024


@pytest.mark.parametrize(
    ("wall", "megabytes", "said"),
    [
        (0.25, 150, "0.25 met"),
        (0.26, 150, "0.25 MISSED"),
        (0.2, 151, "0.25 MISSED 150 MB"),
        (0.3, 151, "0.25 MISSED and MISSED 150 MB"),
    ],
)
def test_bars_are_of_seconds_and_memory(wall: float, megabytes: int, said: str) -> None:
    assert verdict(Cost(wall, 0.1, megabytes * MEGABYTE), 0.25) == said


def test_what_has_no_bar_meets_none() -> None:
    assert verdict(Cost(9, 9, 999 * MEGABYTE), None) == ""


@pytest.mark.parametrize(
    ("times", "bar", "said"),
    [
        (25.0, 25, "25.0 x (bar 25: met)"),
        (24.9, 25, "24.9 x (bar 25: MISSED)"),
        (2.0, None, "2.0 x"),
    ],
)
def test_a_peer_is_told_in_times_of_memq(times: float, bar: float | None, said: str) -> None:
    found = comparison("  drgn", ratio(times, bar), "agree")
    assert found.split(maxsplit=1) == ["drgn", f"{said}   agree"]


def test_of_a_peer_that_was_ended_only_the_least_is_known() -> None:
    assert ratio(60.0, 50, is_least=True) == "over 60.0 x (bar 50: met)"
    assert ratio(40.0, 50, is_least=True) == "over 40.0 x"


def test_a_median_is_of_seconds_and_the_most_of_memory() -> None:
    costs = [Cost(1, 3, 10), Cost(2, 1, 30), Cost(9, 2, 20)]
    assert typical(costs) == Cost(2, 2, 30)


def test_what_is_slow_runs_once() -> None:
    assert is_enough([Cost(9, 9, 1)], 5)
    assert not is_enough([Cost(1, 9, 1)] * 4, 5)
    assert is_enough([Cost(1, 9, 1)] * 5, 5)


def test_cells_stand_in_columns() -> None:
    cells = figures(Cost(1.234, 0.5, 40 * MEGABYTE), same_rows([7, 7]))
    assert line("all", *cells).split() == ["all", "1.23", "0.50", "40", "7"]
    assert same_rows([7, 8]) == "differ"


def test_the_bar_of_a_peer_may_depend_on_the_rows() -> None:
    vad = LINUX[1]
    assert vad.bar(DRGN, 1877) == 1
    assert vad.bar(DRGN, 291_207) == 12
    assert vad.bar(VOLATILITY3, 291_207) == 50
    assert vad.bar("MemProcFS", 5) is None


def test_the_bar_of_a_stage_is_that_of_its_own_seconds() -> None:
    assert stage_verdict(0.25, 0.25) == "250 met"
    assert stage_verdict(0.26, 0.25) == "250 MISSED"
    assert stage_verdict(9, None) == ""
    work = Work("all", "vad", columns_bar=0.2)
    told = row(work, [9, 9, 9, 0.1, 9])
    assert " ".join(told.split()) == "all 9000 9000 9000 100 9000 200 met"


def test_stages_are_measured_in_their_order(sample: Path, tmp_path: Path) -> None:
    found = stages(sample, WORKS[0], tmp_path)
    assert len(found) == len(STAGES)
    assert min(found) > 0
    with pytest.raises(SystemExit, match="nonsense: failed: The sources are"):
        stages(sample, Work("nonsense", "nope"), tmp_path)


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with Image(sample) as opened:
        yield opened


@pytest.mark.parametrize("query", [one.query for one in (*WORKS, *LINUX)])
def test_what_is_asked_is_a_query(image: Image, query: str) -> None:
    image.query(query)  # bound, not run: raises QueryError where it is none


def test_rows_are_counted_in_each_form() -> None:
    rows = b'{"a":1}\n{"a":2}\n'
    assert Work("x", "process").rows(rows) == 2
    assert Work("x", "process", form="json").rows(b"[" + rows.replace(b"\n", b",", 1) + b"]") == 2
    assert HELP.rows(rows) == 2
