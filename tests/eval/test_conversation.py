"""Statements that follow each other are one script, and what was read for one serves the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Cancelled, QueryError, Reason
from memq.eval import conversation as conversation_module
from memq.eval.conversation import Conversation
from memq.eval.explain import explain
from memq.lang.parser import Parser
from memq.output import json
from memq.run import Run
from memq.schema.batch import Context, ObjectType, Portion
from tests.eval.held import examples
from tests.eval.test_shapes import PROCESSES
from tests.eval.world import SYSTEM, World, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

PARSER = Parser()


def talk(world: World | None = None) -> Conversation:
    return Conversation(SYSTEM, World(PROCESSES) if world is None else world, PARSER)


def asked(talk: Conversation, text: str, run: Run | None = None) -> Any:
    """Ask as the interpreter does: bind, run, name."""
    bound = talk.bind(text)
    if bound.plan is None or bound.named:
        return bound.named
    result = talk.run(bound.plan, run or Run())
    texts = json.array if not result.is_single else json.lines
    found = orjson.loads("".join(texts(result.batches(), bare=result.shape.bare)))
    talk.name_result(bound)
    return found


def test_names_go_on() -> None:
    one = talk()
    assert asked(one, "let shells = process.Where(name == 'sh')") == "shells"
    assert asked(one, "let many = 2; let f = p => p.pid >= many") == "f"
    assert asked(one, "shells.Where(f).Select(pid)") == [2, 3]
    assert asked(one, "let many = 3") == "many"
    assert asked(one, "shells.Where(f).Select(pid)") == [2, 3]  # it was written with the other one
    assert asked(one, "shells.Count()") == 2


def test_results_have_names() -> None:
    one = talk()
    assert asked(one, "process.Where(vad.a)") == [{"process_id": 1, "name": "init"}]
    assert asked(one, "_.Select(vad.n)") == [[1]]  # what it narrowed, too
    assert asked(one, "_1.Select([pid, vad.n])") == [{"pid": 1, "vad": [{"n": 1}]}]
    assert asked(one, "process.Count()") == 4
    assert asked(one, "_ + 1") == 5
    assert asked(one, "_3.First().pid") == 1
    assert asked(one, "_6 * 10") == 10
    assert one.results == 7
    with pytest.raises(QueryError, match="No source is called `_8`"):
        one.bind("_8")


def test_a_picked_object_and_a_record_are_results() -> None:
    one = talk()
    asked(one, "process.First(pid == 4)")
    assert asked(one, "_.parent.name") == "sh"
    asked(one, "process.Select([pid, name]).Last()")
    assert asked(one, "_.name") == "x"
    asked(one, "process.Let({twice: pid * 2})")
    assert asked(one, "_.Where(twice > 4).Select(twice)") == [6, 8]


def test_what_is_wrong_changes_no_name() -> None:
    one = talk()
    asked(one, "let a = 1")
    for wrong in ("let a = 2; nothing", "let a = 2; process.Where(", "let a = process.nothing"):
        with pytest.raises(QueryError):
            one.bind(wrong)
        assert asked(one, "a") == 1
    assert one.results == 3


def test_errors_and_warnings_show_the_text_that_they_speak_of() -> None:
    one = talk()
    asked(one, "let odd_ones = p => p.odd")
    asked(one, "let wrong = p => p.nothing")
    with pytest.raises(QueryError) as caught:
        one.bind("process.Where(q => wrong(q))")
    lines = str(caught.value).split("\n")
    assert lines[1:3] == ["  let wrong = p => p.nothing", "                     ^^^^^^^"]
    assert "  process.Where(q => wrong(q))" in lines
    with pytest.raises(QueryError) as caught:
        one.bind("process\n  .Where(nothing)")
    assert str(caught.value).split("\n")[1] == "    .Where(nothing)"
    with pytest.raises(QueryError) as caught:
        one.bind("process.Where(")
    assert str(caught.value).split("\n")[1] == "  process.Where("
    plan = one.bind('process.Where(vad.f != "a")').plan
    assert plan is not None
    assert 'vad.f != "a"' in plan.warnings[0]
    plan = one.bind("process").plan
    assert plan is not None
    assert not plan.warnings


def test_a_plan_is_told_in_the_words_of_each_text_that_it_is_from() -> None:
    one = talk()
    asked(one, "process.Where(odd)")
    asked(one, "let mine = p => p.pid > 1")
    asked(one, "let big = process.Where(pid > 7) // a comment")

    def told(text: str) -> list[str]:
        bound = one.bind(text)
        assert bound.plan is not None
        return explain(bound.plan, bound.text, bound.begins).splitlines()

    assert told("_.Where(pid == 2)")[1:3] == ["Where odd  [member]", "Where pid == 2  [member]"]
    assert told("process.Where(mine)")[1] == "Where p.pid > 1  [member]"
    assert told("big.Count(mine)")[1:] == ["Where pid > 7  [member]", "Count p.pid > 1  [member]"]
    assert told("-1") == ["value -1  [member]"]


def test_a_session_may_be_longer_than_a_query() -> None:
    one = talk()
    for number in range(9):
        asked(one, f"let f{number} = p => p.pid > {number} // {'x' * 40_000}")
    assert asked(one, "process.Where(f8).Count()") == asked(one, "process.Count(pid > 8)")


def test_what_was_found_whole_is_not_sought_again() -> None:
    world = World(PROCESSES)
    one = talk(world)
    asked(one, "process.Take(1)")
    before = world.counts["portions"]
    asked(one, "process.Select([pid, vad.n])")
    found = world.counts.copy()
    assert found["portions"] == before + 2  # the first query has not seen them all
    asked(one, "process.Where(vad.n > 1).Select([pid, vad.n])")
    asked(one, "vad.Count()")
    assert world.counts["portions"] == found["portions"]
    assert world.counts["walk vad"] == found["walk vad"]
    assert world.counts["process.pid"] == found["process.pid"]


def test_what_is_said_of_a_source_is_said_each_time() -> None:
    one = talk(World(PROCESSES, cut=Reason.LOOP))
    for _ in range(2):
        run = Run()
        asked(one, "process.Count()", run)
        assert "the list of processes is cut short" in run.notes
        assert not run.undecided
    for _ in range(2):
        run = Run()
        asked(one, "process.Where(vad.f == 'nothing')", run)
        assert run.undecided == {Reason.LOOP: 1}
        assert any("vad" in note for note in run.notes)
    run = Run()
    asked(one, "process.Count()", run)
    assert not any("vad" in note for note in run.notes)


class Noted(ObjectType):
    """Objects of whose source something is to be said when they are found."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        context.run.note("one is missing", Reason.LOOP)
        for number in range(3):
            yield Portion(cls(context, {"address": np.array([number], np.uint64)}))


