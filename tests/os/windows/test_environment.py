"""Environments of the processes of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.os.windows.test_process import known

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage


def test_environments_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "process.Select({pid: pid, all: environment.Select({name: name, value: value})})"
    found = {row["pid"]: row["all"] or [] for row in opened.query(query).rows()}
    for one in known(windows):
        truth = one.get("env") or {}
        assert len(found[one["pid"]]) == len(truth)
        assert {row["name"]: row["value"] for row in found[one["pid"]]} == truth


def test_one_variable_of_all_processes(windows: WindowsImage, opened: Image) -> None:
    query = 'environment.Where(name == "PATH").Select({pid: process.pid, value: value})'
    found = {row["pid"]: row["value"] for row in opened.query(query).rows()}
    paths = {one["pid"]: one["env"]["Path"] for one in known(windows) if one.get("env")}
    assert found == paths
