"""What a dump or a rule says is text, in every form of findings."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from memq.hunt.findings import WRITERS
from memq.hunt.reports.html import as_html
from memq.hunt.reports.markdown import as_markdown, escaped
from memq.hunt.reports.sarif import as_sarif
from memq.hunt.reports.terminal import as_table
from memq.hunt.running import Finding
from memq.output.cells import clean
from memq.output.look import Look
from memq.output.widths import columns_of
from tests.hunt.findings import HOSTILE, LONG, heading, hostile, rule

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
SHORT = HOSTILE[:-1]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """What each form makes of all hostile names."""
    hostile_heading = heading(name=HOSTILE[0], parameters={"p": HOSTILE[3]})
    return {form: "".join(WRITERS[form](hostile(), hostile_heading)) for form in WRITERS}


@pytest.mark.parametrize("form", [form for form in WRITERS if form != "tsv"])
def test_nothing_acts_on_a_terminal(form: str, texts: dict[str, str]) -> None:
    assert UNSEEN.search(texts[form]) is None


def test_tabs_are_the_only_thing_that_is_not_seen_in_lines_with_tabs(texts: dict[str, str]) -> None:
    assert set(UNSEEN.findall(texts["tsv"])) == {"\t"}
    assert len({line.count("\t") for line in texts["tsv"].splitlines()}) == 1


@pytest.mark.parametrize("form", ["table", "markdown", "html", "navigator"])
def test_what_is_long_is_cut_and_says_so(form: str, texts: dict[str, str]) -> None:
    assert len(texts[form]) < LONG
    if form != "table":  # there it is cut to what fits
        assert "1,048,576 characters" in texts[form]


def test_json_has_all_of_it(texts: dict[str, str]) -> None:
    names = [one["evidence"][0]["name"] for one in json.loads(texts["json"]) if one["evidence"]]
    assert names == list(HOSTILE)
    log = json.loads(texts["sarif"])["runs"][0]
    rows = [one["properties"]["evidence"] for one in log["results"] if "properties" in one]
    assert [row["name"] for row in rows[::3]] == list(HOSTILE)


def test_no_cell_is_a_formula(texts: dict[str, str]) -> None:
    csv.field_size_limit(20 * LONG)
    rows = list(csv.reader(io.StringIO(texts["csv"])))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]
    evidence = [json.loads(row[9]) for row in rows[1:] if row[9]]
    assert [row["name"] for row in evidence[::3]] == list(HOSTILE)


# Terminal


@pytest.mark.parametrize("width", [30, 80])
def test_a_table_of_hostile_names_fits(width: int) -> None:
    text = "".join(as_table(hostile(), heading(), Look(width)))
    assert max(map(columns_of, text.splitlines())) <= width


# Markdown


def tokens_of(text: str) -> list[Any]:
    """Parse as GitHub does, and return all tokens, those within lines too."""
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [one for token in parsed for one in (token, *(token.children or ()))]


def test_markdown_has_no_link_element_or_mark_of_others(texts: dict[str, str]) -> None:
    tokens = tokens_of(texts["markdown"])
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "code_inline", "fence", "code_block", "image"}
    links = {token.attrs["href"] for token in tokens if token.type == "link_open"}
    assert links == {"https://attack.mitre.org/techniques/T1055/"}
    strong = [tokens[n + 1].content for n, one in enumerate(tokens) if one.type == "strong_open"]
    assert set(strong) == {"high"}
    assert {token.content for token in tokens if token.type == "text"} >= {clean(HOSTILE[1])}


@pytest.mark.parametrize("name", SHORT)
def test_markdown_shows_a_name_as_it_is(name: str) -> None:
    line = escaped(name)
    assert "\n" not in line
    (inline,) = (one for one in tokens_of(f"- x{line}y") if one.type == "inline")
    assert "".join(one.content for one in inline.children) == f"x{clean(name)}y"
    # What GitHub makes links of by itself is not there either.
    assert not re.search(r"https?://|www\.|@", line)


@pytest.mark.parametrize("name", ["- x", "+ x", "1. x", "2) x", "    x", "=== x", "> x", "# x"])
def test_what_begins_a_block_in_markdown_begins_none(name: str) -> None:
    def blocks(text: str) -> list[str]:
        own = rule(1, text, "low", description=text, falsepositives=(text,))
        sorts = [Finding(own, outcome, text) for outcome in ("undecided", "skipped", "clean")]
        found = [Finding(own, "match", text, ({text: text}, text)), *sorts]
        tokens = tokens_of("".join(as_markdown(found, heading())))
        return [token.type for token in tokens if token.block]

    assert blocks(name) == blocks("x")


def test_a_table_in_markdown_has_as_many_cells_as_titles() -> None:
    row = {"name": "a | b \\| c", "other|": "x"}
    finding = Finding(rule(1, "A", "low"), "match", "", (row,))
    tokens = tokens_of("".join(as_markdown([finding], heading())))
    cells = ["".join(c.content for c in one.children) for one in tokens if one.type == "inline"]
    assert cells[cells.index("name") :][:4] == ["name", "other|", "a | b \\| c", "x"]


# HTML


class Page(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_has_no_element_or_attribute_of_others(texts: dict[str, str]) -> None:
    page, plain = Page(texts["html"]), Page("".join(as_html([], heading())))
    assert not page.names & {"script", "img", "iframe", "object", "link", "base", "form", "svg"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    links = {value for name, value in page.attributes if name in ("href", "src")}
    assert {one for one in links if not one.startswith("#")} == {
        "https://attack.mitre.org/techniques/T1055/"
    }
    assert clean(HOSTILE[0]) in " ".join(page.text)
    assert plain.names < page.names


def test_the_page_allows_nothing_but_its_own_style(texts: dict[str, str]) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', texts["html"])
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "url(" not in texts["html"].partition("</style>")[0]
    assert "@import" not in texts["html"]


# SARIF


def test_links_of_a_rule_are_links_of_the_web_only() -> None:
    def link(*references: str, tags: tuple[str, ...] = ()) -> str | None:
        own = rule(1, "A", "low", *tags, references=references)
        log = json.loads("".join(as_sarif([Finding(own, "clean")], heading())))
        found: str | None = log["runs"][0]["tool"]["driver"]["rules"][0].get("helpUri")
        return found

    assert link("javascript:alert(1)", 'https://a"b', "https://a b") is None
    assert link("a book", "https://example.org/a?b=1#c") == "https://example.org/a?b=1#c"
    assert link("https://example.org/", tags=("attack.t1055",)) == (
        "https://attack.mitre.org/techniques/T1055/"
    )


def test_the_name_of_a_dump_is_a_part_of_a_uri() -> None:
    log = json.loads("".join(as_sarif([], heading(name="../a b%\u202e?#.lime"))))
    uri = log["runs"][0]["artifacts"][0]["location"]["uri"]
    assert uri == "..%2Fa%20b%25%E2%80%AE%3F%23.lime"
