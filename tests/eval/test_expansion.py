"""How large a script may be with what its names stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import MemqError, QueryError
from memq.eval.expansion import MAX_NODES, Expansion, Extent
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.lang import ast
from memq.lang.limits import MAX_DEPTH
from memq.lang.parser import parse
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.world import SYSTEM, World, value

TOO_LARGE = "With what its names stand for, this is too large or nested too deep."


def measured(script: str) -> Extent:
    expansion = Expansion()
    *lets, last = parse(script).statements
    for statement in lets:
        assert isinstance(statement, ast.Let)
        expansion.note(statement)
    assert not isinstance(last, ast.Let)
    return expansion.check(last)


def chained(first: str, step: str, count: int, last: str) -> str:
    """A script of so many names, each made of the one before, which is {0} in `step`."""
    steps = [f"let n{number} = {step.format(f'n{number - 1}')}" for number in range(1, count)]
    return ";".join([f"let n0 = {first}", *steps, last.format(f"n{count - 1}")])


@pytest.mark.parametrize(
    ("script", "size", "depth"),
    [
        ("1", 1, 1),
        ("1 + 2", 3, 2),
        ("let a = 1 + 2; a", 3, 2),
        ("let a = 1 + 2; a * a", 7, 3),
        ("let f = x => x + 1; f(2)", 5, 4),  # the call, the body, and 2 for x
        ("let f = x => x + x; f(2 + 3)", 10, 5),
        ("let f = (x, y) => y; f(1 + 2, 3)", 6, 4),
        ("let f = x => x; let g = x => f(f(x)); g(1)", 7, 7),
        ("let a = 1 + 2; process.Select(a => a)", 5, 3),  # the parameter, not the name
    ],
)
def test_extents(script: str, size: int, depth: int) -> None:
    found = measured(script)
    assert (found.size, found.depth) == (size, depth)


@pytest.mark.parametrize(
    ("first", "step", "last"),
    [
        ("process.Count()", "{0} + {0}", "{0}"),
        ("process.Take(1)", "{0}.Concat({0})", "{0}"),
        ("process.Take(1)", "{0}.Take(1)", "{0}"),
        ("1", "{0} + 1", "process.Select({0})"),
        ("x => x", "x => {0}(x)", "process.Select({0}(pid))"),
        ("x => x + x", "x => {0}({0}(x))", "process.Select({0}(pid))"),
        ("x => x + x", "x => {0}(x) + {0}(x)", "process.Select({0}(pid))"),
        ("process.Take(1)", "{0}.Concat({0})", "{0}; 1"),
        ("x => x", "x => [x, x].Select({0})", "process.Select({0}(pid))"),
    ],
)
def test_what_grows_too_large_is_refused_before_it_is_bound(
    first: str, step: str, last: str
) -> None:
    bind_query(chained(first, step, 3, last), SYSTEM)
    with pytest.raises(QueryError) as caught:
        bind_query(chained(first, step, 400, last), SYSTEM)
    assert caught.value.message == TOO_LARGE
    assert caught.value.span is not None


def test_a_function_that_is_too_large_matters_only_where_it_is_called() -> None:
    script = chained("x => x + x", "x => {0}({0}(x))", 30, "process.Select(pid)")
    assert value(World([{"pid": 4}]), script) == [4]


def test_a_text_without_names_is_bounded_by_the_parser_alone() -> None:
    items = ", ".join(["1"] * 300)
    assert measured(f"[{items}]").size == 301
    assert measured(f"let a = [{items}]; a").size == 301


@given(st.integers(1, 40), st.integers(1, 5))
def test_each_step_multiplies(count: int, times: int) -> None:
    script = chained("1", " + ".join(["{0}"] * times), count, "{0}")
    expected = times ** (count - 1)
    try:
        assert expected <= measured(script).size
    except QueryError:
        assert expected * 2 * count > MAX_NODES or count * times > MAX_DEPTH


def deep(count: int) -> str:
    return "process.Where(" + "children.Any(" * count + "odd" + ")" * (count + 1)


def test_methods_within_methods_are_refused_where_the_stack_ends() -> None:
    bind_query(deep(40), SYSTEM)
    with pytest.raises(QueryError) as caught:
        bind_query(deep(190), SYSTEM)
    assert caught.value.message == "This is nested too deep."
    assert caught.value.hint is not None


def test_a_plan_that_is_too_deep_to_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_series: object, _engine: object) -> object:
        return endless(_series, _engine)

    result = Result(bind_query("process", SYSTEM), Context(World([{}]), Run()))
    monkeypatch.setattr("memq.eval.flows.flows", endless)
    with pytest.raises(MemqError, match=r"^the query is nested too deep to be run$"):
        list(result.batches())
