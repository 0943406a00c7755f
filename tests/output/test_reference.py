"""The reference of the objects as JSON, as text and as a page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from memq.eval.callables import callables
from memq.os.systems import SYSTEMS
from memq.output.forms import FORMAT_VERSION, FORMS
from memq.output.reference.json import as_json
from memq.output.reference.page import as_markdown
from memq.output.reference.regions import language_tables, renewed
from memq.output.reference.text import as_text
from memq.schema.declare import Cost
from memq.schema.kinds import Kind
from memq.schema.reference import Callable, Callables, reference_of
from tests.schema.two import BLUE, RED

WHOLE = reference_of(SYSTEMS, callables())
BOTH = reference_of([RED, BLUE])
FEW = Callables(
    (Callable("Take", "Take(count)", "The first.", "thing.Take(1)", 1, 1),),
    (
        Callable("Cut", "Cut(place)", "A part.", "x.Cut(1)", 1, 1, (Kind.STRING,), Kind.STRING),
        Callable("Has", "Has(flag, ...)", "Whether set.", "a | b", 1, None, (Kind.FLAGS,)),
    ),
)


def named(things: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (thing for thing in things if thing["name"] == name)
    return found


# JSON


def test_json_says_what_it_is() -> None:
    tree = json.loads(as_json(BOTH, "1.2"))
    assert (tree["format_version"], tree["memq"]) == (FORMAT_VERSION, "1.2")
    assert tree["systems"] == {
        "red": {"title": "Red", "ignores_case": False},
        "blue": {"title": "Blue", "ignores_case": True},
    }
    assert tree["kinds"]["address"] == {
        "title": "address",
        "json_type": "string",
        "form": "hexadecimal, with 0x before it",
    }
    assert list(tree["costs"]) == ["member", "follow", "user_memory", "walk", "scan"]


def test_json_of_an_object() -> None:
    thing = named(json.loads(as_json(BOTH, "1.2"))["objects"], "thing")
    del thing["fields"], thing["subobjects"]
    assert thing == {
        "name": "thing",
        "doc": "Something that both have.",
        "example": "thing.Where(size > 4)",
        "principal": "thing_object",
        "owner": None,
        "identity": ["table", "place"],
        "systems": ["red", "blue"],
        "differences": {
            "blue": {
                "doc": "Something blue.",
                "example": "thing.Where(size > 5)",
                "identity": ["address"],
            }
        },
    }
    sound = named(json.loads(as_json(BOTH, "1.2"))["objects"], "sound")
    assert (sound["principal"], sound["owner"], sound["systems"]) == (None, "thing", ["blue"])


def test_json_of_a_field() -> None:
    fields = named(json.loads(as_json(BOTH, "1.2"))["objects"], "thing")["fields"]
    assert named(fields, "name") == {
        "name": "name",
        "aliases": ["n"],
        "doc": "What it is called.",
        "kind": "string",
        "json_type": "string",
        "cost": "member",
        "shown": True,
        "ignores_case": False,
        "choices": [],
        "names": {},
        "systems": ["red", "blue"],
        "differences": {"blue": {"ignores_case": True}},
    }
    assert named(fields, "size")["differences"] == {"blue": {"cost": "member"}}
    assert named(fields, "state")["choices"] == ["new", "a|b"]
    rights = named(fields, "rights")
    assert (rights["names"], rights["systems"]) == ({"READ": 1, "WRITE": 2}, ["blue"])


def test_json_of_a_subobject() -> None:
    parts = named(json.loads(as_json(BOTH, "1.2"))["objects"], "thing")["subobjects"]
    assert named(parts, "child_object") == {
        "name": "child_object",
        "aliases": ["child", "below"],
        "doc": "Those below it.",
        "item": "thing",
        "many": True,
        "cost": "walk",
        "systems": ["red"],
        "differences": {},
    }
    assert not named(parts, "above")["many"]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_json_has_all_that_a_system_computes(system: Any) -> None:
    objects = json.loads(as_json(WHOLE, "1.2"))["objects"]
    told = {
        each["name"]: {
            part["name"]
            for part in (*each["fields"], *each["subobjects"])
            if system.name in part["systems"]
        }
        for each in objects
        if system.name in each["systems"]
    }
    assert told == {
        name: {
            part.name
            for part in (*type_.fields.values(), *type_.subobjects.values())
            if not part.declared_only
        }
        for name, type_ in system.objects.items()
    }


def test_json_of_what_is_called() -> None:
    tree = json.loads(as_json(reference_of([RED], FEW), "1.2"))
    assert tree["series_methods"] == [
        {
            "name": "Take",
            "signature": "Take(count)",
            "least": 1,
            "most": 1,
            "doc": "The first.",
            "example": "thing.Take(1)",
        }
    ]
    cut, has = tree["value_methods"]
    assert (cut["receivers"], cut["result"], cut["most"]) == (["string"], "string", 1)
    assert (has["receivers"], has["result"], has["most"]) == (["flags"], None, None)
    assert tree["functions"] == []


def test_json_has_all_that_is_called() -> None:
    tree = json.loads(as_json(WHOLE, "1.2"))
    assert {one["name"] for one in tree["series_methods"]} >= {"Where", "Select", "ToList"}
    assert {one["name"] for one in tree["value_methods"]} >= {"Contains", "Has", "Split"}
    assert {one["name"] for one in tree["functions"]} >= {"is_known", "cast"}


# Text


def test_text_of_an_object() -> None:
    text = as_text(BOTH, 76)
    assert text[text.index("thing:") :] == (
        "thing: Red: Something that both have. Blue: Something blue.\n"
        "  systems      Red and Blue\n"
        "  principal    thing_object: its fields need no prefix\n"
        "  identity     Red: table and place; Blue: address\n"
        "  example      thing.Where(size > 4)\n"
        "  example      thing.Where(size > 5)\n"
        "\n"
        "* name, n                          text\n"
        "      What it is called.\n"
        "  size                             number                  Red: walk\n"
        "      How large it is.\n"
        "  state                            text\n"
        "      How it does. One of new, a|b. Red only.\n"
        "  rights                           set of flags\n"
        "      What may be done with it. Names: READ, WRITE. Blue only.\n"
        "  child_object, child, below       collection of thing     walk\n"
        "      Those below it. Red only.\n"
        "  above                            one thing               follow\n"
        "      The one above it. Blue only.\n"
        "\n"
        "sound: What only the blue system has.\n"
        "  systems      Blue\n"
        "  owner        thing\n"
        "  identity     address\n"
        "  example      sound\n"
        "\n"
        "  address                          number\n"
        "      Where it is.\n"
    )


def test_text_of_what_is_called() -> None:
    text = as_text(reference_of([RED], FEW), 76)
    assert text[text.index("\nMethods of series") :] == (
        "\nMethods of series, the same in a whole query and in an expression:\n"
        "\n"
        "  Take(count)\n"
        "      The first.\n"
        "      example  thing.Take(1)\n"
        "\n"
        "Methods of values:\n"
        "\n"
        "  Cut(place)\n"
        "      A part.\n"
        "      example  x.Cut(1)\n"
        "\n"
        "  Has(flag, ...)\n"
        "      Whether set. For a set of flags.\n"
        "      example  a | b\n"
    )


@pytest.mark.parametrize("width", [72, 80, 200])
def test_text_fits(width: int) -> None:
    lines = as_text(WHOLE, width).splitlines()
    # An example stands in one line, to be copied.
    assert not [line for line in lines if len(line) > width and "  example  " not in line]
    assert len(lines) > 100


def test_a_terminal_may_be_of_any_width() -> None:
    assert as_text(WHOLE, 0) == as_text(WHOLE, 72)


def test_text_tells_each_cost() -> None:
    assert all(cost.text in as_text(WHOLE, 200) for cost in Cost)


# Markdown


def test_page_of_an_object() -> None:
    page = as_markdown(BOTH)
    start, end = page.index("## thing"), page.index("## sound")
    assert page[start:end] == (
        "## thing\n\nRed: Something that both have. Blue: Something blue.\n\n"
        "```\nthing.Where(size > 4)\n```\n\n```\nthing.Where(size > 5)\n```\n\n"
        "On Red and Blue. Principal sub-object: `thing_object`. "
        "Identity: Red: `table` and `place`; Blue: `address`.\n\n"
        "| field | type | cost | what it is |\n"
        "| --- | --- | --- | --- |\n"
        "| **`name`**, `n` | text |  | What it is called. |\n"
        "| `size` | number | Red: walk | How large it is. |\n"
        "| `state` | text |  | How it does. One of `new`, `a\\|b`. Red only. |\n"
        "| `rights` | set of flags |  | What may be done with it. Names: `READ`, `WRITE`. "
        "Blue only. |\n"
        "\n"
        "| sub-object | gives | cost | what it is |\n"
        "| --- | --- | --- | --- |\n"
        "| `child_object`, `child`, `below` | many [thing](#thing) | walk | Those below it. "
        "Red only. |\n"
        "| `above` | one [thing](#thing) | follow | The one above it. Blue only. |\n\n"
    )


def test_links_lead_somewhere() -> None:
    page = as_markdown(WHOLE)
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#(.*?)\)", page)) <= headings


def test_rows_are_as_wide_as_their_table() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", as_markdown(WHOLE), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, table


def test_page_tells_the_form_of_each_kind() -> None:
    page = as_markdown(WHOLE)
    for kind, form in FORMS.items():
        assert f"| {kind.value} | {form.type} | {form.text} |\n" in page


# Regions


def test_a_region_is_written_anew_and_the_rest_is_left() -> None:
    page = (
        "# Title\n\n<!-- generated: methods of values -->\nold\n<!-- end -->\n\nBetween.\n\n"
        "<!-- generated: methods of series -->\n<!-- end -->\n"
    )
    fresh = renewed(page, language_tables(FEW))
    assert fresh == (
        "# Title\n\n<!-- generated: methods of values -->\n\n"
        "| method | what it gives | for example |\n"
        "| --- | --- | --- |\n"
        "| `Cut(place)` | A part. | `x.Cut(1)` |\n"
        "| `Has(flag, ...)` | Whether set. For a set of flags. | `a \\| b` |\n"
        "\n<!-- end -->\n\nBetween.\n\n"
        "<!-- generated: methods of series -->\n\n"
        "| method | what it gives | for example |\n"
        "| --- | --- | --- |\n"
        "| `Take(count)` | The first. | `thing.Take(1)` |\n"
        "\n<!-- end -->\n"
    )
    assert renewed(fresh, language_tables(FEW)) == fresh
