"""Functions are called once for each combination of words, and never for what is not known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from memq.eval import words
from memq.eval.words import fold_letters, split
from tests.eval.made import Value, column, values
from tests.eval.world import World, ask, value

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = st.sampled_from(["", "a", "b", "ab", "ba"])
MISSING = st.sampled_from([None, Reason.PAGED_OUT, Reason.LOOP])
NUMBERS = st.integers(-3, 3)
ROWS = st.lists(st.tuples(WORDS | MISSING, WORDS | MISSING, NUMBERS | MISSING), min_size=1)


@given(ROWS)
def test_each_row_gets_its_own_result_and_each_combination_one_call(
    rows: list[tuple[Value, Value, Value]],
) -> None:
    calls: Counter[object] = Counter()

    def joined(first: str, second: str, number: int) -> str | Reason:
        calls[first, second, number] += 1
        return Reason.NULL if number < 0 else f"{first}.{second}.{number}"

    columns = [column(part) for part in zip(*rows, strict=True)]
    found = values(words.texts(columns, joined))
    known = [row for row in rows if not any(v is None or isinstance(v, Reason) for v in row)]
    assert calls == Counter(set(known))
    for row, result in zip(rows, found, strict=True):
        reasons = [Reason.NULL if v is None else v for v in row if v is None or type(v) is Reason]
        if reasons:
            assert result == (None if max(reasons) == Reason.NULL else max(reasons))
        else:
            assert result == (None if int(row[2] or 0) < 0 else "{}.{}.{}".format(*row))


def test_a_word_that_stands_in_many_rows_is_asked_about_once() -> None:
    asked: list[str] = []

    def test(word: str, _part: str) -> bool:
        asked.append(word)
        return True

    rows = ["a", "b", None, "a", Reason.LOOP, "b"] * 50
    words.truths([column(rows), column(["x"] * 300)], test)
    assert sorted(asked) == ["a", "b"]


def test_new_words_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_MADE", 10)
    found = words.texts([column(["a", "b", "c", "b"])], lambda word: word * 5)
    assert values(found) == ["aaaaa", "bbbbb", Reason.LIMIT, "bbbbb"]


@given(st.text())
def test_folded_letters_stay_where_they_are(text: str) -> None:
    folded = fold_letters(text)
    assert len(folded) == len(text)
    assert all(b in (a, a.casefold()) for a, b in zip(text, folded, strict=True))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase])
@given(st.text("abcXYZéÀñ-."))
def test_folded_letters_do_not_depend_on_case(change: Callable[[str], str], text: str) -> None:
    assert fold_letters(change(text)) == fold_letters(text)


@given(st.lists(st.text("a,;")), st.text(",;", max_size=2), st.integers(1, 4))
def test_split(texts: list[str], separator: str, limit: int) -> None:
    starts, pieces, cut = split(texts, separator, limit)
    assert starts[0] == 0
    assert starts[-1] == len(pieces)
    for number, text in enumerate(texts):
        own = pieces[starts[number] : starts[number + 1]]
        every = text.split(separator) if separator else [text]
        assert own == every[:limit]
        is_cut = cut is not None and cut[number] == Reason.LIMIT
        assert is_cut == (len(every) > limit)


def test_split_is_bounded() -> None:
    starts, pieces, cut = split([",".join("x" * 65_536)], ",")
    assert starts.tolist() == [0, 1_000]
    assert pieces == ["x"] * 1_000
    assert cut is not None
    assert cut.tolist() == [Reason.LIMIT]


def test_what_split_left_out_is_not_said_to_be_missing() -> None:
    world = World([{"pid": 1, "name": ",".join("x" * 2_000)}, {"pid": 2, "name": "x,y"}])
    assert value(world, 'process.Where(name.Split(",").Contains("y")).Select(pid)') == [2]
    outcome = ask(world, 'process.Where(!name.Split(",").Contains("y")).Select(pid)')
    assert (outcome.value, outcome.run.undecided) == ([], {Reason.LIMIT: 1})
