"""The pages in docs/ and README.md are true: generated where they say so, their examples run."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import memq
from memq.eval import globs, raw_records, raw_text, regexes, words
from memq.eval.callables import callables
from memq.lang import limits
from memq.os.systems import SYSTEMS
from tests import pages
from tests.lab import ROOT, windows_sample
from tests.program import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.image import Image

DOCS = ROOT / "docs"
GENERATE = "python -m memq --schema markdown > docs/objects.md"

EXAMPLES = {
    (system.name, name): type_.example
    for system in SYSTEMS
    for name, type_ in system.objects.items()
}
FIND_NOTHING = {
    ("linux", "syscall"),
    ("windows", "crash"),
    ("windows", "timer"),
    ("windows", "dpc"),
    ("windows", "socket"),
}
"""Examples that ask for what the samples do not have: the guest was not attacked, none crashed,
and the synthetic image has neither timers nor sockets."""


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    """The sample, open."""
    with memq.open(sample) as opened:
        yield opened


@pytest.fixture(scope="module")
def images(image: Image) -> Iterator[list[Image]]:
    """The samples of all systems, open."""
    with memq.open(windows_sample()) as windows:
        yield [image, windows]


# docs/objects.md


def test_the_reference_of_objects_is_fresh() -> None:
    generated = run("--schema", "markdown")
    assert (generated.returncode, generated.stderr) == (0, "")
    page = (DOCS / "objects.md").read_text("utf-8")
    assert page == generated.stdout, f"docs/objects.md is stale; run: {GENERATE}"
    assert GENERATE in page


@pytest.mark.parametrize("which", EXAMPLES, ids="-".join)
def test_an_objects_example_finds_something(images: list[Image], which: tuple[str, str]) -> None:
    (image,) = (image for image in images if image.system.name == which[0])
    answer = image.query(EXAMPLES[which])
    rows = list(answer.rows())
    assert bool(rows) == (which not in FIND_NOTHING)
    assert not answer.run.undecided
    assert f"```\n{EXAMPLES[which]}\n```\n" in (DOCS / "objects.md").read_text("utf-8")


# docs/language.md and README.md

PAGES = {page.name: page.read_text("utf-8") for page in pages.PAGES}
ASKED = [(name, example) for name, page in PAGES.items() for example in pages.examples(page)]
CALLED = [
    one
    for group in (callables().series_methods, callables().value_methods, callables().functions)
    for one in group
]
GIVE_NOTHING = {
    "FirstOrNull": "it shows the null",
    "is_unknown": "the sample is whole: all command lines can be read",
}


@pytest.mark.parametrize(
    ("page", "example"), ASKED, ids=[f"{name}-{each.query[:40]}" for name, each in ASKED]
)
def test_a_page_tells_what_a_query_answers(images: list[Image], page: str, example: Any) -> None:
    image = pages.image_for(images, example.query)
    if not example.form:
        assert list(image.query(example.query).rows())
        return
    answered = pages.answered(image, example)
    assert answered == example.shown, f"{page} is stale; run: {pages.COMMAND}"
    assert answered.strip()


def test_pages_hold_examples() -> None:
    assert sum(name == "README.md" for name, _ in ASKED) == 9
    assert sum(name == "language.md" for name, _ in ASKED) > 100
    fences = sum(page.count("```memq\n") for page in PAGES.values())
    rows = sum(example.form == "value" for _, example in ASKED)
    assert len(ASKED) == fences + rows


def test_the_tables_of_the_language_are_fresh(images: list[Image]) -> None:
    page = PAGES["language.md"]
    assert page == pages.renewed(page, images), f"language.md is stale; run: {pages.COMMAND}"
    assert all(f"| `{one.signature}` |" in page for one in CALLED)


@pytest.mark.parametrize("one", CALLED, ids=lambda one: one.name)
def test_an_example_of_what_is_called_gives_something(images: list[Image], one: Any) -> None:
    image = pages.image_for(images, one.example)
    answer = image.query(one.example)
    rows = [row for row in answer.rows() if row is not None and row is not False]
    assert bool(rows) == (one.name not in GIVE_NOTHING)
    assert not answer.run.undecided
    assert f"{one.name}(".lower() in one.example.lower()
    assert one.doc.endswith(".")


def test_each_operator_and_literal_has_an_example() -> None:
    page = PAGES["language.md"]
    operators = page[page.index("## Operators") : page.index("## Literals")]
    cells = re.findall(r"^\| ((?:[^|]|(?<=\\)\|)*) \|", operators, re.MULTILINE)
    told = set(re.findall(r"[^\w\s`,]+|\w+", " ".join(cells).replace("\\", "")))
    signs = "=> ? : ?? || or && and not == != === !== < <= > >= in .. | ^ & << >> + - * / % ~ ! ."
    assert set(signs.split(" ")) <= told


def test_the_limits_are_those_of_the_code() -> None:
    page = PAGES["language.md"]
    told = page[page.index("## Limits") :]
    assert f"{limits.MAX_BYTES >> 10} KB |" in told
    assert f"| {limits.MAX_NESTING} |" in told
    assert f"| {limits.MAX_DIGITS}, " in told
    (pieces,) = words.split.__defaults__ or ()
    for limit in (
        regexes.MAX_PATTERN,
        globs.MAX_PATTERN,
        pieces,
        words.MAX_MADE,
        raw_text.MAX_TEXT,
        raw_records.MAX_FIELDS,
        raw_records.MAX_ITEMS,
    ):
        assert f"{limit:,}" in told


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_what_is_there(name: str) -> None:
    (path,) = (page for page in pages.PAGES if page.name == name)
    for target, anchor in re.findall(r"\]\(([^)#:]*)#?([^)]*)\)", PAGES[name]):
        file = path.parent / target if target else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), anchor


def anchors(page: Path) -> list[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return [heading.lower().replace(" ", "-") for heading in headings]


# docs/python.md


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples name the sample by its path in the repository."""
    monkeypatch.chdir(ROOT)


