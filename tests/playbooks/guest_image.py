"""Make the dump of a guest in which processes do what the rules for Linux speak of.

    python -m tests.playbooks.guest_image FOLDER

The guest boots Debian's kernel in QEMU (KVM is not needed). Its processes are shells, Pythons and
programs that wait; guest_things.py has what each does. The folder gets guest.raw, the dump, and
guest.json, which says which number each process has. With MEMQ_GUEST set to the folder, the tests
hold the rules to it. It takes one to two minutes; nothing is compiled or installed.
Needs Linux on amd64.
"""

from __future__ import annotations

import argparse
import re
import shutil
import stat
import struct
import sys
from pathlib import Path

from benchmarks.linux_initramfs import PYTHON as FULL_PYTHON
from benchmarks.linux_initramfs import Entry, file_entry, initramfs, program_entries
from benchmarks.linux_kernel import downloaded, downloaded_kernel, files_of
from benchmarks.linux_making import PACKAGES, Clock, make
from tests.playbooks import guest
from tests.playbooks.guest_acts import BASH, PYTHON, SH, SLEEPER

IMAGE, RECORD = "guest.raw", "guest.json"
_MEMORY = 256
_TOOLS = ("cat", "rm", "mkfifo", "base64", "sleep")
"""Programs of this machine that the guest has, beside its shells."""
_MODULE = re.compile(r".*/(evdev|dummy)\.ko$")
_SIGNATURE = b"~Module signature appended~\n"
_CODE = bytes.fromhex("b822000000 0f05 ebf7")  # mov eax, pause; syscall; again
_BASE, _HEADERS = 0x400000, 64 + 56


def main() -> int:
    """Make dump and record."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.playbooks.guest_image",
        description=f"{__doc__}\nDebian packages that it needs: {', '.join(PACKAGES.values())}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help=f"where {IMAGE} and {RECORD} shall be")
    folder = parser.parse_args().folder
    clock = Clock()

    def boot(temporary: Path) -> tuple[Path, bytes]:
        kernel = downloaded_kernel(temporary, clock.say)
        clock.say("initramfs: writing")
        files = {**modules(downloaded(temporary, clock.say)), **programs()}
        return kernel, initramfs(guest.__name__, files)

    made = make(folder / IMAGE, _MEMORY, boot, clock)
    counts = [f"{len(made[group])} {group}" for group in ("planted", "unfound", "ordinary")]
    clock.say(f"{folder / IMAGE}: {', '.join(counts)}")
    return 0


def programs() -> dict[str, Entry]:
    """Return the programs of the guest, by where they are in it."""
    wanted = {SH: "sh", BASH: "bash", **{f"/usr/bin/{name}": name for name in _TOOLS}}
    found = {place: shutil.which(name) for place, name in wanted.items()}
    if missing := [wanted[place] for place, path in found.items() if path is None]:
        raise SystemExit(f"these programs are needed here: {', '.join(missing)}")
    here = {place: Path(path).resolve() for place, path in found.items() if path}
    link = Entry(stat.S_IFLNK | 0o777, Path(FULL_PYTHON).name.encode())
    return {**program_entries(here), PYTHON: link, SLEEPER: file_entry(sleeper())}


def modules(packages: list[Path]) -> dict[str, Entry]:
    """Return modules of the kernel, one of them without its signature."""
    found = {Path(name).stem: data for name, data in files_of(packages, _MODULE)}
    if len(found) < len(guest.MODULES):
        raise SystemExit("the kernel's packages have no modules evdev and dummy as plain files")
    signed, unsigned = guest.MODULES
    return {
        signed: file_entry(found["evdev"]),
        unsigned: file_entry(without_signature(found["dummy"])),
    }


def without_signature(module: bytes) -> bytes:
    """Cut off what stands behind a module: signature, sizes, a mark (kernel/module/signing.c)."""
    if not module.endswith(_SIGNATURE):
        return module
    end = len(module) - len(_SIGNATURE)
    (size,) = struct.unpack(">I", module[end - 4 : end])
    return module[: end - 12 - size]


def sleeper() -> bytes:
    """Return a program that waits, whatever its arguments are: headers of ELF, and its code."""
    size = _HEADERS + len(_CODE)
    ident = b"\x7fELF" + bytes((2, 1, 1)).ljust(12, b"\0")
    start = _BASE + _HEADERS
    header = struct.pack("<16s2HI3QI6H", ident, 2, 62, 1, start, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<2I6Q", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + _CODE


if __name__ == "__main__":
    sys.exit(main())
