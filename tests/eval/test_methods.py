"""Methods of values: what each gives, of null and unknown too, and what is declared of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import Reason
from memq.eval.methods import METHODS, Method, method_of, methods_of
from memq.eval.regexes import MAX_WORD, Compiled, compile_regex
from memq.eval.terms import NUMBER
from memq.lang import ast
from memq.lang.parser import parse
from memq.schema.kinds import Kind, ValueType
from tests.eval.made import Value, column, values

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Reason.PAGED_OUT


def regex(pattern: str, flags: str = "") -> Compiled:
    return compile_regex(ast.Regex(pattern, flags))


def call(name: str, rows: Sequence[Value], *arguments: object, fold: bool = False) -> list[Any]:
    """Call a method of all rows with the same arguments, or a list of one for each row."""
    columns = [column(rows)]
    for argument in arguments:
        if isinstance(argument, Compiled):
            columns.append(argument.column(len(rows)))
        else:
            given: Any = argument if isinstance(argument, list) else [argument] * len(rows)
            columns.append(column(given))
    return values(METHODS[name].function(columns, fold, None))


WORDS = ["Bash", "bash", "sh", "", None, OUT, "bash"]
IP = "10.0.0.1"
RWX = [0, 1, 3, 7, None, OUT, (1 << 64) - 1]

# (method, values, arguments, results)
RESULTS: list[tuple[str, Sequence[Value], tuple[object, ...], list[Any]]] = [
    ("Contains", WORDS, ("as",), [True, True, False, False, None, OUT, True]),
    ("Contains", WORDS, ("",), [True, True, True, True, None, OUT, True]),
    ("Contains", WORDS, (None,), [False, False, False, False, None, OUT, False]),
    ("Contains", ["a", "a", "b", None], (["a", "b", OUT, "a"],), [True, False, OUT, None]),
    ("Contains", ["a", None, OUT], ([OUT, OUT, None],), [OUT, OUT, OUT]),
    ("Contains", [None, None], ("x",), [None, None]),
    ("StartsWith", WORDS, ("b",), [False, True, False, False, None, OUT, True]),
    ("EndsWith", WORDS, ("sh",), [True, True, True, False, None, OUT, True]),
    ("EqualsIgnoreCase", WORDS, ("BASH",), [True, True, False, False, None, OUT, True]),
    ("EqualsIgnoreCase", ["straße", "x"], ("STRASSE",), [True, False]),
    ("Matches", WORDS, (regex("^.a"),), [True, True, False, False, None, OUT, True]),
    ("Matches", WORDS, (regex("^b", "i"),), [True, True, False, False, None, OUT, True]),
    ("Matches", ["a\nb"], (regex("^b"),), [False]),
    ("Matches", ["a\nb"], (regex("^b", "m"),), [True]),
    ("Matches", ["a\nb"], (regex("a.b"),), [False]),
    ("Matches", ["a\nb"], (regex("a.b", "s"),), [True]),
    ("Matches", ["é", "ab"], (regex("^.$"),), [True, False]),
    ("Like", WORDS, ("?ash",), [True, True, False, False, None, OUT, True]),
    ("Like", WORDS, ("[!b]*",), [True, False, True, False, None, OUT, False]),
    ("Like", ["a", "b", "c"], (["?", "[", None],), [True, False, False]),
    ("Like", ["a", "a"], (["?" * 1025, "*"],), [Reason.LIMIT, True]),
    ("ToLower", WORDS, (), ["bash", "bash", "sh", "", None, OUT, "bash"]),
    ("ToUpper", WORDS, (), ["BASH", "BASH", "SH", "", None, OUT, "BASH"]),
    ("ToUpper", [None, OUT], (), [None, OUT]),
    ("Trim", [" a b\t", "\n", None], (), ["a b", "", None]),
    ("Length", WORDS, (), [4, 4, 2, 0, None, OUT, 4]),
    ("Length", ["é\U0001f600"], (), [2]),
    ("Length", [None, OUT], (), [None, OUT]),
    ("Replace", WORDS, ("a", "oo"), ["Boosh", "boosh", "sh", "", None, OUT, "boosh"]),
    ("Replace", WORDS, ("", "x"), ["Bash", "bash", "sh", "", None, OUT, "bash"]),
    ("Replace", WORDS, ("a", None), [None, None, None, None, None, OUT, None]),
    ("Replace", ["aaa", "aaa"], (["a", "aa"], ["b", "c"]), ["bbb", "ca"]),
    ("Replace", [IP], (regex(r"\d+"), r"$0\0"), [r"$0\0.$0\0.$0\0.$0\0"]),
    ("Replace", ["Éé a", None], (regex("é", "i"), "-"), ["-- a", None]),
    ("Replace", ["abc"], (regex("x*"), "-"), ["-a-b-c-"]),
    ("Replace", ["a" * MAX_WORD], ("a", "bb"), [Reason.LIMIT]),
    ("Replace", ["a" * 10_001, "a"], (regex("a"), "b"), [Reason.LIMIT, "b"]),
    ("Replace", ["a" * 9_999], (regex("a"), "b" * 1_000), [Reason.LIMIT]),
    ("Substring", WORDS, (1,), ["ash", "ash", "h", "", None, OUT, "ash"]),
    ("Substring", WORDS, (1, 2), ["as", "as", "h", "", None, OUT, "as"]),
    ("Substring", ["abc"] * 4, ([0, 3, 4, -1],), ["abc", "", "", None]),
    ("Substring", ["abc"] * 3, (1, [0, 99, -1]), ["", "bc", None]),
    ("Substring", ["abc"] * 2, ((1 << 64) - 1, (1 << 64) - 1), ["", ""]),
    ("Substring", ["abc"] * 3, ([None, OUT, 1], [1, None, None]), [None, OUT, None]),
    ("IndexOf", WORDS, ("sh",), [2, 2, 0, -1, None, OUT, 2]),
    ("IndexOf", WORDS, (None,), [None, None, None, None, None, OUT, None]),
    ("IndexOf", ["abcabc"], ("",), [0]),
    ("Has", RWX, (1,), [False, True, True, True, None, OUT, True]),
    ("Has", RWX, (1, 2), [False, False, True, True, None, OUT, True]),
    ("Has", RWX, (3,), [False, False, True, True, None, OUT, True]),
    ("Has", RWX, (0,), [True, True, True, True, None, OUT, True]),
    ("Has", RWX, (1, None), [False, False, False, False, None, OUT, False]),
    ("Has", [5, 5, 5], ([1, OUT, 2],), [True, OUT, False]),
    ("Has", [-1, 1], (1 << 63,), [True, False]),
]

FOLDED: list[tuple[str, Sequence[Value], tuple[object, ...], list[Any]]] = [
    ("Contains", ["BASH"], ("as",), [True]),
    ("StartsWith", ["BASH"], ("b",), [True]),
    ("EndsWith", ["bash"], ("SH",), [True]),
    ("Like", [r"C:\Windows\x.EXE"], (r"c:\windows\?.[A-F]xe",), [True]),
    ("Replace", ["xÀB-ßab"], ("àb", "."), ["x.-ßab"]),
    ("Replace", ["İX-x"], ("x", "."), ["İ.-."]),  # what folds to two letters moves nothing
    ("Replace", ["x" * MAX_WORD], ("X", "bb"), [Reason.LIMIT]),
    ("Replace", ["Ab"], ("", "x"), ["Ab"]),
    ("IndexOf", ["İX"], ("x",), [1]),
]


@pytest.mark.parametrize(("name", "rows", "arguments", "expected"), RESULTS)
def test_result(
    name: str, rows: Sequence[Value], arguments: tuple[object, ...], expected: list[Any]
) -> None:
    found = call(name, rows, *arguments)
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]
    assert call(name, rows[:0], *(a[:0] if isinstance(a, list) else a for a in arguments)) == []


@pytest.mark.parametrize(("name", "rows", "arguments", "expected"), FOLDED)
def test_names_that_ignore_case(
    name: str, rows: Sequence[Value], arguments: tuple[object, ...], expected: list[Any]
) -> None:
    assert call(name, rows, *arguments, fold=True) == expected
    assert call(name, rows, *arguments) != expected or Reason.LIMIT in expected or not arguments[0]


def test_a_regular_expression_is_compiled_without_case_for_such_names() -> None:
    plain, folded = (compile_regex(ast.Regex("^b"), fold=fold) for fold in (False, True))
    assert call("Matches", ["Bash"], plain) == [False]
    assert call("Matches", ["Bash"], folded) == [True]
    assert call("Replace", ["Bash"], folded, "-") == ["-ash"]


# What is declared


def test_methods_are_found_without_regard_to_case() -> None:
    found = method_of(Kind.STRING, "sTARTSwith")
    assert found is not None
    assert found.name == "StartsWith"
    assert method_of(Kind.STRING, "Starts") is None
    assert method_of(Kind.STRING, "Has") is None
    assert method_of(Kind.NUMBER, "Length") is None


def test_methods_of_a_kind() -> None:
    assert [method.name for method in methods_of(Kind.FLAGS)] == ["Has"]
    assert "Matches" in [method.name for method in methods_of(Kind.STRING)]
    assert methods_of(Kind.NULL) == ()


def test_how_a_call_is_written() -> None:
    shown = {name: METHODS[name].signature for name in ("Trim", "Replace", "Substring", "Has")}
    assert shown == {
        "Trim": "Trim()",
        "Replace": "Replace(old, new)",
        "Substring": "Substring(start, length?)",
        "Has": "Has(flag, ...)",
    }


def test_result_keeps_how_a_name_is_compared() -> None:
    name = ValueType(Kind.STRING, ignores_case=True, choices=("A",))
    assert METHODS["ToLower"].result_type(name) == ValueType(Kind.STRING, ignores_case=True)
    assert METHODS["Length"].result_type(name) == NUMBER
    assert METHODS["Contains"].result_type(name) == ValueType(Kind.BOOLEAN)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_declaration_is_whole(method: Method) -> None:
    assert METHODS[method.name] is method
    assert method.doc.endswith(".")
    assert method.receivers
    optional = [one.is_optional for one in method.parameters]
    assert optional == sorted(optional)
    assert not any(one.is_repeated for one in method.parameters[:-1])
    assert method.name in called(parse(method.example))


def called(node: object) -> set[str]:
    """Return the names of all methods that are called in a tree."""
    found = set[str]()
    if isinstance(node, ast.Call) and isinstance(node.target, ast.Member):
        found.add(node.target.name)
    parts: tuple[Any, ...] = node if isinstance(node, tuple) else ()
    if isinstance(node, ast.Node):
        names: tuple[str, ...] = node.__match_args__
        parts = tuple(getattr(node, name) for name in names)
    return found.union(*map(called, parts))


def test_regular_expressions_are_part_of_what_a_term_is() -> None:
    assert regex("a", "i") == regex("a", "i")
    assert len({regex("a"), regex("a"), regex("a", "i"), regex("b")}) == 3


def test_a_regex_column_is_taken_like_any_other() -> None:
    given = regex("a").column(3).take(np.array([2, 0]))
    assert values(METHODS["Matches"].function([column(["a", "b"]), given], False, None)) == [
        True,
        False,
    ]