def executed(name: str) -> dict[str, Any]:
    """Execute one example of the page; returns its variables."""
    text = (DOCS / "python.md").read_text("utf-8")
    (found,) = re.findall(rf"```python\n# example: {name}\n(.*?)```", text, re.DOTALL)
    variables: dict[str, Any] = {}
    exec(found, variables)
    return variables


@pytest.mark.usefixtures("at_root")
def test_rows(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    executed("rows")
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        [str(row["process_id"]), row["name"], row["create_time"]]
        for row in image.query("process").rows()
        if row["process_id"] < 10
    ]
    assert printed[0][:2] == ["1", "systemd"]


@pytest.mark.usefixtures("at_root")
def test_columns(image: Image) -> None:
    variables = executed("columns")
    sizes: Counter[str] = Counter()
    rows = list(image.query("vad.Where(is_executable).Select([size, file_name])").rows())
    for row in rows:
        if row["file_name"] is not None:
            sizes[row["file_name"]] += row["size"]
    assert {name: size for name, size in variables["sizes"].items() if size} == dict(sizes)
    assert variables["mapped"] == sum(row["size"] for row in rows)
    assert variables["reasons"]["no value"] == sum(row["file_name"] is None for row in rows)
    assert variables["reasons"].total() == len(rows)


@pytest.mark.usefixtures("at_root")
def test_lists(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    executed("lists")
    printed = [list(map(int, line.split())) for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        [row["pid"], sum(vad["size"] for vad in row["vad"])]
        for row in image.query("process.Select([pid, vad.size])").rows()
    ]
    assert any(total for _, total in printed)


@pytest.mark.usefixtures("at_root")
def test_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    executed("parameters")
    assert capsys.readouterr().out == "202 sshd\n260 bash\n"


def test_the_page_leads_to_the_reference() -> None:
    (anchor,) = re.findall(r"\(objects\.md#(.*?)\)", (DOCS / "python.md").read_text("utf-8"))
    assert anchor in anchors(DOCS / "objects.md")
