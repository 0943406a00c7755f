"""What is offered for a name that does not exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.lang.hints import did_you_mean, nearest

NAMES = [
    *("process_object", "vad_object", "handle_object", "thread_object", "token_object", "name"),
    *("pid", "ppid", "dtb", "file_name", "is_executable", "is_writable", "is_private"),
    *("start", "end", "parent", "children"),
]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("vad_objekt", "vad_object"),
        ("vadobject", "vad_object"),
        ("VAD_Object", "vad_object"),
        ("vda_object", "vad_object"),
        ("vadObject", "vad_object"),
        ("handel_object", "handle_object"),
        ("filename", "file_name"),
        ("fileName", "file_name"),
        ("ppdi", "ppid"),
        ("executable", "is_executable"),
        ("exec", "is_executable"),
        ("parnt", "parent"),
        ("chidlren", "children"),
        ("star", "start"),
    ],
)
def test_the_nearest_comes_first(name: str, first: str) -> None:
    assert nearest(name, NAMES)[0] == first


@pytest.mark.parametrize("name", ["", "_", "xyzzy", "q", "zq", "x" * 100])
def test_nothing_is_offered_for_what_resembles_nothing(name: str) -> None:
    assert nearest(name, NAMES) == []


def test_a_name_of_one_letter_does_not_fit_everything() -> None:
    assert nearest("p", ["q", "pid", "x"]) == []


def test_far_ones_are_left_out_beside_near_ones() -> None:
    assert nearest("handel_object", NAMES) == ["handle_object"]


def test_no_more_than_asked_for() -> None:
    same = ["aaaa", "aaab", "aaac", "aaad", "aaae"]
    assert nearest("aaaa", same, n=2) == ["aaaa", "aaab"]
    assert len(nearest("aaaa", same)) == 3
    assert nearest("aaaa", ["aaab", "aaab"]) == ["aaab"]


@given(st.sampled_from([name for name in NAMES if len(name) > 5]), st.data())
def test_one_slip_is_always_understood(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 2))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    slip = data.draw(st.sampled_from(["insert", "omit", "replace", "swap"]))
    before, after = name[:place], name[place:]
    slipped = {
        "insert": before + letter + after,
        "omit": before + after[1:],
        "replace": before + letter + after[1:],
        "swap": before + after[1] + after[0] + after[2:],
    }[slip]
    assert name in nearest(slipped, NAMES)


@given(st.text(max_size=70), st.lists(st.text(max_size=70), max_size=4))
def test_any_text_is_fine(name: str, candidates: list[str]) -> None:
    assert set(nearest(name, candidates)) <= set(candidates)


def test_did_you_mean() -> None:
    assert did_you_mean([]) is None
    assert did_you_mean(["a"]) == "Did you mean `a`?"
    assert did_you_mean(["a", "b"]) == "Did you mean `a` or `b`?"
    assert did_you_mean(["a", "b", "c"]) == "Did you mean `a`, `b` or `c`?"
