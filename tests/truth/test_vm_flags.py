"""The names of vad.flags, held to the VmFlags that each guest's /proc/PID/smaps had."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.os.linux.vma import FLAGS
from memq.schema.flags import bits_of
from memq.schema.kinds import Kind, ValueType
from tests.truth.answers import ask

if TYPE_CHECKING:
    from tests.lab import Record
    from tests.truth.conftest import Told

# Documentation/filesystems/proc.rst
MNEMONICS = {
    "rd": "READ", "wr": "WRITE", "ex": "EXEC", "sh": "SHARED", "mr": "MAYREAD", "mw": "MAYWRITE",
    "me": "MAYEXEC", "ms": "MAYSHARE", "gd": "GROWSDOWN", "pf": "PFNMAP", "lo": "LOCKED",
    "io": "IO", "sr": "SEQ_READ", "rr": "RAND_READ", "dc": "DONTCOPY", "de": "DONTEXPAND",
    "ac": "ACCOUNT", "nr": "NORESERVE", "ht": "HUGETLB", "sf": "SYNC", "wf": "WIPEONFORK",
    "dd": "DONTDUMP", "sd": "SOFTDIRTY", "mm": "MIXEDMAP", "hg": "HUGEPAGE", "nh": "NOHUGEPAGE",
    "mg": "MERGEABLE", "um": "UFFD_MISSING", "uw": "UFFD_WP", "lf": "LOCKONFAULT",
}  # fmt: skip
UNNAMED = {"dw", "??"}
"""VM_DENYWRITE, which only old kernels have; and what the guest's kernel has no letters for."""

MAPPING = re.compile(r"^([0-9a-f]+)-[0-9a-f]+ .*\n(?:\w+:.*\n)*?VmFlags: (.*)", re.MULTILINE)


def test_flags_are_those_of_smaps(told: Told) -> None:
    expected = recorded(told.dump.record)
    rows = ask(told.image, "vad.Select([vad.process.pid, start, flags])")
    answer = {(row["process"]["pid"], row["start"]): row["flags"] for row in rows}
    shared = expected.keys() & answer.keys()
    assert len(shared) > 0.95 * len(expected)
    named = sum(bits for _, bits in FLAGS)
    assert {key: answer[key] & named for key in shared} == {key: expected[key] for key in shared}


def recorded(record: Record) -> dict[tuple[int, str], int]:
    """Return the named flags of each mapping under (pid, start)."""
    type_ = ValueType(Kind.FLAGS, names=FLAGS)
    found = {}
    for name in record.files:
        if re.fullmatch(r"proc/\d+/smaps", name):
            pid = int(name.split("/")[1])
            for start, letters in MAPPING.findall(record.text(name)):
                text = "|".join(MNEMONICS[m] for m in letters.split() if m not in UNNAMED)
                found[pid, hex(int(start, 16))] = bits_of(type_, text) or 0
    return found
