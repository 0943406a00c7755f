"""Bytes of memory: of the kernel, of processes, physical; and what is not there."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import MemqError, QueryError, Reason
from memq.os.linux.process import Task
from memq.progress import Progress
from memq.run import Run
from memq.schema.batch import Context, Cut, Portion
from memq.ui.look.hexdump import LENGTH, MAX_LENGTH, Piece, hexdump, lines, pieces_of_space
from tests.ui.golden import hold
from tests.ui.small import DATA, EDGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.image import Image
    from memq.os.linux.kernel import LinuxKernel

HOLES = (Reason.NOT_IN_DUMP, Reason.PAGED_OUT)
LINE = re.compile(r"(0x[0-9a-f]{16})  (.{48})  (.*)")
NOTE = re.compile(r"(0x[0-9a-f]{16}) to (0x[0-9a-f]{16}): (.+)")


def read_back(shown: Iterable[str]) -> tuple[dict[int, int], dict[int, str]]:
    """Return every byte that is shown, and the reason of each that is not there."""
    found: dict[int, int] = {}
    reasons: dict[int, str] = {}
    unseen: set[int] = set()
    following = None
    for line in shown:
        if note := NOTE.fullmatch(line):
            told = dict.fromkeys(range(int(note[1], 16), int(note[2], 16) + 1), note[3])
            assert not told.keys() & reasons.keys()
            reasons |= told
            continue
        if line == "*":
            assert following is not None
            assert following in reasons
            while reasons.get(following) and following + 16 <= max(reasons) + 1:
                if not all(following + n in reasons for n in range(16)):
                    break
                unseen |= set(range(following, following + 16))
                following += 16
            continue
        match = LINE.fullmatch(line)
        assert match is not None, line
        address = int(match[1], 16)
        assert following in (None, address)
        codes = match[2].split()
        assert len(match[3]) == len(codes)
        for place, (code, letter) in enumerate(zip(codes, match[3], strict=True), address):
            if code == "??":
                unseen.add(place)
                assert letter == "?"
            else:
                found[place] = int(code, 16)
                assert letter == (chr(found[place]) if 32 <= found[place] < 127 else ".")
        following = address + len(codes)
    assert unseen == reasons.keys()
    return found, reasons


@st.composite
def memories(draw: st.DrawFn) -> list[Piece]:
    at, made = draw(st.integers(0, 1 << 63)), []
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            data = draw(st.binary(min_size=1, max_size=70))
            made.append(Piece(at, len(data), data))
        else:
            size = draw(st.integers(1, 70))
            made.append(Piece(at, size, reason=draw(st.sampled_from(HOLES))))
        at = made[-1].end
    return made


@given(memories())
def test_every_byte_and_every_hole_is_told_once(made: list[Piece]) -> None:
    shown = list(lines(iter(made)))
    found, reasons = read_back(shown)
    assert found == {p.start + n: byte for p in made for n, byte in enumerate(p.data)}
    assert reasons == {
        place: p.reason.text for p in made if p.reason for place in range(p.start, p.end)
    }
    starts = [int(line[:18], 16) for line in shown if LINE.fullmatch(line)]
    assert all((start - made[0].start) % 16 == 0 for start in starts)


def test_a_hole_of_the_memory(small_kernel: LinuxKernel) -> None:
    shown = lines(pieces_of_space(small_kernel.space, EDGE, DATA + 0x2020))
    found, reasons = read_back(shown)
    assert found.keys() == set(range(EDGE, DATA + 0x1000))
    assert set(reasons.values()) == {Reason.NOT_IN_DUMP.text, Reason.PAGED_OUT.text}
    gone = [place for place, text in reasons.items() if text == Reason.NOT_IN_DUMP.text]
    assert gone == list(range(DATA + 0x1000, DATA + 0x2000))


def test_the_banner(any_image: Image) -> None:
    kernel = any_image.kernel
    shown = list(hexdump(any_image, "linux_banner"))
    found, _ = read_back(shown)
    assert bytes(found.values()).decode() == kernel.banner[:LENGTH]
    assert "".join(line[-16:] for line in shown) == kernel.banner[:LENGTH]
    place = kernel.space.translate(kernel.symbol("linux_banner"))
    physical, _ = read_back(hexdump(any_image, f"{place:#x} 0x80 --physical"))
    assert list(physical.values()) == list(found.values())
    assert list(physical) == list(range(place, place + 128))


def test_memory_of_a_process(sample_image: Image) -> None:
    query = 'process.Where(vad.is_anonymous && name == "systemd").Select([pid, vad.start]).Take(1)'
    row = next(sample_image.query(query).rows())
    pid, start = row["pid"], row["vad"][0]["start"]
    own, _ = read_back(hexdump(sample_image, f"{start} 0x1000 --process {pid}"))
    assert len(own) == 0x1000
    _, reasons = read_back(hexdump(sample_image, f"{start} 0x1000"))
    assert len(reasons) == 0x1000
    other, gone = read_back(hexdump(sample_image, f"0 0x2000 --process={pid}"))
    assert not other
    assert set(gone.values()) == {Reason.PAGED_OUT.text}


def test_the_most_that_is_shown_streams(sample_image: Image) -> None:
    shown = hexdump(sample_image, f"_text {MAX_LENGTH}")
    assert LINE.fullmatch(next(shown))
    assert sum(1 for _ in shown) == MAX_LENGTH // 16 - 1


def test_the_end_of_all_addresses(sample_image: Image) -> None:
    for kind in ("", " --physical", " --process 1"):
        _, reasons = read_back(hexdump(sample_image, f"0xffffffffffffff01 4096{kind}"))
        assert max(reasons) == (1 << 64) - 1


def test_messages(sample_image: Image) -> None:
    hold("look/hexdump.txt", lambda text: refused(sample_image, text))


def refused(image: Image, text: str) -> Iterable[str]:
    """Every error is raised before a line is asked for."""
    hexdump(image, text)
    return ["shown"]


def test_page_tables_that_are_not_known(
    sample_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(sample_image.kernel.space), "translate_many", lambda *_: ([0], [Reason.NOT_IN_DUMP])
    )
    with pytest.raises(MemqError, match="page tables of process 1 are not known: memory not in"):
        hexdump(sample_image, "0 --process 1")


def test_an_exited_process_has_no_memory(sample_image: Image) -> None:
    (pid,) = sample_image.query('process.Where(state == "zombie").Select(pid).Take(1)').rows()
    with pytest.raises(QueryError, match="as those that have exited"):
        hexdump(sample_image, f"0 --process {pid}")


def test_a_process_is_not_denied_where_some_are_missing(
    sample_image: Image,
) -> None:
    cut = Cut(Reason.NOT_IN_DUMP, "task list cut short after 3 elements")

    def some(_: Context) -> Iterator[Portion]:
        first = next(Task.portions(Context(sample_image.kernel, Run())))
        yield Portion(first.batch, cut)

    task = SimpleNamespace(portions=some)
    system = SimpleNamespace(objects={"process": task})
    image = SimpleNamespace(kernel=sample_image.kernel, system=system, progress=Progress())
    with pytest.raises(MemqError, match="process 9999 was not found: task list cut short"):
        list(hexdump(cast("Image", image), "0x400000 16 --process 9999"))
