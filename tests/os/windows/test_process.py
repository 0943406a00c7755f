"""Processes of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage


def test_listed_processes_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "process.Select({pid: pid, ppid: ppid, name: name, address: address, dtb: dtb})"
    asked = list(opened.query(query).rows())
    listed = [one for one in windows.truth["processes"] if not one.get("freed", one.get("hidden"))]
    fields = {"pid": "pid", "ppid": "ppid", "name": "name", "address": "offset", "dtb": "dtb"}
    found = {row["pid"]: row for row in asked}
    for one in listed:
        assert found[one["pid"]] == {name: one[key] for name, key in fields.items()}
