"""The registry of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.eval.explain import explain
from memq.eval.pipeline import bind_query
from memq.eval.rules import optimized
from memq.image import open_image
from memq.os.windows.registry.data import TYPES
from memq.os.windows.system import WINDOWS

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

KEY = "{path: path, volatile: is_volatile, values: value_count, written: last_write_time}"


def asked(image: Image, query: str) -> list[Any]:
    return list(image.query(query).rows())


def recorded_keys(windows: WindowsImage) -> dict[str, dict[str, Any]]:
    """Full path and values of every key; the record has no root keys, which have no values."""
    found: dict[str, dict[str, Any]] = {}
    for hive in windows.truth["hives"]:
        found[hive["mount"]] = {}
        for path, values in hive["keys"].items():
            found[f"{hive['mount']}\\{path}"] = values
    return found


def test_hives_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = (
        "hive.Select({address: address, path: path, size: size + volatile_size, "
        "volatile: is_volatile, process: is_in_registry_process})"
    )
    assert asked(opened, query) == [
        {
            "address": hive["offset"],
            "path": hive["mount"],
            "size": hive["length"],
            "volatile": hive["volatile"],
            "process": hive["in_registry_process"],
        }
        for hive in windows.truth["hives"]
    ]


def test_keys_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    recorded = recorded_keys(windows)
    found = asked(opened, f"registry.Select({KEY})")
    assert sorted(row["path"] for row in found) == sorted(recorded)
    for row in found:
        assert row["values"] == len(recorded[row["path"]])
        assert row["written"].startswith("2026-03-14T08:12:35.25")


def test_values_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "value.Select({key: registry.path, name: name, type: type, hex: hex})"
    found = {(row["key"], row["name"]): (row["type"], row["hex"]) for row in asked(opened, query)}
    assert found == {
        (path, name): (TYPES[value["type"]], value["data"])
        for path, values in recorded_keys(windows).items()
        for name, value in values.items()
    }


def test_crash_dumps_hold_the_same_keys(windows: WindowsImage, opened: Image) -> None:
    query = "registry.Select([path, cell])"
    with open_image(windows.path("bitmap.dmp")) as image:
        assert asked(image, query) == asked(opened, query)


@pytest.mark.parametrize(
    "condition",
    [
        r'path == "\\registry\\machine\\SYSTEM\\controlset001\\Services\\Tcpip"',
        r'path === "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\Tcpip"',
        r'path === "\\registry\\machine\\SYSTEM\\controlset001\\Services\\Tcpip"',
        r'path.Like("\\REGISTRY\\MACHINE\\SOFTWARE\\*\\Run")',
        r'path.Like("\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run*")',
        r'path.Like("\\REGISTRY\\*\\Run")',
        r'path.StartsWith("\\REGISTRY\\MACHINE\\SYSTEM\\Control")',
        r'path.StartsWith("\\REGISTRY\\MACHINE\\S")',
        r'path == "\\REGISTRY"',
        r'path == "\\REGISTRY\\MACHINE\\SYSTEM"',
        r'path == "\\REGISTRY\\MACHINE\\SYSTEM\\"',
        r'path == "\\REGISTRY\\MACHINE\\SYSTEM\\Select\\None"',
        r'path == "nowhere" || path.EndsWith("Select")',
    ],
)
def test_what_is_sought_is_what_a_walk_finds(opened: Image, condition: str) -> None:
    sought = asked(opened, f"registry.Where({condition}).Select([path, cell])")
    # `?? ""` keeps the condition from being one of the path alone, so that nothing is looked up.
    walked = condition.replace("path", '(path ?? "")')
    assert sought == asked(opened, f"registry.Where({walked}).Select([path, cell])")


def test_a_constant_path_is_looked_up() -> None:
    query = r'registry.Where(path.Like("\\REGISTRY\\MACHINE\\SOFTWARE\\*\\Run"))'
    plan = explain(optimized(bind_query(query, WINDOWS)), query)
    assert r'looked up by path == "\REGISTRY\MACHINE\SOFTWARE\..."' in plan


def test_parents_have_their_children(opened: Image) -> None:
    query = "registry.SelectMany(children).Select({path: path, above: parent.path, name: name})"
    rows = asked(opened, query)
    assert len(rows) == asked(opened, "registry.Count()")[0] - 1
    for row in rows:
        assert f"{row['above']}\\{row['name']}" == row["path"]
    query = r'registry.Where(path == "\\REGISTRY\\MACHINE").SelectMany(children).Select(name)'
    assert asked(opened, query) == ["SYSTEM", "SOFTWARE"]
