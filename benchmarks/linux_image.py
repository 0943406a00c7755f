"""Make the large Linux image that benchmarks use: the memory of a guest that is full of processes.

    python -m benchmarks.linux_image bench.raw                       4 GB, some 1,870 processes
    python -m benchmarks.linux_image many.raw --processes 10000 --memory 16384 --mappings 20

The guest boots Debian's kernel in QEMU (KVM is not needed), forks its processes, and counts them,
their mappings and their descriptors in its own /proc. Then it is paused, and its memory written as
a sparse raw image, with those counts beside it as JSON; at the end memq is held to them. Nothing is
compiled or installed, and what is made on the way is removed.
Needs Linux on amd64.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import linux_guest
from benchmarks.linux_guest import SCENARIO, Size
from benchmarks.linux_initramfs import file_entry, initramfs
from benchmarks.linux_kernel import downloaded_kernel, output
from benchmarks.linux_making import PACKAGES, Clock, make
from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNTS = {"processes": "process", "vmas": "vad", "descriptors": "handle"}
"""What the guest counts, and what it is called in queries."""
_MOST_PROCESSES, _MOST_MAPPINGS, _MOST_DESCRIPTORS = 30_000, 5_000, 500
_BASE, _EACH = 300, 1.1
"""Megabytes that the guest needs for itself, and for each process."""


def main() -> int:
    """Make the image; 1 if memq counts anything else in it than its guest."""
    options = _options(sys.argv[1:])
    clock = Clock()
    size = Size(options.processes, options.mappings, options.descriptors, options.filled)
    scenario = json.dumps(size._asdict()).encode()

    def boot(folder: Path) -> tuple[Path, bytes]:
        kernel = options.kernel or downloaded_kernel(folder, clock.say)
        clock.say("initramfs: writing")
        return kernel, initramfs(linux_guest.__name__, {SCENARIO: file_entry(scenario)})

    record = make(options.image, options.memory, boot, clock)
    clock.say(f"{options.image}: asking memq")
    return _compare(options.image, record)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.linux_image",
        description=f"{__doc__}\nDebian packages that it needs: {', '.join(PACKAGES.values())}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = Size()
    parser.add_argument("image", type=Path, help="what to make; its counts get the suffix .json")
    for name, default, text in (
        ("processes", usual.processes, "how many it starts; the kernel has some of its own"),
        ("mappings", usual.mappings, "how many each makes on average, beside its program's"),
        ("descriptors", usual.descriptors, "how many each opens on average"),
        ("memory", 4096, "megabytes that the guest has"),
        ("filled", None, "megabytes of them that are filled with data; a quarter if not said"),
    ):
        usually = "" if default is None else f" ({default})"
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=text + usually
        )
    parser.add_argument("--kernel", type=Path, metavar="VMLINUZ", help="instead of Debian's")
    options = parser.parse_args(arguments)
    if options.filled is None:
        options.filled = options.memory // 4
    if wrong := wrong_size(options):
        parser.error(wrong)
    return options


def wrong_size(options: argparse.Namespace) -> str | None:
    """Say what cannot be."""
    most = {
        "processes": (1, _MOST_PROCESSES),
        "mappings": (0, _MOST_MAPPINGS),
        "descriptors": (0, _MOST_DESCRIPTORS),
        "filled": (0, options.memory),
    }
    for name, (low, high) in most.items():
        if not low <= getattr(options, name) <= high:
            return f"--{name} must be from {low} to {high}"
    needed = int(_BASE + _EACH * options.processes + options.filled)
    if options.memory < needed:
        return f"--memory must be at least {needed} for so many processes and so much data"
    return None


def _compare(image: Path, record: dict[str, str | int]) -> int:
    """Print what the guest and what memq counted."""
    wrong = 0
    sys.stdout.write(f"{'':12}{'guest':>10}{'memq':>10}\n")
    for name, source in _COUNTS.items():
        command = [sys.executable, "-m", "memq", str(image.resolve())]
        counted = int(output([*command, "-e", f"{source}.Count()", "-o", "json"], ROOT))
        wrong += counted != record[name]
        mark = "" if counted == record[name] else "  wrong"
        sys.stdout.write(f"{name:12}{record[name]:>10}{counted:>10}{mark}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
