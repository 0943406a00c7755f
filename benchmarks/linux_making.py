"""How the memory of a guest is made into an image with a record beside it."""

from __future__ import annotations

import json
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.linux_inside import MARK
from benchmarks.linux_machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "ldd": "libc-bin",
    "setpriv": "util-linux",
}
"""Which programs are run, and the Debian packages that have them."""
_PATIENCE = 3600
"""Seconds for each step of the guest; 10,000 processes take some minutes."""


class Clock:
    """What is said while an image is made, with the seconds since it began."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, step: str) -> None:
        """Tell the user what is done now."""
        sys.stderr.write(f"{time.monotonic() - self._started:6.0f} s  {step}\n")


def refuse_without(packages: dict[str, str], which: Callable[[str], str | None]) -> None:
    """End with one line that says what is missing."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SystemExit("the image can be made on Linux on amd64 only")
    if missing := [package for program, package in packages.items() if not which(program)]:
        raise SystemExit(f"missing here; run: apt-get install {' '.join(missing)}")


def make(
    image: Path, memory: int, boot: Callable[[Path], tuple[Path, bytes]], clock: Clock
) -> dict[str, Any]:
    """Make an image, and its record with the suffix .json; return the record.

    `memory` is megabytes. `boot` gives the kernel and the initramfs, for which it may use a folder.
    """
    refuse_without(PACKAGES, shutil.which)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is left in order
    part = image.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="memq-guest-") as folder:
        try:
            record = _run(Path(folder), boot(Path(folder)), (memory, part), clock)
            part.replace(image)
        finally:
            part.unlink(missing_ok=True)
    image.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def _run(
    folder: Path, boot: tuple[Path, bytes], to: tuple[int, Path], clock: Clock
) -> dict[str, Any]:
    """Boot the guest, wait for its record, write its memory; return the record."""
    memory, path = to
    kernel, initramfs = boot
    archive = folder / "initramfs"
    archive.write_bytes(initramfs)
    clock.say(f"guest: booting, {memory} MB")
    with Machine(folder, kernel, archive, memory) as machine:
        said = machine.said(MARK, _PATIENCE)
        while not (line := next(said)).startswith("{"):
            clock.say(f"guest: {line}")
        machine.save(path)
        clock.say("guest: paused and saved")
    return {"memory": memory, **json.loads(line)}
