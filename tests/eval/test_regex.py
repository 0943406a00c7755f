"""Regular expressions: the same as Python's where both have them, bounded, and refused in words."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import QueryError, Span
from memq.eval.regexes import MAX_MATCHES, MAX_PATTERN, compile_regex
from memq.lang import ast
from memq.lang.parser import parse

ATOMS = st.sampled_from(["a", "b", "é", ".", "[ab]", "[^a]", r"\d", r"\w", "1", r"\."])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(inner, st.sampled_from(["{2}", "{1,2}"])).map(lambda p: f"({p[0]}){p[1]}"),
    ),
    max_leaves=6,
)
TEXTS = st.text("abAB1.é\n", max_size=10)
FLAGS = {"": 0, "i": re.IGNORECASE, "s": re.DOTALL, "im": re.IGNORECASE | re.MULTILINE}


@given(EXPRESSIONS, st.sampled_from(["", "^"]), TEXTS, st.sampled_from(sorted(FLAGS)))
def test_matches_as_python_does(pattern: str, anchor: str, text: str, flags: str) -> None:
    # ASCII: RE2's \d and \w are; é is in no class here, and has no other case in the texts.
    theirs = re.search(anchor + pattern, text, FLAGS[flags] | re.ASCII) is not None
    assert compile_regex(ast.Regex(anchor + pattern, flags)).matches(text) == theirs


@given(EXPRESSIONS.filter(lambda p: re.fullmatch(p, "") is None), TEXTS)
def test_replaces_as_python_does(pattern: str, text: str) -> None:
    if re.search(pattern, "") is None:
        theirs = re.sub(pattern, lambda _: "<>", text, flags=re.ASCII)
        assert compile_regex(ast.Regex(pattern)).replaced(text, "<>") == theirs


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "^(a|a)*$",
        "(a|aa)+$",
        "(.*a){12}$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a?){300}a{300}b",
    ],
)
def test_patterns_that_explode_elsewhere_stay_linear(pattern: str) -> None:
    assert not compile_regex(ast.Regex(pattern)).matches("a" * 65_536 + "!")


def test_many_groups_cost_nothing() -> None:
    # A group that is remembered is copied with each step: this one took minutes.
    assert not compile_regex(ast.Regex("(a|b)*" * 2_000 + "d")).matches("ab" * 32_768)


@pytest.mark.parametrize(
    "pattern",
    [
        "a" * 256 * 1024,
        "a" * (MAX_PATTERN + 1),
        "[a-zA-Z]?" * 3_600,
        "." * MAX_PATTERN,
        r"\pL{900}",
        r"(?i)\pL{90}",
        r"\pL?" * 101,
        ".{900}.{900}",
        "(((a{10}){10}){10}b)|" + ".{1000}" * 9,
    ],
)
def test_large_expressions_are_refused(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(QueryError, match="too large"):
        compile_regex(ast.Regex(pattern, "im"))
    assert capfd.readouterr() == ("", "")


def test_a_list_of_some_thousand_names_is_not_too_large() -> None:
    names = "|".join(f"name{number}" for number in range(3_000))
    assert compile_regex(ast.Regex(f"^(?:{names})$")).matches("name2999")


@pytest.mark.parametrize("pattern", [r"(?=a)", "a**", "(", "[a", r"\1", r"\C", r"\\\C", "(?P<"])
def test_nothing_is_said_but_the_error(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(QueryError):
        compile_regex(ast.Regex(pattern, "m"))
    assert capfd.readouterr() == ("", "")


def test_an_escaped_backslash_before_a_c_is_no_byte() -> None:
    assert compile_regex(ast.Regex(r"^\\C$")).matches("\\C")


@given(st.text("ab()[]{}?*+^$|\\/.<>=!:PQEdCpL1,-", max_size=12))
def test_any_expression_is_taken_or_refused_in_words(pattern: str) -> None:
    node = ast.Regex(pattern, "m", span=Span(5, 5 + len(pattern) + 3))
    error = None
    try:
        compile_regex(node).matches("ab(1")
    except QueryError as caught:
        error = caught
    if error is not None:
        assert error.span is not None
        assert 5 <= error.span.start < error.span.end <= node.span.end
        assert error.message.endswith(".")
        assert "(?m)" not in error.message


@pytest.mark.parametrize(
    ("literal", "marked"),
    [
        (r"/a(?=b)/", "(?="),
        (r"/\/usr\/a**/m", "**"),
        (r"/a[/]b**/", "**"),
        (r"/\/(?=x\/)/", "(?="),
        (r"/[\/z-a]/", "z-a"),
        (r"/(\/a/", r"(\/a"),
        (r"/a[/]\/b**/", r"/a[/]\/b**/"),  # some slashes escaped, some not: the whole literal
    ],
)
def test_the_caret_stands_where_the_trouble_is(literal: str, marked: str) -> None:
    text = f"process.Where(name.Matches({literal}))"
    call = parse(text).statements[0]
    assert isinstance(call, ast.Call)
    inner = call.arguments[0]
    assert isinstance(inner, ast.Call)
    node = inner.arguments[0]
    assert isinstance(node, ast.Regex)
    with pytest.raises(QueryError) as caught:
        compile_regex(node)
    span = caught.value.span
    assert span is not None
    assert text[span.start : span.end] == marked


def test_re2_is_imported_only_when_an_expression_is_compiled() -> None:
    code = (
        "import sys, memq.image, memq.eval.bind, memq.eval.evaluate\n"
        "assert 're2' not in sys.modules\n"
        "from memq.eval.regexes import compile_regex; from memq.lang import ast\n"
        "compile_regex(ast.Regex('a')); assert 're2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_replacements_are_counted() -> None:
    regex = compile_regex(ast.Regex("a[^z]*z|a"))
    assert regex.replaced("a" * MAX_MATCHES, "") == ""
