"""All forms of the same findings tell the same numbers, and so does a case."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from memq.hunt.case import Case
from memq.hunt.case_query import ask_case
from memq.hunt.findings import WRITERS
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import MOST_EVIDENCE, OUTCOMES, Finding
from tests.eval.held import examples
from tests.hunt.findings import WINDOWS, heading, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADING = heading()
TAGS = ("attack.t1055", "attack.t1055.012", "attack.t1014", "attack.persistence")
ROWS = st.sampled_from([{"pid": 1}, {"pid": 1, "name": "a"}, {"name": "<b>|\n=1"}, "a", -7, None])


@st.composite
def playbooks(draw: st.DrawFn) -> list[Finding]:
    """Draw what some rules have found; rows may be the same, and more than any form shows."""
    return [draw(findings(number)) for number in range(draw(st.integers(0, 6)))]


@st.composite
def findings(draw: st.DrawFn, number: int) -> Finding:
    outcome = draw(st.sampled_from(OUTCOMES))
    tags = draw(st.lists(st.sampled_from(TAGS), unique=True))
    system = WINDOWS if outcome == "skipped" and draw(st.booleans()) else {"linux": "process"}
    own = rule(number, f"Rule {number}", draw(st.sampled_from(LEVELS)), *tags, queries=system)
    reason = draw(st.sampled_from(["", "note: 3 rows, clean", "- 7. more"]))
    undecided = draw(st.integers(0, 3)) if outcome in ("match", "undecided") else 0
    rows: Sequence[Any] = ()
    more = 0
    if outcome == "match":
        rows = draw(st.lists(ROWS, min_size=1, max_size=3)) * draw(st.sampled_from([1, 1, 20]))
        more = draw(st.sampled_from([0, 0, 1, MOST_EVIDENCE]))
    is_cut = bool(more or undecided or outcome == "undecided")
    return Finding(own, outcome, reason, tuple(rows), more, undecided, is_cut=is_cut)


def written(form: str, found: Sequence[Finding]) -> str:
    return "".join(WRITERS[form](iter(found), HEADING))


def outcomes_of(found: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(one.outcome for one in found)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def rows_told(text: str) -> dict[str, int]:
    """Return how many rows a page says that each rule has found, from its headlines."""
    plain = re.sub(r"<[^>]*>|\*", "", text)
    lines = re.findall(r"^\s*\w+\s*(Rule \d+): ([\d,]+) rows?\b", plain, re.MULTILINE)
    return {name: int(count.replace(",", "")) for name, count in lines}


@given(found=playbooks())
@examples(60)
def test_forms_for_programs_have_each_rule_and_row_once(found: list[Finding]) -> None:
    records = json.loads(written("json", found))
    assert [json.loads(line) for line in written("jsonl", found).splitlines()] == records
    told = [(one["rule"]["id"], one["outcome"], one["undecided"]) for one in records]
    assert told == [(one.rule.id, one.outcome, one.undecided) for one in found]
    assert [(one["evidence"], one.get("more", 0)) for one in records] == [
        (list(one.evidence), one.more) for one in found
    ]
    evidence = [(one.rule.id, row) for one in found for row in one.evidence]
    for form, dialect in (("csv", csv.excel), ("tsv", csv.excel_tab)):
        text = written(form, found)
        if form == "tsv":  # it has no quotes, what would need them is escaped
            lines = [dict(zip(*pair, strict=True)) for pair in tabbed(text)]
        else:
            lines = list(csv.DictReader(io.StringIO(text), dialect=dialect))
        got = [(line["rule.id"], json.loads(line["evidence"])) for line in lines if line["row"]]
        assert got == evidence
        by_rule = {line["rule.id"]: (line["outcome"], int(line["more"])) for line in lines}
        assert by_rule == {one.rule.id: (one.outcome, one.more) for one in found}


def tabbed(text: str) -> list[tuple[list[str], list[str]]]:
    titles, *lines = (line.split("\t") for line in text.splitlines())
    return [(titles, line) for line in lines]


@given(found=playbooks())
@examples(60)
def test_pages_tell_how_many_rules_and_rows(found: list[Finding]) -> None:
    expected = outcomes_of(found)
    rows = {one.rule.title: len(one.evidence) + one.more for one in found if one.outcome == "match"}
    table = written("table", found)
    told = dict(re.findall(r"^(\w+): (\d+)(?: \(.*\))?$", table, re.MULTILINE))
    assert {name: int(told.get(name, "0")) for name in OUTCOMES} == expected
    markdown, page = written("markdown", found), written("html", found)
    told = dict(re.findall(r"^\| (\w+) \| (\d+) \|$", markdown, re.MULTILINE))
    assert {name: int(told[name]) for name in OUTCOMES} == expected
    told = {
        name: count
        for count, name in re.findall(r"<strong>(\d+)</strong> <span>(\w+)</span>", page)
    }
    assert {name: int(told[name]) for name in OUTCOMES} == expected
    for text in (table, markdown, page):
        assert rows_told(text) == rows
    assert len(re.findall(r'<article class="match [^"]*" id="rule-\d+">', page)) == len(rows)


@given(found=playbooks())
@examples(60)
def test_logs_and_layers_tell_how_many_rules_and_rows(found: list[Finding]) -> None:
    (run,) = json.loads(written("sarif", found))["runs"]
    assert [one["id"] for one in run["tool"]["driver"]["rules"]] == [one.rule.id for one in found]
    kinds = {"match": "fail", "undecided": "open", "skipped": "notApplicable", "clean": "pass"}
    told = Counter((one["ruleIndex"], one["kind"]) for one in run["results"])
    assert told == {
        (number, kinds[one.outcome]): len(one.evidence) or 1 for number, one in enumerate(found)
    }
    prints = {one["partialFingerprints"]["evidence/v1"] for one in run["results"]}
    assert len(prints) == len(run["results"])
    layer = json.loads(written("navigator", found))
    assert layer["description"] == "; ".join(
        f"{name}: {count} rule{'' if count == 1 else 's'}"
        for name, count in outcomes_of(found).items()
    )
    told = Counter(one["name"] for each in layer["techniques"] for one in each["metadata"])
    own = [one.rule for one in found if HEADING.image.system in one.rule.queries]
    techniques = {rule.title: sum("attack.t" in tag for tag in rule.tags) for rule in own}
    assert told == {title: count for title, count in techniques.items() if count}


@given(found=playbooks(), again=st.data())
@examples(40)
def test_a_case_tells_how_many_rules_and_rows(found: list[Finding], again: st.DataObject) -> None:
    """And of a later run what is new, seen before, gone, and not known."""
    later = [again.draw(findings(number)) for number in range(len(found))]
    with Case(None) as case:
        first, second = kept(case, found), kept(case, later)
        assert numbers(first) == [keys_in(found).total(), 0, 0, 0]
        before, now = keys_in(found), keys_in(later)
        whole = {one.rule.id for one in later if one.outcome != "skipped" and not one.is_cut}
        left = before - now
        gone = sum(count for (id_, _), count in left.items() if id_ in whole)
        assert numbers(second) == [
            (now - before).total(), (before & now).total(), gone, left.total() - gone
        ]  # fmt: skip
        for number, asked in ((1, found), (2, later)):
            query = f"outcome.Where(run == {number}).Select(result)"
            assert Counter(ask_case(case, query, {}).rows()) == Counter(o.outcome for o in asked)
        count = "finding.Where(!is_gone).Count()", "finding.Where(is_gone).Count()"
        assert [next(ask_case(case, one, {}).rows()) for one in count] == [
            (before | now).total() - gone,
            gone,
        ]


@given(found=playbooks())
@examples(20)
def test_a_case_knows_a_row_as_sarif_does(found: list[Finding]) -> None:
    (run,) = json.loads(written("sarif", found))["runs"]
    results = [one for one in run["results"] if one["kind"] == "fail"]
    with Case(None) as case:
        kept(case, found)
        keys = [key for (key,) in case.file.read("SELECT key FROM findings ORDER BY number")]
    assert [one["partialFingerprints"]["evidence/v1"] for one in results] == keys


def keys_in(found: Sequence[Finding]) -> Counter[tuple[str, str]]:
    """Return how often each rule has each row."""
    return Counter((one.rule.id, json.dumps(row)) for one in found for row in one.evidence)


def kept(case: Case, found: Sequence[Finding]) -> str:
    recording = case.begin(HEADING)
    assert list(recording.kept(found, {})) == list(found)
    recording.end(is_stopped=False)
    return recording.told()


def numbers(told: str) -> list[int]:
    """Return how many are new, seen before, gone, and not known."""
    words = ("new", "seen before", "gone", "not known now")
    found = {word: re.search(rf"(\d+) {word}", told) for word in words}
    return [int(one[1]) if one else 0 for one in found.values()]
