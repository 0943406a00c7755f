"""Pages whose page-table entries are not present, as the images' truth has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import Reason
from memq.image import open_image
from memq.os.windows.resolver import Entries, PteResolver
from memq.os.windows.swizzle import seen_mask

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

PAGE = 4096
REASONS = {"demandzero": Reason.DEMAND_ZERO, "zero": Reason.NOT_MAPPED}


def paged(windows: WindowsImage) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each page with its process, and those of active processes alone."""
    return [
        (process, page)
        for process in windows.truth["processes"]
        if not process.get("hidden") and not process.get("freed")
        for page in process.get("paged") or []
    ]


def read(image: Image, pages: list[tuple[dict[str, Any], dict[str, Any]]]) -> Any:
    kernel: Any = image.kernel
    vas = np.array([int(page["va"], 16) for _, page in pages], np.uint64)
    roots = np.array([int(process["dtb"], 16) for process, _ in pages], np.uint64)
    data, status = kernel.space.gather(vas, 64, roots)
    few = [kernel.space.gather(vas[at : at + 1], 64, roots[at : at + 1]) for at in range(len(vas))]
    assert [bytes(row[0]) for row, _ in few] == [bytes(row) for row in data]
    assert [int(one[0]) for _, one in few] == status.tolist()
    return data, status


@pytest.mark.parametrize(
    ("form", "table"),
    [("raw", True), ("raw", False), ("full.dmp", False), ("bitmap.dmp", False)],
    ids=["raw with a table", "raw", "full", "bitmap"],
)
def test_every_page_with_a_page_file(windows: WindowsImage, form: str, *, table: bool) -> None:
    files = [windows.path("pagefile.sys")]
    profile = windows.table if table else None
    with open_image(windows.path(form), profile=profile, page_files=files) as image:
        pages = paged(windows)
        data, status = read(image, pages)
    assert {page["kind"] for _, page in pages} >= {"transition", "pagefile", "prototype", "zero"}
    for (_, page), row, reason in zip(pages, data, status, strict=True):
        if page["text"] is not None:
            assert bytes(row).startswith(page["text"].encode() + b"\0")
        assert reason == REASONS.get(page["kind"], Reason.KNOWN), page


def test_a_page_file_that_was_not_given_is_named(windows: WindowsImage, opened: Image) -> None:
    pages = [(process, page) for process, page in paged(windows) if page["kind"] == "pagefile"]
    _, status = read(opened, pages)
    assert set(status.tolist()) == {Reason.IN_PAGE_FILE_0}
    assert Reason.IN_PAGE_FILE_0.text == "in page file 0, not given"
    assert Reason.IN_PAGE_FILE_15.text == "in page file 15, not given"


def test_pages_behind_prototypes_are_those_of_the_section(
    windows: WindowsImage, opened: Image
) -> None:
    """What the prototype entry maps, by its own address in the truth, or by the VAD's."""
    kernel: Any = opened.kernel
    seen = 0
    for process, page in paged(windows):
        va = int(page["va"], 16)
        if page["kind"] == "prototype":
            place = int(page["proto"], 16)
        elif page["kind"] == "vadlookup":
            vad = next(v for v in process["vads"] if int(v["start"], 16) <= va < int(v["end"], 16))
            at = kernel.types.required("_MMVAD").offset("FirstPrototypePte")
            first = kernel.space.u64(int(vad["node"], 16) + at)
            place = first + (va - int(vad["start"], 16)) // PAGE * 8
        else:
            continue
        entry = kernel.space.u64(place)
        found, status = kernel.space.translate_many(
            np.array([va], np.uint64), np.array([int(process["dtb"], 16)], np.uint64)
        )
        assert (entry & 1, status[0]) == (1, 0)
        assert int(found[0]) == entry & 0xF_FFFF_FFFF_F000
        seen += 1
    assert seen > 100


def test_a_process_that_no_list_has_is_told_of(windows: WindowsImage) -> None:
    process = next(one for one in windows.truth["processes"] if one.get("hidden"))
    page = next(one for one in process["paged"] if one["kind"] == "vadlookup")
    va, root, address = (int(text, 16) for text in (page["va"], process["dtb"], process["offset"]))
    with open_image(windows.path()) as image:  # one of which nothing was asked before
        kernel: Any = image.kernel
        asked = np.array([va], np.uint64), np.array([root], np.uint64)
        assert kernel.space.translate_many(*asked)[1].tolist() == [Reason.PAGED_OUT]
        kernel.space.resolver.vads.learn(np.array([address], np.uint64))
        assert kernel.space.translate_many(*asked)[1].tolist() == [Reason.KNOWN]


def test_the_mask_is_seen_where_it_is_not_noted(windows: WindowsImage, opened: Image) -> None:
    kernel: Any = opened.kernel
    resolver = kernel.space.resolver
    assert isinstance(resolver, PteResolver)
    entries = Entries(kernel, kernel.space)
    expected = int(windows.truth["image"]["invalid_pte_mask"], 16)
    assert entries.mask == expected
    layout = entries.layout
    assert layout is not None
    dtbs = [int(one["dtb"], 16) for one in windows.truth["processes"] if not one.get("freed")]
    roots = np.array(dtbs, np.uint64)
    assert seen_mask(kernel.physical, kernel.mode, layout, roots) == expected
    assert seen_mask(kernel.physical, kernel.mode, layout, roots[:0]) is None
