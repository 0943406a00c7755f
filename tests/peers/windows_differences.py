"""Where memq and volatility3 differ on Windows images, by name; docs/accuracy.md says it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.os.windows.images import NAMES as LAB

if TYPE_CHECKING:
    from collections.abc import Callable

WOW64 = 5012
"""The process of 32 bits."""
CHANCE = 0xC30B24606930
"""Where in the Windows 10 image a driver's object only seems to be."""


@dataclass(frozen=True)
class Difference:
    """Rows of some images that only one of the two has, and why."""

    name: str
    matches: Callable[[tuple[Any, ...]], bool]
    why: str
    images: tuple[str, ...]


DIFFERENCES = (
    Difference(
        "dlllist.DllList",
        lambda row: row[0] == WOW64 and row[1] < 1 << 32,
        "its layout for 32-bit programs has LoadTime where another member is",
        (*LAB, "9600-x64", "22000-x64"),
    ),
    Difference(
        "driverscan.DriverScan",
        lambda row: row[4] is None,
        "it takes what only looks like a driver's object for one: the name cannot be read",
        LAB[:1],
    ),
    Difference(
        "driverirp.DriverIrp",
        lambda row: row[0] == CHANCE,
        "functions of the object that is none",
        LAB[:1],
    ),
    Difference(
        "devicetree.DeviceTree",
        lambda row: row[1] == "diskDevice0",
        "it ends a driver's devices at one with nothing attached",
        ("9600-x64", "22000-x64", "7601-pae"),
    ),
    Difference(
        "devicetree.DeviceTree",
        lambda row: row[1] is None or row[1] in {"VMonDrv", "HarddiskVolume3"},
        "it ends a driver's devices at one with nothing attached, and shows a row without a name",
        LAB,
    ),
    Difference(
        "ssdt.SSDT",
        lambda row: row[0] in {51, 54},
        "it shows only addresses that are in a module; this call leads to a hidden driver",
        LAB,
    ),
    Difference(
        "filescan.FileScan",
        lambda row: row[1] is None,
        "it leaves out file objects without a name",
        LAB,
    ),
    Difference(
        "symlinkscan.SymlinkScan",
        lambda row: row[1:] == (None, "", ""),
        "it takes what only looks like a link for one: it leads from nothing to nothing",
        ("9600-x64",),
    ),
    Difference(
        "registry.printkey.PrintKey",
        lambda _row: True,
        "the tables that it is given for x86 have the lists of a key's subkeys in the wrong place",
        ("7601-pae",),
    ),
    Difference(
        "registry.printkey.PrintKey values",
        lambda _row: True,
        "the tables that it is given for x86 have the lists of a key's subkeys in the wrong place",
        ("7601-pae",),
    ),
)
"""All that differs, by name; one that does not occur is a failure, too."""
