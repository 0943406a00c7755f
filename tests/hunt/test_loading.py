"""Files, folders and archives of rules: what is loaded, in which order, and what never is."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import QueryError
from memq.eval.pipeline import literal_of
from memq.hunt import loading, reading, tree
from memq.hunt.binding import RuleBinder
from memq.hunt.build_schema import SCHEMA
from memq.hunt.loading import load_playbook
from memq.hunt.rule import Filter, Playbook
from memq.hunt.rule_format import json_schema, markdown_table
from memq.os.systems import SYSTEMS
from memq.progress import Progress
from tests.hunt.attack import little_attack
from tests.lab import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text("utf-8")
TOO_DEEP = "This is nested too deep."
EXAMPLE = PAGE.split("```yaml\n")[1].split("```")[0]


def rule(number: int, more: str = "") -> str:
    return (
        f"title: Rule {number}\nid: 00000000-0000-4000-8000-{number:012}\n"
        f"level: low\nos: linux\nquery: process\n{more}"
    )


class OnTerminal(io.StringIO):
    """Says that somebody looks on."""

    def isatty(self) -> bool:
        return True


def load(*paths: Path) -> Playbook:
    return load_playbook(paths, little_attack())


def titles(playbook: Playbook) -> list[str]:
    return [one.title for one in playbook.rules]


def told(playbook: Playbook) -> list[str]:
    return [error.message for error in playbook.errors]


def packed(files: dict[str, str], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, compression)
    return buffer.getvalue()


# What is loaded


def test_reading_many_rules_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("---\n".join(map(rule, range(3))), "utf-8")
    stream = OnTerminal()
    load_playbook([tmp_path], little_attack(), progress=Progress(stream, delay=0))
    assert "reading rules: 0 s" in stream.getvalue()
    assert stream.getvalue().endswith(" \r")  # and takes the line away


def test_all_that_a_rule_says_is_there(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(EXAMPLE, "utf-8")
    playbook = load(file)
    assert told(playbook) == []
    (found,) = playbook.rules
    assert found.id == "6f1c1a0e-3f0b-4c53-9d5e-0a4b6f0c9a11"
    assert (found.level, found.status, found.version) == ("medium", "test", 2)
    assert (found.date, found.author, found.tags) == ("2026-11-21", "Somebody", ("attack.t1055",))
    assert found.systems == ("linux", "windows")
    assert found.queries["linux"] == found.queries["windows"]
    assert found.queries["linux"].startswith("process\n  .Where(vad.is_writable")
    assert found.defaults == {"least": literal_of("4KB")}
    (filter_,) = found.filters
    title = "The Java of our build servers"
    assert filter_ == Filter(title, 'name == "java" && pid > 1000')
    assert found.place == f"{file}:1:1"


def test_a_query_can_be_one_for_each_system(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    queries = "{windows: process.token, linux: process}"
    text = rule(1).replace("linux", "[linux, windows]").replace("query: process", "")
    file.write_text(f"{text}query: {queries}\n", "utf-8")
    (found,) = load(file).rules
    assert found.queries == {"linux": "process", "windows": "process.token"}


def test_a_folder_is_loaded_in_order(tmp_path: Path) -> None:
    for number, name in enumerate(["b/z.yml", "a.yml", "b/a.YAML", ".git/x.yml", "b/.x.yml"], 1):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(rule(number), "utf-8")
    (tmp_path / "notes.txt").write_text("no rule", "utf-8")
    playbook = load(tmp_path, tmp_path / "a.yml")
    assert (titles(playbook), told(playbook)) == (["Rule 2", "Rule 3", "Rule 1"], [])


def test_several_documents_are_several_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_bytes(b"\xef\xbb\xbf" + f"---\n{rule(1)}---\n---\n{rule(2)}...\n".encode())
    playbook = load(file)
    assert (titles(playbook), playbook.asked) == (["Rule 1", "Rule 2"], 2)


def test_a_place_is_the_same_with_the_lines_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_bytes(rule(1).replace("low", "hgh").replace("\n", "\r\n").encode())
    (error,) = load(file).errors
    assert error.place == f"{file}:3:8"


def test_the_same_id_in_two_files_names_both(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(rule(1), "utf-8")
    playbook = load(tmp_path)
    (error,) = playbook.errors
    assert error.place == f"{tmp_path / 'b.yml'}:2:5"
    assert f"{tmp_path / 'a.yml'}:2:5" in error.message
    assert titles(playbook) == ["Rule 1"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_is_loaded_in_order(tmp_path: Path, compression: int) -> None:
    file = tmp_path / "book"
    files = {"r/b.yml": rule(1), "r/a.yml": rule(2), "x.py": "no rule", ".github/c.yml": "no"}
    file.write_bytes(packed(files, compression=compression))
    playbook = load(file, file)
    assert (titles(playbook), told(playbook)) == (["Rule 2", "Rule 1"], [])
    assert playbook.rules[0].place == f"{file}/r/a.yml:1:1"


# What is not


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "rules"
    for path in (outside, folder):
        path.mkdir()
    (outside / "a.yml").write_text(rule(1), "utf-8")
    (folder / "b.yml").write_text(rule(2), "utf-8")
    try:
        (folder / "a.yml").symlink_to(outside / "a.yml")
        (folder / "more").symlink_to(outside)
        (folder / "c.yml").symlink_to(folder / "b.yml")
        (folder / "d.yml").symlink_to(folder / "d.yml")
    except OSError:
        pytest.skip("links need a privilege here")
    playbook = load(folder)
    assert titles(playbook) == ["Rule 2"]
    outside_, loop = playbook.errors
    assert outside_.message == "This is a link to a file that is not in the folder."
    assert (outside_.place, loop.place) == (f"{folder / 'a.yml'}", f"{folder / 'd.yml'}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yml")
    assert told(load(tmp_path)) == ["This is neither a file nor a folder."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#" * (256 * 1024) + b"\n", "The file has more than 256 KB."),
        (b"title: \xff\n", "This is no UTF-8 text: byte 7 is wrong."),
        (b"", "There is no rule in this file."),
        (packed({"../a.yml": rule(1)}), "This name leads out of the archive."),
        (packed({"/a.yml": rule(1)}), "This name leads out of the archive."),
        (packed({"a.yml": rule(1)}, compression=zipfile.ZIP_LZMA), "The file is packed in a"),
        (packed({"a.txt": "x"}), "There is no file of rules here."),
        (packed({"a.yml": "#" * 300_000}, compression=8), "The file has more than 256 KB."),
        (b"PK\x03\x04", "The archive is damaged: File is not a zip file."),
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.yml"
    file.write_bytes(content)
    playbook = load(file)
    (error,) = told(playbook)
    assert error.startswith(message)
    assert playbook.rules == ()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    assert told(load(tmp_path / "none")) == ["No such file or directory."]
    assert told(load(tmp_path)) == ["There is no file of rules here."]


def test_a_damaged_archive_is_told_or_read(tmp_path: Path) -> None:
    whole, file = packed({"a.yml": rule(1)}, compression=8), tmp_path / "book"
    outcomes = set()
    for place in range(4, len(whole)):
        for bit in (1, 0x80):
            damaged = bytearray(whole)
            damaged[place] ^= bit
            file.write_bytes(damaged)
            playbook = load(file)
            outcomes.add((len(playbook.rules), len(playbook.errors)))
    assert outcomes == {(1, 0), (0, 1)}


def test_rules_are_bounded(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("--- a\n" * 9_000, "utf-8")
    (tmp_path / "c.yml").write_text(rule(1), "utf-8")
    playbook = load(tmp_path)
    assert playbook.asked == 10_000
    assert titles(playbook) == []
    assert len(playbook.errors) < 210
    assert told(playbook)[-1] == "There are more than 10,000 rules, or files of rules."


def test_unpacked_rules_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_MOST_BYTES_IN_ZIP", 250)
    file = tmp_path / "book"
    file.write_bytes(packed({f"{number}.yml": rule(number) for number in range(4)}))
    playbook = load(file)
    assert titles(playbook) == ["Rule 0", "Rule 1"]
    assert len(playbook.errors) == 1


def test_folders_within_folders_are_bounded(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"a" * 40)
    deep.mkdir(parents=True)
    (deep / "a.yml").write_text(rule(1), "utf-8")
    assert "There are too many folders within folders." in told(load(tmp_path))


def test_a_file_of_nothing_but_problems_is_told_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counted(name: str, _names: object) -> list[str]:
        compared.append(name)
        return []

    monkeypatch.setattr("memq.hunt.forms.nearest", counted)
    file = tmp_path / "a.yml"
    file.write_text("".join(f"k{number}: x\n" for number in range(500)), "utf-8")
    errors = load(file).errors
    assert len(errors) == 101
    assert len(compared) == 100  # what is not told is not compared with all keys
    assert errors[-1].message == "There are 405 more problems in this file."


def test_filters_are_bounded_alone_and_with_their_query(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    condition = "!" * 90 + "(pid == 1)"
    filters = "filters:\n" + f"  - {{title: A, where: '{condition}'}}\n" * 50
    file.write_text(rule(1, filters), "utf-8")
    playbook = load(file)
    assert (titles(playbook), told(playbook)) == (["Rule 1"], [])
    (right,) = playbook.rules
    RuleBinder().rule(right, SYSTEMS[0])
    file.write_text(rule(1, f"{filters}  - {{title: A, where: pid == 1}}\n"), "utf-8")
    (error,) = load(file).errors
    assert error.hint == "Write at most 50 items."
    filters = "filters:\n" + "  - {title: A, where: pid == 1}\n" * 25
    for length, messages in ((75, []), (76, [TOO_DEEP])):
        chain = "process" + ".Where(pid > 1)" * length
        file.write_text(rule(1, filters).replace("process", chain, 1), "utf-8")
        assert told(load(file)) == messages
        file.write_text(rule(1).replace("process", chain, 1), "utf-8")
        assert told(load(file)) == []


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), min_size=1, max_size=4))
def test_whatever_a_file_holds_is_a_rule_or_told(edits: list[tuple[int, bytes]]) -> None:
    content = bytearray(EXAMPLE.encode())
    for place, new in edits:
        content[place % len(content) : place % len(content) + 2] = new
    with TemporaryDirectory() as folder:
        file = Path(folder, "a.yml")
        file.write_bytes(content)
        playbook = load(file)
        assert playbook.rules or playbook.errors
        for error in playbook.errors:
            assert str(error).startswith(str(file))
        for one in playbook.rules:
            for system in SYSTEMS:
                if system.name in one.systems:
                    RuleBinder().rule(one, system)


# The schema for editors


def test_the_schema_is_fresh() -> None:
    assert SCHEMA.read_text("utf-8") == json_schema(), "python -m memq.hunt.build_schema"


def test_the_page_has_the_table_of_keys_and_the_limits() -> None:
    assert markdown_table() in PAGE
    packed_, unpacked = loading._MOST_BYTES_OF_ZIP >> 20, loading._MOST_BYTES_IN_ZIP >> 20
    for row in (
        f"| a file of rules | {loading.MOST_BYTES >> 10} KB |",
        f"| rules, and files, of a playbook | {reading.MOST_RULES:,} |",
        f"| brackets and indented blocks in one another | {tree._DEEPEST} |",
        f"| aliases (`*name`) in a file | {tree._MOST_ALIASES} |",
        f"| a zip archive | {packed_} MB, {unpacked} MB unpacked |",
    ):
        assert row in PAGE


def test_an_error_of_a_rule_is_one_of_a_query(tmp_path: Path) -> None:
    (error,) = load(tmp_path / "none").errors
    assert isinstance(error, QueryError)
    assert error.exit_status == 2
