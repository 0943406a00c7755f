"""Processes of builds that the lab has no image of, in built images and held to their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from memq.image import open_image
from tests.synthetic.windows.isf import table_of, with_symbols
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Lab
    from tests.synthetic.windows.truth import ProcessTruth

BUILDS = (
    ("ntkrnlmp-6.3.9600.20237", 9600, "x64"),
    ("ntkrnlmp-10.0.17763.379", 17763, "x64"),
    ("ntkrnlmp-10.0.22000.318", 22000, "x64"),
    ("types-only-vergilius-6.1.7601.17514-x86", 7601, "pae"),
)
"""One of each layout that matters here; all that the lab has tables of are tried with peers."""
FIELDS = (
    "name: name, ppid: ppid, address: address, dtb: directory_table_base, session: session_id, "
    "wow64: is_wow64, path: image_path, cmdline: command_line, cwd: current_directory, peb: peb, "
    "base: peb_image_base, listed: in_active_list, handles: handle_count, user: token.user, "
    "level: token.integrity_level, token: token.address, groups: token.group.Select(sid), "
    "held: token.privilege.Where(is_present).Select(number), "
    "enabled: token.privilege.Where(is_enabled).Select(number), "
    "modules: module.Select({at: address, base: base, size: size, name: name, path: path}), "
    "variables: environment.Select({name: name, value: value})"
)


@dataclass
class Built:
    """What is in an image, and what is said of it."""

    truth: list[ProcessTruth]
    rows: dict[int, dict[str, Any]]

    def pairs(self) -> Iterator[tuple[ProcessTruth, dict[str, Any]]]:
        for truth in self.truth:
            yield truth, self.rows[truth.pid]


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: f"{build[1]}-{build[2]}")
def built(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    prefix, build, paging = request.param
    paths = sorted((lab.folder / "windows" / "isf").glob(f"{prefix}*"))
    if not paths:
        pytest.skip(f"the lab has no symbol table {prefix}")
    scene = Scene(table_of(paths[0]), Options(build=build, paging=paging))
    folder = tmp_path_factory.mktemp("built")
    image, table = scene.image, paths[0]
    image.save_raw(folder / "memory.raw")
    if not scene.machine.kernel.image.has_table:
        table = with_symbols(table, image.rvas, folder / "table.json")
    root, base = image.dtb, image.kernel_base
    path = folder / "memory.raw"
    with open_image(path, profile=table, directory_table_base=root, kernel_base=base) as opened:
        rows = opened.query(f"process.Select({{pid: pid, {FIELDS}}})").rows()
        return Built(image.truth.processes, {row["pid"]: row for row in rows})


def address(value: int) -> str | None:
    return hex(value) if value else None


def test_processes(built: Built) -> None:
    assert set(built.rows) == {one.pid for one in built.truth}
    for one, row in built.pairs():
        assert (row["name"], row["ppid"], row["wow64"]) == (one.name[:14], one.ppid, one.wow64)
        assert (row["address"], row["dtb"]) == (hex(one.offset), hex(one.dtb))
        assert (row["session"], row["listed"]) == (one.session, not one.hidden)
        assert (row["path"], row["cmdline"], row["cwd"]) == (one.path, one.cmdline, one.cwd)
        assert (row["peb"], row["base"]) == (address(one.peb), address(one.peb_image_base))
        if one.handle_levels == 0:
            assert row["handles"] == (len(one.handles) if one.exit_time is None else None)


def test_tokens(built: Built) -> None:
    for one, row in built.pairs():
        token = one.token
        if token is None:
            assert row["token"] is None
            continue
        assert (row["token"], row["user"]) == (hex(token.address), token.sids[0])
        assert row["groups"] == token.sids[1:]
        assert row["level"] == int(token.integrity.rpartition("-")[2])
        assert sum(1 << number for number in row["held"]) == token.present
        assert sum(1 << number for number in row["enabled"]) == token.enabled


def test_modules_and_environments(built: Built) -> None:
    for one, row in built.pairs():
        listed = [module for module in row["modules"] or () if module["at"] is not None]
        found = {tuple(module.values()) for module in listed}
        assert found == {
            (hex(each.offset), hex(each.base), each.size, each.name, each.path)
            for each in one.modules
        }
        variables = {each["name"]: each["value"] for each in row["variables"] or ()}
        assert variables == one.env
