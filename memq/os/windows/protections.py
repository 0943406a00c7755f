"""What VADs and page-table entries say of protection: five bits, the same in every Windows.

The lower three choose what may be done, the upper two what is special about it. MmProtectToValue in
the kernel holds the same as a table of PAGE_* values; a test holds this to it.
"""

from __future__ import annotations

from memq.column import distinct

ACCESS = (
    "PAGE_NOACCESS", "PAGE_READONLY", "PAGE_EXECUTE", "PAGE_EXECUTE_READ",
    "PAGE_READWRITE", "PAGE_WRITECOPY", "PAGE_EXECUTE_READWRITE", "PAGE_EXECUTE_WRITECOPY",
)  # fmt: skip
SPECIAL = ("", "|PAGE_NOCACHE", "|PAGE_GUARD", "|PAGE_WRITECOMBINE")

READABLE = frozenset((1, 3, 4, 5, 6, 7))
WRITABLE = frozenset((4, 5, 6, 7))
EXECUTABLE = frozenset((2, 3, 6, 7))
"""By the lower three bits."""

CODES, NAMES = distinct(
    access + (special if number else "")
    for special in SPECIAL
    for number, access in enumerate(ACCESS)
)
"""For each of the 32 values its place among the distinct names; no access is nothing special."""
