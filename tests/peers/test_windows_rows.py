"""What volatility3 says of Windows images memq says, too, and nothing else but what is named.

The lab's two images and some that are built. memq opens each with nothing told; volatility3 is
given page tables, kernel and symbols, and asked for all plugins in one run, 10 to 25 seconds each.
docs/accuracy.md says what differs in plain words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import open_image
from tests.os.windows.images import NAMES, WindowsImage
from tests.peers.windows_case import BUILDS, python_with_volatility3, run_plugins
from tests.peers.windows_comparisons import COMPARISONS, PLUGINS
from tests.peers.windows_differences import DIFFERENCES
from tests.peers.windows_rows import LOW, Comparison, Pair
from tests.synthetic.windows.isf import table_of, with_symbols
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab import Lab

BUILT = {f"{build}-{paging}": (prefix, build, paging) for prefix, build, paging in BUILDS}
IMAGES = (*NAMES, "9600-x64", "22000-x64", "7601-pae")


@pytest.fixture(scope="module", params=IMAGES)
def pair(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    name, python = str(request.param), python_with_volatility3()
    if name in NAMES:
        image = WindowsImage(name, lab)
        truth, raw, table = image.truth["image"], image.path(), image.table
        root, base = int(truth["dtb"], 16), int(truth["kernel_base"], 16)
    else:
        scene, raw, table = _built(lab, tmp_path_factory.mktemp("windows"), name)
        root, base = scene.image.dtb, scene.image.kernel_base
    paging = name.rpartition("-")[2] if name in BUILT else "x64"
    place = [str(raw), str(table), hex(root), hex(base & LOW), paging]
    answers = run_plugins(python, place, PLUGINS)
    # Of x86 memq has types, but no symbols.
    with open_image(raw, profile=None if paging == "x64" else table) as opened:
        yield Pair(name, opened, answers)


def _built(lab: Lab, folder: Path, name: str) -> tuple[Scene, Path, Path]:
    """Build an image; return it, its file and its table."""
    prefix, build, paging = BUILT[name]
    paths = sorted((lab.folder / "windows" / "isf").glob(f"{prefix}*"))
    if not paths:
        pytest.skip(f"the lab has no symbol table {prefix}")
    scene = Scene(table_of(paths[0]), Options(build=build, paging=paging))
    raw, table = folder / "memory.raw", paths[0]
    scene.image.save_raw(raw)
    if not scene.machine.kernel.image.has_table:
        table = with_symbols(table, scene.image.rvas, folder / "table.json")
    return scene, raw, table


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda one: one.name)
def test_rows(pair: Pair, comparison: Comparison) -> None:
    if pair.name in comparison.not_in:
        assert not comparison.is_answered(pair), "listed as not answered, but is"
        return
    found = [*comparison.differences(pair)]
    for one in DIFFERENCES:
        if one.name == comparison.name and pair.name in one.images:
            matching = [row for row in found if one.matches(row[1])]
            assert matching, f"named, but does not occur: {one.why}"
            found = [row for row in found if row not in matching]
    if found:
        lines = [f"only {who}: {row}" for who, row in found[:40]]
        pytest.fail("\n".join([f"{len(found)} differences:", *lines]), pytrace=False)