def test_what_is_said_of_a_source_is_kept_though_it_was_said_before() -> None:
    context = Context(None, Run(), {})
    inside = context.portions(Noted)
    next(inside)  # it is being found when it is found a second time, in the same run
    assert len(list(context.portions(Noted))) == 3
    context.run = Run()
    assert len(list(context.portions(Noted))) == 3
    assert context.run.notes == {"one is missing": Reason.LOOP}


def test_what_was_stopped_is_not_taken_for_the_whole() -> None:
    world = World(PROCESSES)
    one = talk(world)
    bound = one.bind("process.Select(pid)")
    assert bound.plan is not None
    run = Run()
    batches = one.run(bound.plan, run).batches()
    next(batches)
    run.cancelled = True
    with pytest.raises(Cancelled):
        next(batches)
    assert asked(one, "process.Count()") == 4


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(PROCESSES)
    one = talk(world)
    monkeypatch.setattr(conversation_module, "_MOST_KEPT", 7)  # four processes, four mappings
    asked(one, "process.Count()")
    asked(one, "process.Select(vad.n)")
    found = world.counts["portions"]
    asked(one, "process.Count()")
    assert world.counts["portions"] == found + 2
    asked(one, "process.Select(parent.handle.n)")  # what a parent has counts, too
    asked(one, "process.Count()")
    assert world.counts["portions"] == found + 4


def test_results_of_results_end_in_a_clear_error() -> None:
    one = talk()
    asked(one, "process")
    # Whenever it is that memq refuses, it says so, and the session goes on.
    wrong = None
    for _ in range(400):
        try:
            asked(one, "_.Where(pid > 0)")
        except QueryError as error:
            wrong = str(error)
            break
    assert wrong is not None
    assert "too large" in wrong or "too deep" in wrong
    assert asked(one, "_1.Count()") == 4


CHAINS = st.lists(
    st.sampled_from(
        [
            ".Where(vad.a)", ".Where(pid > 1)", ".Where(handle.n == 7 || odd)", ".Take(2)",
            ".Reverse()", ".Where(vad.f == handle.f)", ".OrderByDescending(pid)", ".Skip(1)",
            ".Let({more: pid + vad.Count()})", ".Distinct()", ".Where(x > 4)",
        ]
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


@examples(25)
@given(CHAINS, st.sampled_from([".Select([pid, vad.n])", ".Count()", "", ".CountBy(name)"]))
def test_a_step_at_a_time_gives_what_one_query_gives(chain: list[str], last: str) -> None:
    one = talk()
    asked(one, "process")
    for step in chain:
        asked(one, f"_{step}")
    run = Run()
    found = asked(one, f"_{last}", run)
    assert found == ask(World(PROCESSES), f"process{''.join(chain)}{last}").value
    steps = [f"let s{number + 1} = s{number}{step}" for number, step in enumerate(chain)]
    expected = ask(
        World(PROCESSES), "; ".join(["let s0 = process", *steps, f"s{len(chain)}{last}"])
    )
    assert found == expected.value
    assert run.undecided == expected.run.undecided
    assert run.lost == expected.run.lost
