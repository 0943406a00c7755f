"""The kernel that guests boot, and modules of it, from where this machine's apt gets packages."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_KERNEL = "linux-image-cloud-amd64"
_KERNEL_FILE = re.compile(r"\./boot/vmlinuz-|\./usr/lib/modules/[^/]+/vmlinuz$")
_DEPENDENCY = re.compile(r"linux-(?:image|binary|modules)-\d\S*")


def downloaded_kernel(folder: Path, say: Callable[[str], None]) -> Path:
    """Download the kernel; only its file is unpacked, into the folder."""
    packages = downloaded(folder, say)
    for _, data in files_of(packages, _KERNEL_FILE):
        path = folder / "vmlinuz"
        path.write_bytes(data)
        return path
    raise SystemExit(f"no kernel in {', '.join(package.name for package in packages)}")


def downloaded(folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Download the packages of the kernel into a folder, unless they are there already."""
    if not list(folder.glob("*.deb")):
        say(f"{_KERNEL}: downloading")
        kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces")
        only = [f"--no-{kind}" for kind in kinds]
        listed = output(["apt-cache", "depends", "--recurse", *only, _KERNEL], folder)
        names = sorted(set(_DEPENDENCY.findall(listed)))
        if not names:
            raise SystemExit(f"apt knows no {_KERNEL}: run apt-get update, or give --kernel")
        output(["apt-get", "download", *names], folder)
    return sorted(folder.glob("*.deb"))


def files_of(packages: Iterable[Path], wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Give names and contents of the files in packages that a pattern matches."""
    for package in packages:
        command = ["dpkg-deb", "--fsys-tarfile", str(package)]
        with tempfile.TemporaryFile() as content:
            subprocess.run(command, check=True, stdout=content)  # noqa: S603 - our own arguments
            content.seek(0)
            with tarfile.open(fileobj=content) as members:
                for member in members:
                    found = wanted.match(member.name)
                    if found and (data := members.extractfile(member)) is not None:
                        yield member.name, data.read()


def output(command: list[str], folder: Path) -> str:
    """Run a command, and return what it prints; ends with what it says if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)  # noqa: S603 - our own arguments
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
