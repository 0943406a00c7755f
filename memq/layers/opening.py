"""Opening a dump: unwrap it if it is compressed, tell its format by its content, never its name."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import ImageError
from memq.layers import elfcore, lime, raw
from memq.layers.file import DumpFile
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memq.layers.physical import PhysicalMemory

_HEAD = 4096
_CRASH = b"PAGEDU"
"""How crash dumps of 32 and of 64 bits begin."""
_WRAPPERS = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x50\x2a\x4d\x18": "zstd",  # a skippable frame, which pzstd writes first
    b"\xfd7zXZ\0": "xz",
    b"\x1f\x8b\x08": "gzip",
}

_READS = (
    "memq reads raw, LiME and ELF core dumps, and Windows crash dumps, plain or in gzip, xz or zstd"
)
_KDUMP = "a kdump file"
_PICTURE = "a picture"
_DISK = "a virtual machine's disk, not its memory"
_SAVED = "a saved state of a virtual machine"
_ARCHIVE = "an archive"

_NOT_READ: tuple[tuple[int, bytes, str, str], ...] = (
    # offset, magic, what it is, what to do
    (0, b"MDMP", "a minidump of one process, not of the machine's memory", _READS),
    (0, b"KDUMP   ", _KDUMP, "dump the guest again with dump-guest-memory and without -z, -l, -s"),
    (0, b"DISKDUMP", "a diskdump file", _READS),
    (0, b"makedumpfile", _KDUMP + " in makedumpfile's flattened form", _READS),
    (0, b"AVML", "a compressed AVML dump", "run avml-convert on it to get a LiME file"),
    (0, b"LiME", "a LiME dump of a big-endian machine", _READS),
    (0, b"QFI\xfb", _DISK + " (qcow2)", "dump the guest's memory instead"),
    (0, b"KDMV", _DISK + " (VMDK)", "dump the guest's memory instead"),
    (0, b"vhdxfile", _DISK + " (VHDX)", "dump the guest's memory instead"),
    (0, b"QEVM", _SAVED + " (QEMU migration)", "use dump-guest-memory instead"),
    (0, b"LibvirtQemudSave", _SAVED + " (libvirt)", "use virsh dump --memory-only instead"),
    (0, b"\xd0\xbe\xd2\xbe", _SAVED + " (VMware .vmss or .vmsn)", "give the .vmem beside it"),
    (0, b"\xd2\xbe\xd2\xbe", _SAVED + " (VMware .vmss or .vmsn)", "give the .vmem beside it"),
    (
        0,
        b"\x7fVirtualBox SavedState",
        _SAVED + " (VirtualBox)",
        "use VBoxManage debugvm dumpvmcore",
    ),
    (0, b"EVF\x09\x0d\x0a\xff\x00", "an EnCase image", "export it as raw"),
    (0, b"hibr", "a Windows hibernation file", _READS),
    (0, b"HIBR", "a Windows hibernation file", _READS),
    (0, b"\x89PNG\r\n\x1a\n", _PICTURE + " (PNG)", _READS),
    (0, b"\xff\xd8\xff", _PICTURE + " (JPEG)", _READS),
    (0, b"%PDF-", "a PDF document", _READS),
    (0, b"SQLite format 3\0", "an SQLite database", _READS),
    (0, b"PK\x03\x04", _ARCHIVE + " (zip)", "unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE + " (7z)", "unpack it first"),
    (0, b"Rar!\x1a\x07", _ARCHIVE + " (RAR)", "unpack it first"),
    (257, b"ustar", _ARCHIVE + " (tar)", "unpack it first"),
    (0, b"BZh", "a bzip2 file", "unpack it first with bunzip2"),
    (0, b"\x04\x22\x4d\x18", "an lz4 file", "unpack it first with lz4 -d"),
    (0, b"\xff\x06\x00\x00sNaPpY", "a snappy file", "unpack it first"),
    (0, b"\x89LZO\0", "an lzop file", "unpack it first with lzop -d"),
)


def open_physical(
    path: Path | str, progress: Progress | None = None, page_files: Iterable[Path | str] = ()
) -> PhysicalMemory:
    """Open a dump of physical memory; ImageError, in one line, for whatever is none.

    A compressed one is unpacked into the cache folder first, once. `page_files` are those of the
    machine, numbered from 0 as they come; they may be compressed, too.
    """
    path = Path(path)
    progress = Progress() if progress is None else progress
    with ExitStack() as on_error:
        file = _unwrapped(path, progress, lambda head: _refuse(path, head))
        on_error.callback(file.close)
        physical = _open(file)
        beside = []
        for each in page_files:
            # Anything may stand in a page: nothing is refused by its first bytes.
            beside.append(_unwrapped(Path(each), progress, lambda _: None))
            on_error.callback(beside[-1].close)
        if beside:
            physical.add_page_files(beside)
        on_error.pop_all()
    return physical


def _unwrapped(path: Path, progress: Progress, refuse: Callable[[bytes], None]) -> DumpFile:
    """Open the file, or what it unpacks to; `refuse` sees how that begins, and may raise."""
    file = DumpFile(path)
    kind = wrapping(file.read(0, _HEAD))
    if kind is None:
        return file
    from memq.layers import compress  # noqa: PLC0415  slow to import, seldom needed

    with file:
        unpacked = compress.unpack(file, kind, progress, refuse)
        return DumpFile(unpacked, path)


def _open(file: DumpFile) -> PhysicalMemory:
    head = file.read(0, _HEAD)
    _refuse(file.path, head)
    if head.startswith(_CRASH):
        from memq.layers import crashdump  # noqa: PLC0415 - much that other dumps do without

        if crashdump.probe(head, file):
            return crashdump.open_(file)
    if elfcore.probe(head, file):
        return elfcore.open_(file)
    if lime.probe(head, file):
        return lime.open_(file)
    return raw.open_(file)


def wrapping(head: bytes) -> str | None:
    """Return "zstd", "xz" or "gzip" by the first bytes; None for what is not compressed."""
    return next((kind for magic, kind in _WRAPPERS.items() if head.startswith(magic)), None)


def _refuse(path: Path, head: bytes) -> None:
    """Raise for what is certainly no dump that can be read, with its name and the next step."""
    if not head:
        raise ImageError(f"{path}: the file is empty")
    inner = wrapping(head)
    if inner is not None:
        raise ImageError(f"{path}: compressed twice ({inner} within); unpack it by hand")
    for offset, magic, what, advice in _NOT_READ:
        if head.startswith(magic, offset):
            raise ImageError(f"{path}: is {what}; {advice}")
    _refuse_text(path, head)


def _refuse_text(path: Path, head: bytes) -> None:
    """Raise for text: a log, a note, the pointer that git-lfs leaves instead of a file."""
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not utf16:
        return
    text = head.decode("utf-16" if utf16 else "utf-8", "ignore")
    good = sum(len(c.encode()) for c in text if c.isprintable() or c in "\t\r\n")
    if good >= 0.85 * len(head.replace(b"\0", b"")):
        begin = "".join(c if " " <= c <= "~" else " " for c in text[:40])
        raise ImageError(f'{path}: is a text file ("{begin.strip()}..."); {_READS}')
