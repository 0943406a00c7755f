"""What `.browse` opens: structures, and what pointers lead to, each element for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.ui import looking
from tests.transcript import Transcript

if TYPE_CHECKING:
    from memq.image import Image


@pytest.fixture
def transcript(sample_image: Image) -> Transcript:
    return Transcript(sample_image)


def opened(transcript: Transcript, query: str) -> list[str]:
    """The lines of the elements themselves, without what is within them."""
    lines = transcript.enter(f".browse {query}").splitlines()
    return [line for line in lines if line and line[0] not in "├│└ "]


def test_each_element_is_opened_as_what_it_is(transcript: Transcript) -> None:
    # Of a kernel thread there is no memory, and nothing of another process's is shown for it.
    both = "process.Where(pid in [1, 2])"
    mm, nothing = opened(transcript, f"{both}.Select(raw.mm)")
    assert mm.startswith("struct mm_struct * 0x")
    assert nothing == "null"
    address = mm.rpartition(" ")[2]
    assert opened(transcript, f"{both}.Select(deref(process.raw.mm))") == [
        f"struct mm_struct at {address}",
        "null",
    ]
    assert opened(transcript, f"{both}.Reverse().Select(raw.mm).Take(1)") == ["null"]


def test_a_single_thing_is_opened_too(transcript: Transcript) -> None:
    task = opened(transcript, "process.First(pid == 1)")
    assert task == opened(transcript, "process.First(pid == 1).raw")
    assert task[0].startswith("struct task_struct at 0x")
    assert opened(transcript, "process.First(pid == 2).raw.mm") == ["null"]
    inner = transcript.enter(".browse process.First(pid == 1).raw.mm.mmap_lock")
    assert "├─ count: struct atomic64_t" in inner


def test_records_are_opened_as_they_are(transcript: Transcript) -> None:
    found = transcript.enter(".browse process.Take(2).Select([pid, name])").splitlines()
    assert found[:3] == ["[0]", "├─ pid: 1", '└─ name: "systemd"']
    assert opened(transcript, "process.Count()") == ["[0]: 112"]


def test_where_there_is_nothing_it_says_so(transcript: Transcript) -> None:
    for query in ("process.Where(pid == 0)", "process.Where(pid == 0).Select(raw.mm)"):
        assert transcript.enter(f".browse {query}") == "There is nothing to open.\n"


def test_more_than_is_opened_is_told(
    transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_FOUND", 2)
    for query in ("process", "process.Select([pid, name])"):
        *_, last = opened(transcript, query)
        assert last == "...: there are more than 2: `Take` or `Where` chooses"
    assert len(opened(transcript, "process.Take(2)")) == 2
