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
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.linux_guest import MARK, Size
from benchmarks.linux_initramfs import initramfs
from benchmarks.linux_machine import Machine
from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "ldd": "libc-bin",
    "setpriv": "util-linux",
}
"""Which programs are run, and the Debian packages that have them."""
_KERNEL = "linux-image-cloud-amd64"
_KERNEL_FILE = re.compile(r"\./boot/vmlinuz-|\./usr/lib/modules/[^/]+/vmlinuz$")
_DEPENDENCY = re.compile(r"linux-(?:image|binary)-\d\S*")
_COUNTS = {"processes": "process", "vmas": "vad", "descriptors": "handle"}
"""What the guest counts, and what it is called in queries."""
_PATIENCE = 3600
"""Seconds for each step of the guest; 10,000 processes take some minutes."""
_MOST_PROCESSES, _MOST_MAPPINGS, _MOST_DESCRIPTORS = 30_000, 5_000, 500
_BASE, _EACH = 300, 1.1
"""Megabytes that the guest needs for itself, and for each process."""


def main() -> int:
    """Make the image; 1 if memq counts anything else in it than its guest."""
    options = _options(sys.argv[1:])
    refuse_without(PACKAGES, shutil.which)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is left in order
    started = time.monotonic()

    def say(step: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {step}\n")

    size = Size(options.processes, options.mappings, options.descriptors, options.filled)
    part = options.image.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="memq-bench-") as folder:
        kernel = options.kernel or _downloaded_kernel(Path(folder), say)
        try:
            record = _run(Path(folder), kernel, size, (options.memory, part), say)
            part.replace(options.image)
        finally:
            part.unlink(missing_ok=True)
    options.image.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    say(f"{options.image}: asking memq")
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


def refuse_without(packages: dict[str, str], which: Callable[[str], str | None]) -> None:
    """End with one line that says what is missing."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SystemExit("the image can be made on Linux on amd64 only")
    if missing := [package for program, package in packages.items() if not which(program)]:
        raise SystemExit(f"missing here; run: apt-get install {' '.join(missing)}")


def _downloaded_kernel(folder: Path, say: Callable[[str], None]) -> Path:
    """Get the kernel from where this machine's apt gets packages; only its file is unpacked."""
    say(f"{_KERNEL}: downloading")
    only = [
        f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces")
    ]
    listed = _output(["apt-cache", "depends", "--recurse", *only, _KERNEL], folder)
    names = sorted(set(_DEPENDENCY.findall(listed)))
    if not names:
        raise SystemExit(f"apt knows no {_KERNEL}: run apt-get update, or give --kernel")
    _output(["apt-get", "download", *names], folder)
    for package in folder.glob("*.deb"):
        if kernel := _kernel_of(package):
            return kernel
    raise SystemExit(f"no kernel in {', '.join(names)}")


def _kernel_of(package: Path) -> Path | None:
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with tempfile.TemporaryFile() as content:
        subprocess.run(command, check=True, stdout=content)  # noqa: S603 - our own arguments
        content.seek(0)
        with tarfile.open(fileobj=content) as members:
            for member in members:
                data = members.extractfile(member) if _KERNEL_FILE.match(member.name) else None
                if data is not None:
                    path = package.with_name("vmlinuz")
                    path.write_bytes(data.read())
                    return path
    return None


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)  # noqa: S603 - our own arguments
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _run(
    folder: Path, kernel: Path, size: Size, to: tuple[int, Path], say: Callable[[str], None]
) -> dict[str, str | int]:
    """Boot the guest, wait for its record, write its memory; return the record."""
    memory, path = to
    say("initramfs: writing")
    archive = folder / "initramfs"
    archive.write_bytes(initramfs(size))
    say(f"guest: booting, {memory} MB")
    with Machine(folder, kernel, archive, memory) as machine:
        said = machine.said(MARK, _PATIENCE)
        while not (line := next(said)).startswith("{"):
            say(f"guest: {line}")
        machine.save(path)
        say("guest: paused and saved")
    record: dict[str, str | int] = {"memory": memory, **json.loads(line)}
    return record


def _compare(image: Path, record: dict[str, str | int]) -> int:
    """Print what the guest and what memq counted."""
    wrong = 0
    sys.stdout.write(f"{'':12}{'guest':>10}{'memq':>10}\n")
    for name, source in _COUNTS.items():
        command = [sys.executable, "-m", "memq", str(image.resolve())]
        counted = int(_output([*command, "-e", f"{source}.Count()", "-o", "json"], ROOT))
        wrong += counted != record[name]
        mark = "" if counted == record[name] else "  wrong"
        sys.stdout.write(f"{name:12}{record[name]:>10}{counted:>10}{mark}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
