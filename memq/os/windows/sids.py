"""Security identifiers (SID) as text, and the names that some of them have on every system."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column
from memq.errors import Reason
from memq.os.common import distinct_addresses, known_pointers

if TYPE_CHECKING:
    from memq.layers.space import AddressSpace

MAX_PARTS = 15
"""SID_MAX_SUB_AUTHORITIES."""
_HEAD = 8
"""Bytes of revision, count and authority, before the parts of four bytes each."""

WELL_KNOWN = {
    "S-1-0-0": "Nobody", "S-1-1-0": "Everyone", "S-1-2-0": "Local", "S-1-2-1": "Console Logon",
    "S-1-3-0": "Creator Owner", "S-1-3-1": "Creator Group", "S-1-3-4": "Owner Rights",
    "S-1-5-1": "Dialup", "S-1-5-2": "Network", "S-1-5-3": "Batch", "S-1-5-4": "Interactive",
    "S-1-5-6": "Service", "S-1-5-7": "Anonymous", "S-1-5-9": "Enterprise Domain Controllers",
    "S-1-5-10": "Self", "S-1-5-11": "Authenticated Users", "S-1-5-12": "Restricted",
    "S-1-5-13": "Terminal Server User", "S-1-5-14": "Remote Interactive Logon",
    "S-1-5-15": "This Organization", "S-1-5-17": "IUSR", "S-1-5-18": "Local System",
    "S-1-5-19": "Local Service", "S-1-5-20": "Network Service", "S-1-5-33": "Write Restricted",
    "S-1-5-64-10": "NTLM Authentication", "S-1-5-64-14": "SChannel Authentication",
    "S-1-5-64-21": "Digest Authentication", "S-1-5-80-0": "All Services",
    "S-1-5-90-0": "Window Manager Group", "S-1-5-113": "Local Account",
    "S-1-5-114": "Local Account and Administrator", "S-1-5-32-544": "Administrators",
    "S-1-5-32-545": "Users", "S-1-5-32-546": "Guests", "S-1-5-32-547": "Power Users",
    "S-1-5-32-551": "Backup Operators", "S-1-5-32-555": "Remote Desktop Users",
    "S-1-5-32-556": "Network Configuration Operators", "S-1-5-32-558": "Performance Monitor Users",
    "S-1-5-32-559": "Performance Log Users", "S-1-5-32-562": "Distributed COM Users",
    "S-1-5-32-568": "IIS Users", "S-1-5-32-573": "Event Log Readers",
    "S-1-5-32-578": "Hyper-V Administrators", "S-1-5-32-580": "Remote Management Users",
    "S-1-15-2-1": "All Application Packages", "S-1-16-0": "Untrusted Mandatory Level",
    "S-1-16-4096": "Low Mandatory Level", "S-1-16-8192": "Medium Mandatory Level",
    "S-1-16-8448": "Medium Plus Mandatory Level", "S-1-16-12288": "High Mandatory Level",
    "S-1-16-16384": "System Mandatory Level", "S-1-16-20480": "Protected Process Mandatory Level",
    "S-1-18-1": "Authentication Authority Asserted Identity",
}  # fmt: skip
"""MS-DTYP 2.4.2.4, and the groups that each installation has."""
IN_DOMAINS = {
    "500": "Administrator", "501": "Guest", "502": "Key Distribution Center",
    "512": "Domain Admins", "513": "Domain Users", "514": "Domain Guests",
    "515": "Domain Computers", "516": "Domain Controllers", "517": "Cert Publishers",
    "518": "Schema Admins", "519": "Enterprise Admins", "520": "Group Policy Creator Owners",
}  # fmt: skip
"""What each domain and machine has, by the last part of the SID (MS-DTYP 2.4.2.4)."""
_LOGON, _DOMAIN = "S-1-5-5-", "S-1-5-21-"


def sid_text(space: AddressSpace, pointers: Column) -> Text:
    """Return the SIDs that a column points to, as `S-1-5-18`; each is read once."""
    places, status = known_pointers(pointers)
    found, index = distinct_addresses(np.where(status == 0, places, np.uint64(0)))
    heads, lost = space.gather(found, _HEAD)
    counts = np.where(lost == 0, heads[:, 1], 0).astype(np.int64)
    data, missing = space.gather_ranges(found, _HEAD + 4 * np.minimum(counts, MAX_PARTS), 1 << 8)
    reasons = np.where(lost == 0, missing, lost)
    odd = (reasons == 0) & ((heads[:, 0] != 1) | (counts > MAX_PARTS))
    reasons = np.where(odd, np.uint8(Reason.MALFORMED), reasons)
    words = [
        written(raw) if reason == 0 else ""
        for raw, reason in zip(data, reasons.tolist(), strict=True)
    ]
    return text_column(words, reasons if reasons.any() else None).take(index).under(status)


def written(raw: bytes) -> str:
    """Write a SID: revision, authority, and the parts that follow."""
    authority = int.from_bytes(raw[2:8], "big")
    parts = struct.unpack_from(f"<{(len(raw) - _HEAD) // 4}I", raw, _HEAD)
    first = str(authority) if authority < 1 << 32 else f"{authority:#014x}"
    return "-".join(["S", str(raw[0]), first, *map(str, parts)])


def known_names(sids: Text) -> Text:
    """Return the names that SIDs have on every system; null for those that have none."""
    has = sids.test(lambda sid: known_name(sid) is not None)
    names = sids.map(lambda sid: known_name(sid) or "")
    return names.but(names.known & ~has.values, Reason.NULL)


def known_name(sid: str) -> str | None:
    """Return the name that a SID has on every system, None if it has none."""
    if sid.startswith(_LOGON):
        return "Logon Session"
    if sid.startswith(_DOMAIN):
        return IN_DOMAINS.get(sid.rpartition("-")[2])
    return WELL_KNOWN.get(sid)
