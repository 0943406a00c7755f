"""The pages in docs/ are true: generated where they say so, their examples run."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import memq
from memq.os.systems import SYSTEMS
from tests.lab import ROOT
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
FIND_NOTHING = {("linux", "syscall")}
"""Examples that ask for what the sample's guest, which nobody attacked, does not have."""


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    """The sample, open."""
    with memq.open(sample) as opened:
        yield opened


# docs/objects.md


def test_the_reference_of_objects_is_fresh() -> None:
    generated = run("--schema", "markdown")
    assert (generated.returncode, generated.stderr) == (0, "")
    page = (DOCS / "objects.md").read_text("utf-8")
    assert page == generated.stdout, f"docs/objects.md is stale; run: {GENERATE}"
    assert GENERATE in page


@pytest.mark.parametrize("which", EXAMPLES, ids="-".join)
def test_an_objects_example_finds_something(image: Image, which: tuple[str, str]) -> None:
    assert image.system in SYSTEMS
    if which[0] != image.system.name:
        pytest.skip(f"the sample is no dump of {which[0]}")
    answer = image.query(EXAMPLES[which])
    rows = list(answer.rows())
    assert bool(rows) == (which not in FIND_NOTHING)
    assert not answer.run.undecided
    assert f"```\n{EXAMPLES[which]}\n```\n" in (DOCS / "objects.md").read_text("utf-8")


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


def test_the_page_leads_to_the_reference() -> None:
    (anchor,) = re.findall(r"\(objects\.md#(.*?)\)", (DOCS / "python.md").read_text("utf-8"))
    headings = re.findall(r"^#+ (.*)$", (DOCS / "objects.md").read_text("utf-8"), re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
