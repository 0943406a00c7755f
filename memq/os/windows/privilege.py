"""Privileges of access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.token_arrays import TokenArray, elements
from memq.schema.collection import Collection, Reference
from memq.schema.declare import field
from memq.schema.kinds import Boolean, Number, String
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.column import Indexes
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

NAMES = (
    "SeCreateTokenPrivilege", "SeAssignPrimaryTokenPrivilege", "SeLockMemoryPrivilege",
    "SeIncreaseQuotaPrivilege", "SeMachineAccountPrivilege", "SeTcbPrivilege",
    "SeSecurityPrivilege", "SeTakeOwnershipPrivilege", "SeLoadDriverPrivilege",
    "SeSystemProfilePrivilege", "SeSystemtimePrivilege", "SeProfileSingleProcessPrivilege",
    "SeIncreaseBasePriorityPrivilege", "SeCreatePagefilePrivilege", "SeCreatePermanentPrivilege",
    "SeBackupPrivilege", "SeRestorePrivilege", "SeShutdownPrivilege", "SeDebugPrivilege",
    "SeAuditPrivilege", "SeSystemEnvironmentPrivilege", "SeChangeNotifyPrivilege",
    "SeRemoteShutdownPrivilege", "SeUndockPrivilege", "SeSyncAgentPrivilege",
    "SeEnableDelegationPrivilege", "SeManageVolumePrivilege", "SeImpersonatePrivilege",
    "SeCreateGlobalPrivilege", "SeTrustedCredManAccessPrivilege", "SeRelabelPrivilege",
    "SeIncreaseWorkingSetPrivilege", "SeTimeZonePrivilege", "SeCreateSymbolicLinkPrivilege",
    "SeDelegateSessionUserImpersonatePrivilege",
)  # fmt: skip
"""SE_..._PRIVILEGE in wdm.h, from 2 on."""
_FIRST = 2
PRESENT, ENABLED, BY_DEFAULT = 1, 2, 4
_ARRAY = TokenArray("PrivilegeCount", "Privileges", most=1 << 10)
"""Until Vista."""


class Privilege(
    WindowsObject,
    name="privilege",
    principal="privilege_object",
    owner="token",
    identity=("token", "number"),
    example="privilege.Where(is_enabled && !is_present).Select([token.account, name])",
):
    """A privilege of an access token."""

    @classmethod
    def of(cls, tokens: ObjectType, structs: Structs) -> Collection:
        """Return the privileges of each token."""
        cuts = Cuts(len(tokens))
        # 6000 replaced an array of privileges by sets of bits.
        found = _of_bits(structs, cuts) if structs.has("Privileges.Present") else None
        owner, number, state = _of_arrays(tokens, structs, cuts) if found is None else found
        rows: dict[str, Array] = {
            "token": structs.addresses[owner],
            "number": number,
            "state": state,
        }
        children = cls(tokens.context, rows, parents=Reference(tokens, owner))
        return Collection(children, owner, len(tokens), *cuts.columns())

    @field(shown=True)
    def name(self) -> String:
        """Name of the privilege; null where it is no known one."""
        number = self.rows["number"] - _FIRST
        is_named = (number >= 0) & (number < len(NAMES))
        names = Text(np.where(is_named, number, 0), None, NAMES)
        return names.but(~is_named, Reason.NULL)

    @field()
    def number(self) -> Number:
        """Number of the privilege."""
        return Column(self.rows["number"])

    @field(shown=True)
    def is_present(self) -> Boolean:
        """Whether the token holds it: what is enabled and not present was put there by a trick."""
        return self._state(PRESENT)

    @field(shown=True)
    def is_enabled(self) -> Boolean:
        """Whether it counts now."""
        return self._state(ENABLED)

    @field(shown=True)
    def is_enabled_by_default(self) -> Boolean:
        """Whether it counted from the start."""
        return self._state(BY_DEFAULT)

    def _state(self, bit: int) -> Column:
        return Column(self.rows["state"] & bit != 0)


def _of_bits(tokens: Structs, cuts: Cuts) -> tuple[Indexes, Indexes, Indexes]:
    """Return owner, number and state of each bit that one of a token's three sets has."""
    sets = [tokens[f"Privileges.{name}"] for name in ("Present", "Enabled", "EnabledByDefault")]
    for each in sets:
        cuts.mark(np.arange(len(tokens)), each.statuses, tokens.addresses)
    bits = [_unpacked(np.where(each.known, each.values, np.uint64(0))) for each in sets]
    state = bits[0] * PRESENT | bits[1] * ENABLED | bits[2] * BY_DEFAULT
    owner, number = np.nonzero(state)
    return owner, number, state[owner, number]


def _unpacked(values: Array) -> Indexes:
    words = np.ascontiguousarray(values.astype("<u8")).view(np.uint8).reshape(-1, 8)
    return np.unpackbits(words, axis=1, bitorder="little").astype(np.int64)


def _of_arrays(
    tokens: ObjectType, structs: Structs, cuts: Cuts
) -> tuple[Indexes, Indexes, Indexes]:
    """Return owner, number and state of each element of a token's array."""
    kernel, limit = tokens.context.kernel, tokens.context.run.limits.children
    element = kernel.types.struct("_LUID_AND_ATTRIBUTES")
    size = 0 if element is None else element.size
    owner, at = elements(structs, _ARRAY, size, limit, cuts)
    found = kernel.structs("_LUID_AND_ATTRIBUTES", at)
    number, attributes = found["Luid.LowPart"], found["Attributes"]
    cuts.mark(owner, np.maximum(number.statuses, attributes.statuses), at)
    kept = np.flatnonzero(number.known & attributes.known)
    flags = attributes.values[kept]
    # SE_PRIVILEGE_ENABLED_BY_DEFAULT is 1, SE_PRIVILEGE_ENABLED 2.
    state = PRESENT | (flags & 2) | (flags & 1) * BY_DEFAULT
    return owner[kept], number.values[kept], state
