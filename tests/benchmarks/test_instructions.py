"""Whether a regression of instruction counts is seen, and nothing else is taken for one."""

from __future__ import annotations

from benchmarks.instructions import WORKS, Asked, Pair, judged, table

MILLION = 1_000_000
ONE = Asked("one", "Linux", "vad.Take(1)")
ALL = Asked("all", "Linux", "vad", first="one")
COMMIT = "0123456789abcdef"


def verdicts(**pairs: tuple[int | None, int]) -> dict[str, bool]:
    """Which lines are regressions, of counts in millions."""
    counts = {
        title: Pair(None if base is None else base * MILLION, here * MILLION)
        for title, (base, here) in pairs.items()
    }
    works = [work for work in (ONE, ALL) if work.title in counts]
    return {figure.title.strip(): figure.is_regression for figure in judged(works, counts)}


def test_more_than_thirty_percent_is_a_regression() -> None:
    assert verdicts(one=(1000, 1300)) == {"one": False}
    assert verdicts(one=(1000, 1301)) == {"one": True}
    assert verdicts(one=(1000, 100)) == {"one": False}


def test_rows_are_judged_beyond_the_first() -> None:
    assert verdicts(one=(900, 900), all=(1000, 1029)) == {
        "one": False,
        "all": False,
        "all, beyond the first": False,
    }
    assert verdicts(one=(900, 900), all=(1000, 1031))["all, beyond the first"]


def test_an_earlier_start_that_was_dearer_hides_nothing() -> None:
    assert verdicts(one=(900, 500), all=(1000, 640))["all, beyond the first"]


def test_what_takes_next_to_nothing_is_no_regression() -> None:
    assert not verdicts(one=(990, 990), all=(1000, 1015))["all, beyond the first"]
    assert verdicts(one=(1000, 1000), all=(1000, 1030))["all, beyond the first"]


def test_what_the_base_does_not_know_is_left_out() -> None:
    assert verdicts(one=(None, 900), all=(1000, 1000)) == {"all": False}
    assert verdicts(one=(900, 900), all=(None, 1000)) == {"one": False}


def test_rows_whose_first_was_not_asked_for_are_judged_as_a_whole_only() -> None:
    assert verdicts(all=(1000, 1301)) == {"all": True}


def test_the_table_names_what_takes_too_much() -> None:
    counts = {
        "one": Pair(900 * MILLION, 900 * MILLION),
        "all": Pair(1000 * MILLION, 1040 * MILLION),
    }
    lines = table(list(judged([ONE, ALL], counts)), COMMIT)
    assert lines[-1] == "more than 30% more than at 0123456789ab: all, beyond the first"
    assert [line for line in lines if line.endswith("TOO MUCH")] == [lines[3]]
    assert lines[3].split()[-5:] == ["100.0", "140.0", "+40.0%", "TOO", "MUCH"]


def test_the_table_says_that_all_is_well() -> None:
    lines = table(list(judged([ONE], {"one": Pair(MILLION, MILLION)})), COMMIT)
    assert lines[-1] == "nothing takes more than 30% more than at 0123456789ab"


def test_first_rows_are_asked_for_by_queries_of_the_list() -> None:
    titles = [work.title for work in WORKS]
    assert len(set(titles)) == len(titles)
    assert {work.first for work in WORKS} <= {"", *titles}
