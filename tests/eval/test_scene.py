"""What stands at the cursor: the element, what is before the dot, what is beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.eval.bind import Binder
from memq.eval.places import Pick, Root
from memq.eval.scene import At, Scene, scene
from memq.eval.series import Series
from memq.eval.terms import Constant, FieldTerm, Term
from memq.lang.parser import Parser
from tests.eval.raw_world import RAW_SYSTEM, RawWorld

if TYPE_CHECKING:
    from memq.eval.scope import Found


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser()


def there(text: str, parser: Parser) -> Scene:
    return scene(text, Binder(RAW_SYSTEM, RawWorld([])), parser)


@pytest.mark.parametrize(
    ("text", "at", "partial"),
    [
        ("", At.NAME, ""),
        ("pro", At.NAME, "pro"),
        ("process.", At.MEMBER, ""),
        ("process .  ta", At.MEMBER, "ta"),
        ("process.Where(", At.NAME, ""),
        ("process.Where(in", At.NAME, "in"),
        ("process.Where(not", At.NAME, "not"),
        ("process.Where(pid ", At.OPERATOR, ""),
        ("process.Where(pid i", At.OPERATOR, "i"),
        ("process.Where(pid == 1 ", At.OPERATOR, ""),
        ("process.Where(pid ==", At.NAME, ""),
        ('process.Where(name == "a b', At.TEXT, "a b"),
        ("process.Where(name == 'it", At.TEXT, "it"),
        ("process.Where(name == @'it", At.TEXT, "it"),
        ("process.Where(pid == 1)\n\npro", At.NAME, "pro"),
        ("let x = process; x.ta", At.MEMBER, "ta"),
        ("let x = wrong; process.ta", At.MEMBER, "ta"),
        ("wrong; process.ta", At.MEMBER, "ta"),
        ("let f = a => a", At.NAME, "a"),
        ("process.Take(", At.NUMBER, ""),
        ("process.Select({k: ", At.NAME, ""),
        ("process.Select([1, [2, -(", At.NAME, ""),
        ("process.Where(pid == 1 ? (pid == 2 ? ", At.NAME, ""),
        ("symbol(", At.TEXT, ""),
        ("symbol('in", At.TEXT, "in"),
        ("process // p", At.NOTHING, ""),
        ("process # p", At.NOTHING, ""),
        ("process # p\n.ta", At.MEMBER, "ta"),
        ("process.Where(name.Matches(/pi", At.NOTHING, ""),
        ("process.Where(pid == 12", At.NOTHING, ""),
        ("process.Where(pid", At.NAME, "pid"),
        ("process.Where(pid)", At.NOTHING, ""),
        ("process ", At.NOTHING, ""),
        ("process.Select({k", At.NOTHING, ""),
        ("let ", At.NOTHING, ""),
        ("process.Where((a, b", At.NOTHING, ""),
        ("process.Where(wrong.", At.NOTHING, ""),
        ("process.Take(1, ", At.NOTHING, ""),
        ("process.Where(12ab + ", At.NOTHING, ""),
        ('process.Where(name == "a\nb', At.NOTHING, ""),
    ],
)
def test_what_is_asked_for(text: str, at: At, partial: str, parser: Parser) -> None:
    found = there(text, parser)
    assert (found.at, found.partial if at is not At.NOTHING else "") == (at, partial)


def test_the_element_whose_names_are_known(parser: Parser) -> None:
    def types(text: str) -> list[tuple[str, str]]:
        frame = there(text, parser).frame
        frames = list(frame.chain()) if frame else []
        return [(one.parameter or "", one.type.type_name if one.type else "") for one in frames]

    assert types("process.Where(") == [("", "process")]
    assert types("process.Where(vad.Any(") == [("", "vad"), ("", "process")]
    assert types("process.Where(p => p.vad.Any(v => ") == [("v", "vad"), ("p", "process")]
    assert types("process.Where(pid == 1 && wrong.path && (") == [("", "process")]
    assert types("process.SelectMany(vad).Where(") == [("", "vad")]
    assert types("process.Join(vad, p => p.pid, v => ") == [("v", "vad")]
    assert types("process.Join(vad, p => p.pid, ") == [("", "vad")]
    assert types("process.Union(") == []
    assert types("process.Join(vad, p => p.pid, v => v.n, (p, v) => {a: 1, b: ") == [
        ("v", "vad"), ("p", "process"),
    ]  # fmt: skip
    assert types("process.Aggregate(0, (sum, p) => ") == [("p", "process"), ("sum", "")]
    assert types("let f = p => ") == [("", "")]


def test_what_stands_before_the_dot(parser: Parser) -> None:
    def target(text: str) -> Found:
        found = there(text, parser).target
        assert found is not None
        return found

    assert isinstance(target("process."), Series)
    assert isinstance(target("process.First()."), Pick)
    name = target("process.Where(name.")
    assert isinstance(name, FieldTerm)
    assert name.field.name == "name"
    assert isinstance(target("let x = process.First(); x."), Pick)
    guessed = target("let f = proc => proc.")
    assert isinstance(guessed, Root)
    assert guessed.type is RAW_SYSTEM.objects["process"]
    assert isinstance(target("let f = other => other."), Constant)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("process.Where(name == ", "name"),
        ('process.Where(name != "', "name"),
        ("process.Where(x == 1 && state == ", "state"),
        ("process.Where(state in [", "state"),
        ('process.Where(state not in ["a", ', "state"),
        ("process.Where(pid in 1..", "process_id"),
        ("process.Where((state) == (", "state"),
        ('process.Where(flags.Has("', "flags"),
        ('process.Where(flags.Has("F_READ", ', "flags"),
        ('process.Where(name.Contains("', "name"),
        ("process.Where(parent.name == ", "name"),
        ("process.Where(vad.Any(v => v.f == ", "f"),
        ("process.Where(name ?? ", "name"),
        ("process.Where(name ", "name"),
        ("process.Where(x == 1 && ", None),
        ("process.Where(odd ? ", None),
        ("process.Where(", None),
        ("process.Select({k: ", None),
        ("process.Where(name == symbol(", None),
    ],
)
def test_what_is_beside(text: str, field: str | None, parser: Parser) -> None:
    found = there(text, parser).beside
    assert (found.field.name if isinstance(found, FieldTerm) else None) == field


def test_a_series_is_asked_for_one_of_its_values(parser: Parser) -> None:
    assert isinstance(there("process.Select(name).Contains(", parser).beside, Series)
    assert isinstance(there("process.Where(pid == 1 ", parser).beside, Term)


def test_what_a_function_wants_as_text(parser: Parser) -> None:
    def wanted(text: str) -> str:
        return there(text, parser).wanted

    assert wanted('symbol("') == '"name"'
    assert wanted('cast("') == '"type"'
    assert wanted('cast("task", ') == "address"
    assert wanted('container_of(process.raw.list, "task", "') == '"member"'
    assert wanted('list_of(1, "task", "tasks", ') == ""
    assert wanted('process.Where(pid == sizeof("') == '"type" or raw'
    assert wanted("process.Where(") == ""
