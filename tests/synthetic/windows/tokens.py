"""Access tokens: user and groups, privileges, integrity."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.synthetic.windows.truth import Hex, TokenTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Objects, Thing

LOCAL_SYSTEM = ("S-1-5-18", "S-1-5-32-544", "S-1-1-0", "S-1-5-11")
USER = ("S-1-5-21-1004336348-1177238915-682003330-1001", "S-1-1-0", "S-1-5-32-545", "S-1-5-4")
SYSTEM_LEVEL = "S-1-16-16384"
PRESENT, ENABLED = 0x1E_60B1_E890, 0x6080_0000
_MANDATORY, _DEFAULT, _ENABLED, _INTEGRITY = 1, 2, 4, 0x60


def sid_bytes(text: str) -> bytes:
    """Return an _SID as bytes."""
    revision, authority, *rest = (int(part) for part in text.split("-")[1:])
    head = struct.pack("<BB", revision, len(rest)) + authority.to_bytes(6, "big")
    return head + struct.pack(f"<{len(rest)}I", *rest)


def make_token(
    kernel: Kernel,
    objects: Objects,
    sids: Sequence[str],
    integrity: str,
    session: int,
    privileges: tuple[int, int] = (PRESENT, ENABLED),
) -> tuple[Thing, TokenTruth]:
    """Make a token; the integrity level is the last of its groups."""
    every = [*sids, integrity]
    thing = objects.create("Token", "_TOKEN", more=16 * len(every) + 40 * len(every))
    record, word = thing.record, kernel.word
    array = -(-(record.address + kernel.size("_TOKEN")) // 8) * 8
    at = array + len(every) * 2 * word
    for number, sid in enumerate(every):
        flags = 0 if number == 0 else _MANDATORY | _DEFAULT | _ENABLED
        flags = _INTEGRITY if number == len(every) - 1 else flags
        kernel.space.pointer(array + number * 2 * word, at)
        kernel.space.write(array + number * 2 * word + word, flags.to_bytes(4, "little"))
        data = sid_bytes(sid)
        kernel.space.write(at, data)
        at += -(-len(data) // 4) * 4
    record.fill({"UserAndGroups": array, "UserAndGroupCount": len(every), "SessionId": session})
    record.offer({"IntegrityLevelIndex": len(every) - 1, "MandatoryPolicy": 1})  # since Vista
    record.fill({"TokenId.LowPart": 0x20000 + len(kernel.truth.objects), "TokenType": 1})
    record["AuthenticationId.LowPart"] = 0x3E7 if sids[0] == LOCAL_SYSTEM[0] else 0x2F5A1
    _set_privileges(kernel, thing, privileges)
    truth = TokenTruth(
        Hex(record.address), every, Hex(privileges[0]), Hex(privileges[1]), session, integrity
    )
    return thing, truth


def _set_privileges(kernel: Kernel, thing: Thing, privileges: tuple[int, int]) -> None:
    """Write the masks; before Vista there is an array of _LUID_AND_ATTRIBUTES instead."""
    present, enabled = privileges
    names = ("Privileges.Present", "Privileges.Enabled", "Privileges.EnabledByDefault")
    if thing.record.has(names[0]):
        thing.record.fill(dict(zip(names, (present, enabled, enabled), strict=True)))
        return
    numbers = [number for number in range(64) if present >> number & 1]
    data = b"".join(
        struct.pack("<QI", number, 3 if enabled >> number & 1 else 0) for number in numbers
    )
    place = kernel.paged.allocate(len(data), "Toke")
    kernel.space.write(place, data)
    thing.record.fill({"Privileges": place, "PrivilegeCount": len(numbers)})
