"""YAML as a tree with places: what is refused, and where a part of a text stands in the file."""

from __future__ import annotations

import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Span
from memq.hunt.problems import Problems, Source
from memq.hunt.tree import Mapping, Node, Scalar, documents, span_within


def read(text: str) -> tuple[list[Node], list[str]]:
    problems = Problems(Source("f", text))
    trees = list(documents(problems))
    return trees, [error.message for error in problems]


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key.value: plain(value) for key, value in node.items}
    return [plain(item) for item in node.items]


def only(text: str) -> Scalar:
    """The value of the one key of a text."""
    ((tree,), messages) = read(text)
    assert messages == []
    assert isinstance(tree, Mapping)
    ((_, value),) = tree.items
    assert isinstance(value, Scalar)
    return value


TREES = st.recursive(
    st.text(string.printable, max_size=20) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(TREES)
def test_a_tree_is_what_was_written(value: object) -> None:
    text = yaml.safe_dump(value)
    ((tree,), messages) = read(text)
    assert (plain(tree), messages) == (value, [])


@given(st.text(max_size=60) | st.text("-:[]{}&*!|>'\" \n#a", max_size=60))
def test_any_text_is_a_tree_or_a_problem(text: str) -> None:
    trees, messages = read(text.replace("\r", "\n"))
    assert trees or messages or not text.strip() or "#" in text or "-" in text


def test_nothing_is_converted() -> None:
    values = ["2026-11-21", "yes", "0x10", "1e3", "null", "~"]
    ((tree,), _) = read("".join(f"- {value}\n" for value in values))
    assert plain(tree) == values


@pytest.mark.parametrize(
    ("text", "is_null"), [("a:", True), ("a: ~", True), ("a: null", True), ('a: ""', False)]
)
def test_nothing_is_null(text: str, is_null: bool) -> None:
    assert only(text).is_null is is_null


def test_aliases_are_few() -> None:
    text = "a: &a [x]\n" + "".join(f"b{number}: *a\n" for number in range(8))
    trees, messages = read(text)
    assert (len(trees), messages) == (1, [])
    trees, messages = read(f"{text}c: *a\n")
    assert (trees, messages) == ([], ["There are more than 8 aliases in this file."])


def test_an_anchor_is_not_known_within_itself() -> None:
    _, messages = read("a: &a [*a]\n")
    assert messages == ["No whole value before this is called `&a`."]


def test_depth_is_bounded_before_it_is_built() -> None:
    assert read(f"{'[' * 16}{']' * 16}")[1] == []
    assert read("[" * 100_000)[1] == ["This is nested too deeply."]


@pytest.mark.parametrize("tag", ["!!str", "!x", "!", "!!python/object/apply:os.system"])
def test_tags_are_refused(tag: str) -> None:
    assert read(f"a: {tag} b\n")[1] == ["A rule has no tags of YAML's."]


QUERY = 'process\n\n.Where(name == "x")\n'


@pytest.mark.parametrize(
    "text",
    [
        'a: |\n  process\n\n  .Where(name == "x")\n',
        'a: |2-  # as it stands\n    process\n\n    .Where(name == "x")\n',
        'a: >\n  process\n\n  .Where(name\n  == "x")\n',
        'a: process .Where(name\n    == "x")\n',
        "a: 'process\n\n  .Where(name == \"x\")'\n",
    ],
)
def test_a_part_of_a_text_is_found_in_the_file(text: str) -> None:
    value = only(text)
    for part in ("process", "Where", "name", '"x"'):
        start = value.value.index(part)
        span = span_within(Source("f", text), value, Span(start, start + len(part)))
        assert text[span.start : span.end] == part
    end = span_within(Source("f", text), value, Span(len(value.value.rstrip()), len(value.value)))
    assert text[end.start - 1] == ")"


def test_a_text_with_escapes_is_meant_as_a_whole() -> None:
    text = 'a: "name == \\"x\\" && pid"\n'
    value = only(text)
    span = span_within(Source("f", text), value, Span(12, 15))
    assert text[span.start : span.end] == '"name == \\"x\\" && pid"'
