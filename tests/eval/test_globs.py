"""Like's patterns, held to a matcher that tries everything."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.eval.globs import MAX_PATTERN, fitting

# A pattern as its elements, so that the brute-force matcher needs no parser.
SETS = {"[ab]": "ab", "[a-b]": "ab", "[!a]": "bcd-]", "[^a-c]": "d-]", "[]b]": "]b", "[-a]": "-a"}
LETTERS = "abcd-]"
ELEMENTS = st.sampled_from([*LETTERS, "*", "?", *SETS])


def brute(elements: list[str], text: str) -> bool:
    if not elements:
        return not text
    first, rest = elements[0], elements[1:]
    if first == "*":
        return any(brute(rest, text[n:]) for n in range(len(text) + 1))
    takes = LETTERS if first == "?" else SETS.get(first, first)
    return text[:1] != "" and text[0] in takes and brute(rest, text[1:])


def fits(pattern: str, text: str) -> bool:
    test = fitting(pattern)
    assert test is not None
    return test(text)


@given(st.lists(ELEMENTS, max_size=7), st.text(LETTERS, max_size=8))
def test_equals_brute_force(elements: list[str], text: str) -> None:
    assert fits("".join(elements), text) == brute(elements, text)


@given(st.lists(st.sampled_from("ab*"), max_size=9), st.text("ab", max_size=9))
def test_plain_pieces_equal_brute_force(elements: list[str], text: str) -> None:
    assert fits("".join(elements), text) == brute(elements, text)


@given(
    st.text("a*?[]!-^b\\", max_size=8).filter(lambda p: "[^" not in p), st.text("ab-^]", max_size=5)
)
def test_equals_the_library_on_any_brackets(pattern: str, text: str) -> None:
    assert fits(pattern, text) == (re.match(fnmatch.translate(pattern), text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("**", "a\nb", True),
        ("?", "\n", True),
        ("?", "\U0001f600", True),
        ("[!a]", "\U0010ffff", True),
        ("[", "[", True),
        ("[a", "[a", True),
        ("[]", "[]", True),
        ("[!]", "[!]", True),
        ("[z-a]", "z", False),
        ("[!z-a]", "z", True),
        ("[a-c-e]", "-", True),
        ("[a-cb-d]", "d", True),
        ("[a-cb-d]", "b", True),
        (r"C:\*\?.dll", r"C:\x\y\a.dll", True),
        (r"\*", "*", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("*aab*b", "aaabb", True),
    ],
)
def test_fits(pattern: str, text: str, expected: bool) -> None:
    assert fits(pattern, text) is expected


@pytest.mark.parametrize("pattern", ["*a*a*a*a*b", "*a?*a[a]*a?*a*b", "*" + "a*?" * 300 + "b"])
def test_hostile_names_take_no_longer(pattern: str) -> None:
    # What goes back would still be at it when the sun goes out.
    assert not fits(pattern, "a" * 10_000)
    assert not fits(pattern, "a" * 65_536)
    assert fits(pattern, "a" * 10_000 + "b")


def test_long_patterns_are_not_tried() -> None:
    assert fitting("?" * MAX_PATTERN) is not None
    assert fitting("?" * (MAX_PATTERN + 1)) is None
    assert fits("a" * 5_000 + "*", "a" * 5_001)
