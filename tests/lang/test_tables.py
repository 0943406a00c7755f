"""The parse tables that are made ahead: fresh, and the same as the grammar's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from memq.lang import tables
from memq.lang.build_tables import main
from memq.lang.parser import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from lark import Lark

REMAKE = "the grammar has changed: run python -m memq.lang.build_tables"


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tables.TABLES.read_text("utf-8"))
    return found


def test_the_tables_are_of_this_grammar() -> None:
    fresh = json.loads(tables.serialize(tables.read_grammar()))
    assert stored()["grammar"] == fresh["grammar"], REMAKE
    assert stored()["states"] == fresh["states"], REMAKE


def test_the_tables_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(grammar: str) -> Lark:
        raise AssertionError(grammar)

    monkeypatch.setattr(tables, "build", refuse)
    assert Parser().is_complete("a.b") == "complete"


def test_what_is_written_is_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tables.json"
    monkeypatch.setattr(tables, "TABLES", path)
    main()
    assert json.loads(path.read_text("utf-8"))["states"] == stored()["states"]
    assert Parser().is_complete("a.b") == "complete"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        '{"grammar": 1}',
        json.dumps({**stored(), "grammar": 0}),
        json.dumps({**stored(), "states": []}),
        json.dumps({**stored(), "memo": []}),
        json.dumps({**stored(), "data": {}}),
        json.dumps({**stored(), "data": {**stored()["data"], "options": {"no": "such"}}}),
        json.dumps({**stored(), "data": {**stored()["data"], "parser": None}}),
    ],
)
def test_without_fitting_tables_the_grammar_is_read(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tables.json"
    if content is not None:
        path.write_text(content, "utf-8")
    monkeypatch.setattr(tables, "TABLES", path)
    built: list[str] = []
    build = tables.build

    def note(grammar: str) -> Lark:
        built.append(grammar)
        return build(grammar)

    monkeypatch.setattr(tables, "build", note)
    assert Parser().parse("a.b || /x/") == Parser().parse("a.b || /x/")
    assert built
