"""The pass over all memory: it finds what a naive one does, once for all, and skips holes."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.image import open_image
from memq.layers.opening import open_physical
from memq.layers.physical import PhysicalMemory
from memq.os.windows.endpoint_search import found_endpoints
from memq.os.windows.endpoints import TAGS
from memq.os.windows.pool_kinds import KINDS
from memq.os.windows.pool_scan import carved
from memq.os.windows.pool_tags import Allocations, allocations, tag_number, tagged
from memq.progress import Progress
from memq.run import Run
from tests.os.linux.small import SmallTypes
from tests.os.windows.patched import content, written
from tests.os.windows.test_pool_scan import HEADER, header
from tests.synthetic.memory import PAGE
from tests.synthetic.sparse import tells_holes, write_sparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.image import Image
    from tests.os.windows.images import WindowsImage

GAP = 64 << 20


def kernel_of(path: Path) -> Any:
    """Return a kernel of which there is no more than memory and the type of a pool's header."""
    return SimpleNamespace(
        types=SmallTypes(HEADER),
        physical=open_physical(path),
        space=SimpleNamespace(word_size=8),
        facts={},
    )


def listed(found: Allocations) -> list[tuple[int, int, int]]:
    return list(zip(found.places.tolist(), found.tags.tolist(), found.sizes.tolist(), strict=True))


WORDS = [*KINDS, *TAGS, "Proc", "proc", "TcpF", "    "]
TAG = st.sampled_from(WORDS).map(lambda word: word.encode()[:4].ljust(4))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(TAG, st.binary(min_size=4, max_size=4)), min_size=1, max_size=200),
    st.lists(st.sampled_from(WORDS), min_size=1, unique=True),
    st.booleans(),
)
def test_tags_are_those_of_a_naive_search(
    tmp_path_factory: pytest.TempPathFactory, words: list[bytes], wanted: list[str], protected: bool
) -> None:
    flag = 0x80 if protected else 0
    blocks = [header(word[:3] + bytes([word[3] | flag]), 3) for word in words]
    path = tmp_path_factory.getbasetemp() / "tags.raw"
    path.write_bytes(b"".join(blocks).ljust(2 * PAGE, b"\1"))
    tags = [tag_number(word) for word in wanted]
    numbers = [int.from_bytes(word, "little") & 0x7FFF_FFFF for word in words]
    expected = [(16 * row, tag, 48) for row, tag in enumerate(numbers) if tag in tags]
    kernel = kernel_of(path)
    assert listed(tagged(kernel, Run(), tags)) == expected
    kernel.physical.close()


def test_holes_change_nothing_of_what_is_found(tmp_path: Path) -> None:
    parts = {
        PAGE - 16: header(b"File", 5),
        GAP + PAGE - 16: header(b"Thre", 9),
        2 * GAP + PAGE // 2: header(b"Pro\xe3", 3),
    }
    sparse = kernel_of(write_sparse(tmp_path / "sparse", 3 * GAP, parts))
    (tmp_path / "whole").write_bytes((tmp_path / "sparse").read_bytes())
    whole = kernel_of(tmp_path / "whole")
    found = allocations(sparse, Run())
    assert found.places.tolist() == list(parts)
    assert listed(found) == listed(allocations(whole, Run()))
    if tells_holes(tmp_path):
        assert sparse.physical.bytes_read < 8 << 20
        assert whole.physical.bytes_read > 3 * GAP


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_how_far_it_has_come_is_shown(tmp_path: Path) -> None:
    terminal = _Terminal()
    kernel = kernel_of(write_sparse(tmp_path / "sparse", 4 * PAGE, {0: b"something"}))
    allocations(kernel, Run(Progress(terminal, delay=0)))
    assert "searching memory for pool tags 0%" in terminal.getvalue()


def test_all_kinds_are_found_in_one_pass(
    windows: WindowsImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []

    def pieces(physical: PhysicalMemory, *args: int, **named: Any) -> Iterator[tuple[int, bytes]]:
        passes.append(args)
        return whole(physical, *args, **named)

    whole = PhysicalMemory.pieces
    with open_image(windows.path()) as image:
        kernel: Any = image.kernel
        monkeypatch.setattr(PhysicalMemory, "pieces", pieces)
        assert found_endpoints(kernel, Run()).cut is None
        assert all(len(carved(kernel, Run(), kind).addresses) for kind in KINDS)
    assert len(passes) == 1


def test_an_image_of_64_gb_that_is_mostly_holes_is_searched_as_a_small_one(
    windows: WindowsImage, opened: Image, tmp_path: Path
) -> None:
    if not tells_holes(tmp_path):
        pytest.skip("the file system does not tell holes")
    path = written(tmp_path, content(windows))
    os.truncate(path, 64 << 30)
    with open_image(path) as image:
        for kind in KINDS:
            found, expected = (carved(one.kernel, Run(), kind) for one in (image, opened))
            assert np.array_equal(found.addresses, expected.addresses)
            assert (found.unmapped, found.cut) == (expected.unmapped, None)
        assert image.kernel.physical.bytes_read < 128 << 20
