"""Texts of a Windows image that act on terminals: nothing of them reaches one as it is.

Names of processes, modules, files, keys and values of the sample are made hostile in its memory.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
from typing import TYPE_CHECKING

import pytest

from memq.cli import main
from memq.image import Image, open_image
from memq.printing import FORMATS, report, write, write_undecided
from memq.summary import facts, summary
from tests.lab import windows_sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASCII = {"svchost.exe": "sv\x1b[2Jt.e\x07e", "Microsoft": "Mi\x1b]0;x\x07t"}
"""Names of processes, and of keys."""
WIDE = {
    "dll": "\x1b\u202e\x9b",
    "svchost": "s\x1b[2J\u2066\x07",
    "Users": "\u200f\x1b\rrs",
    "LAB-W": "\x1b[2J\x9d",
    "Themes": "\ud83d\x1b\u2028\udc00\x85s",
}
"""UTF-16: of modules and files, of paths and values, of the computer, of services."""
ACTING = set("\x1b\x07\r\x85\x9b\x9d\u200f\u2028\u202e\u2066")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    memory = lzma.decompress(windows_sample().read_bytes())
    for old, new in ASCII.items():
        memory = memory.replace(old.encode(), new.encode("latin-1"))
    for old, new in WIDE.items():
        wide = new.encode("utf-16-le", "surrogatepass")
        assert len(wide) == 2 * len(old)
        memory = memory.replace(old.encode("utf-16-le"), wide)
    target = tmp_path_factory.mktemp("hostile") / "memory.raw"
    target.write_bytes(memory)
    return target


@pytest.fixture(scope="module")
def image(path: Path) -> Iterator[Image]:
    with open_image(path) as image:
        yield image


QUERIES = (
    "process.Select([name, image_path, command_line, current_directory, module.path])",
    "process.Select({n: name, v: vad.file_name, h: handle.name, e: environment.value})",
    "driver.Select([name, path, object_name, device.name])",
    "value.Select([name, data, hex])",
    "registry.Select([path, name])",
    "service.Select([name, display_name, image_path])",
    "file.Select([name, path])",
    "hive.Select([path, file_name])",
    "process.GroupBy(name)",
    "process.Where(name.Like(\"sv*\")).Select({n: name, r: raw})",
    "process.Where(command_line.Contains(\"a\"))",
    "kernel",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_writes_what_acts(
    image: Image, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    hostile = 0
    for query in QUERIES:
        stream, answer = io.StringIO(newline=""), image.query(query)
        write(answer, form, stream)
        report(answer)
        text = stream.getvalue()
        assert not set(text) & ACTING, query
        hostile += text.count("\\u202e") + text.count("\\x1b") + text.count("\\u001b")
    assert hostile > 100
    assert not set(capsys.readouterr().err) & ACTING


def test_json_gives_the_names_as_they_are(image: Image) -> None:
    stream = io.StringIO()
    write(image.query("process.Select(name).Distinct()"), "json", stream)
    assert ASCII["svchost.exe"] in json.loads(stream.getvalue())


def test_undecided_ones_and_the_summary(image: Image) -> None:
    answer = image.query('process.Where(command_line.Contains("a") && vad.file_name == "b")')
    answer.run.keeps_undecided = True
    stream = io.StringIO()
    write_undecided(answer, "table", stream)
    told = stream.getvalue() + summary(image) + str(facts(image))
    assert "\\x1b[2J\\x9dS7" in summary(image)
    assert not set(told) & ACTING


def test_the_interpreter(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = "process.Select([name, image_path])\n.info\nregistry.Take(40)\nnothing.like(this)\n"
    stream = io.TextIOWrapper(io.BytesIO(entries.encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    main([str(path), "-o", "table"])
    out, err = capsys.readouterr()
    assert "\\x1b[2Jt.e\\x07e" in out
    assert not set(out + err) & ACTING
