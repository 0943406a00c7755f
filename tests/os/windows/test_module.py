"""Modules of the processes of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.os.windows.test_process import asked, known

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

FIELDS = {
    "base": "base", "ldr": "address", "name": "name", "path": "path", "entry": "entry_point",
    "in_load": "in_load_list", "in_mem": "in_memory_list", "in_init": "in_initialization_list",
}  # fmt: skip
"""What the record says, and the field that says it."""


@pytest.fixture(scope="module")
def modules(opened: Image) -> dict[int, list[dict[str, Any]]]:
    fields = ", ".join(f"{key}: {name}" for key, name in FIELDS.items())
    more = "size: size, timestamp: timestamp, list32: is_wow64, time: load_time, vad: in_vad"
    query = f"module.Select({{{fields}, {more}, mapped: mapped_path}})"
    query = f"process.Select({{pid: pid, modules: {query}}})"
    return {row["pid"]: row["modules"] or [] for row in asked_loosely(opened, query)}


def asked_loosely(opened: Image, query: str) -> list[dict[str, Any]]:
    """Ask, where a process has exited and its memory is gone, which is noted."""
    return list(opened.query(query).rows())


def test_modules_are_the_recorded_ones(
    windows: WindowsImage, modules: dict[int, list[dict[str, Any]]]
) -> None:
    for one in known(windows):
        listed = {row["ldr"]: row for row in modules[one["pid"]] if row["ldr"] is not None}
        truth = one.get("modules") or ()
        assert len(listed) == len(truth), one["pid"]
        for module in truth:
            row = listed[module["ldr"]]
            assert {key: row[key] for key in FIELDS} == {key: module[key] for key in FIELDS}
            assert row["size"] == int(module["size"], 16)
            assert row["timestamp"] == int(module["timestamp"], 16)
            assert row["list32"] is bool(module.get("list32"))
            day, time, _ = module["load_time"].split(" ")
            # The images have the times of 32-bit entries where only newer systems keep them.
            is_elsewhere = module.get("list32") and windows.truth["image"]["build"] < 9200
            if not is_elsewhere:
                assert row["time"] == f"{day}T{time}Z"


def test_the_kernel_has_mapped_what_the_loader_lists(
    windows: WindowsImage, modules: dict[int, list[dict[str, Any]]]
) -> None:
    for one in known(windows):
        images = {vad["start"]: vad["file"] for vad in one.get("vads") or () if vad["file"]}
        for row in modules[one["pid"]]:
            if row["ldr"] is not None:
                assert row["vad"] is (row["base"] in images), (one["pid"], row["base"])
            if row["vad"]:
                assert row["mapped"] == images[row["base"]]


def test_an_image_in_no_list_is_a_module(
    windows: WindowsImage, modules: dict[int, list[dict[str, Any]]]
) -> None:
    planted = windows.truth["planted"]["image_vad_in_no_list"]
    found = [row for row in modules[planted["pid"]] if row["ldr"] is None]
    assert [row["base"] for row in found] == [planted["base"]]
    assert found[0]["mapped"].endswith(planted["path"].removeprefix("C:"))
    assert found[0]["name"] is None
    assert not found[0]["in_load"]


def test_an_unlinked_module_is_in_the_other_lists(windows: WindowsImage, opened: Image) -> None:
    planted = windows.truth["planted"]["unlinked_module"]
    query = "module.Where(!in_load_list && in_memory_list).Select({pid: process.pid, name: name})"
    found = list(opened.query(query).rows())
    assert found == [{"pid": planted["pid"], "name": planted["module"]}]


def test_the_range_of_a_module_is_its_vad(opened: Image) -> None:
    query = 'process.Where(name == "lsass.exe").Select({all: module.Where(vad.start != base)})'
    assert asked(opened, query)[0]["all"] == []
