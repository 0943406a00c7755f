"""Images that the builder built, and volatility3 asked about them, for test_windows_builder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.peers.test_volatility3 import NOT_HERE, VARIABLE
from tests.synthetic.windows.isf import with_symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.synthetic.windows.scene import Scene
    from tests.synthetic.windows.truth import ProcessTruth, Truth

PROGRAM = Path(__file__).parent / "windows_plugins.py"
SECONDS = 120
LOW = (1 << 48) - 1
"""volatility3 shows most addresses without the bits that only repeat the sign."""
PLUGINS = (
    "pslist.PsList",
    "psscan.PsScan",
    "threads.Threads",
    "handles.Handles",
    "vadinfo.VadInfo",
    "dlllist.DllList",
    "cmdline.CmdLine",
    "envars.Envars",
    "getsids.GetSIDs",
    "modules.Modules",
    "unloadedmodules.UnloadedModules",
    "driverscan.DriverScan",
    "driverirp.DriverIrp",
    "ssdt.SSDT",
    "callbacks.Callbacks",
    "timers.Timers",
    "mutantscan.MutantScan",
    "filescan.FileScan",
    "symlinkscan.SymlinkScan",
    "bigpools.BigPools",
    "netscan.NetScan",
    "svcscan.SvcScan",
    "info.Info",
    "registry.hivelist.HiveList",
    "registry.printkey.PrintKey:recurse",
)
BUILDS = (
    ("ntkrnlmp-6.1.7601.24540", 7601, "x64"),
    ("ntkrnlmp-6.3.9600.20237", 9600, "x64"),
    ("ntkrnlmp-10.0.14393.4583", 14393, "x64"),
    ("ntkrnlmp-10.0.17763.379", 17763, "x64"),
    ("ntkrnlmp-10.0.18362.295", 18362, "x64"),
    ("ntkrnlmp-10.0.19041.329", 19041, "x64"),
    ("ntkrnlmp-10.0.20348.288", 20348, "x64"),
    ("ntkrnlmp-10.0.22000.318", 22000, "x64"),
    ("types-only-vergilius-6.1.7601.17514-x86", 7601, "x86"),
    ("types-only-vergilius-6.1.7601.17514-x86", 7601, "pae"),
)

Rows = list[tuple[Any, ...]]


@dataclass
class Case:
    """A built image, and what volatility3 says of it."""

    scene: Scene
    answers: dict[str, list[dict[str, Any]]]

    @property
    def truth(self) -> Truth:
        return self.scene.image.truth

    @property
    def is_32_bit(self) -> bool:
        return not self.scene.machine.options.is_64_bit

    def scanned(self, address: int) -> int:
        """Return what a scan shows of an address: before 10, where it lies physically."""
        if self.scene.machine.options.build < 10240:
            return self.scene.machine.space.physical(address)
        return address & LOW

    @property
    def listed(self) -> list[ProcessTruth]:
        return [process for process in self.truth.processes if not process.hidden]

    def rows(self, plugin: str, *columns: str) -> Rows:
        """Return columns of a plugin's rows; fails with the error that it ended with."""
        found = self.answers[f"windows.{plugin}"]
        assert not any("error" in row for row in found), found
        return [tuple(row[column] for column in columns) for row in found]


def ask(python: str, scene: Scene, table: Path, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Write the image and return all plugins' rows."""
    image, raw = scene.image, folder / "memory.raw"
    image.save_raw(raw)
    if not scene.machine.kernel.image.has_table:
        table = with_symbols(table, image.rvas, folder / "table.json")
    place = [str(raw), str(table), hex(image.dtb), hex(image.kernel_base & LOW)]
    return run_plugins(python, [*place, image.options.paging], PLUGINS)


def run_plugins(
    python: str, place: list[str], plugins: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of plugins; `place`: image, table, page tables, kernel, architecture."""
    command = [python, str(PROGRAM), *place, *(f"windows.{plugin}" for plugin in plugins)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    answers: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return answers


def python_with_volatility3() -> str:
    """Return the path of a Python that has volatility3; skips the test where there is none."""
    python = os.environ.get(VARIABLE, sys.executable)
    check = [python, "-c", "import volatility3.framework"]
    if subprocess.run(check, capture_output=True, check=False).returncode:
        if VARIABLE in os.environ:
            pytest.fail(f"{VARIABLE}: {python} has no volatility3", pytrace=False)
        pytest.skip(NOT_HERE)
    return python
