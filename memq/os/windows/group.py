"""Groups of access tokens (_SID_AND_ATTRIBUTES)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text, unknown, worst
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.windows.base import WindowsObject
from memq.os.windows.sids import known_names, sid_text
from memq.os.windows.token_arrays import TokenArray, elements
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Flags, Name, String
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

ATTRIBUTES = (
    ("SE_GROUP_MANDATORY", 0x1), ("SE_GROUP_ENABLED_BY_DEFAULT", 0x2), ("SE_GROUP_ENABLED", 0x4),
    ("SE_GROUP_OWNER", 0x8), ("SE_GROUP_USE_FOR_DENY_ONLY", 0x10), ("SE_GROUP_INTEGRITY", 0x20),
    ("SE_GROUP_INTEGRITY_ENABLED", 0x40), ("SE_GROUP_RESOURCE", 0x2000_0000),
    ("SE_GROUP_LOGON_ID", 0xC000_0000),
)  # fmt: skip
"""winnt.h."""
_ENABLED, _DENY_ONLY = 0x4, 0x10
MAX_GROUPS = 1 << 12
"""Groups of one token; a logon with more than 1,024 is refused."""
KINDS = ("group", "restricting", "capability")


_SOURCES = (
    TokenArray("UserAndGroupCount", "UserAndGroups", MAX_GROUPS, first=1),
    TokenArray("RestrictedSidCount", "RestrictedSids", MAX_GROUPS),
    TokenArray("CapabilityCount", "Capabilities", MAX_GROUPS),  # since 9200
)
"""In the order of KINDS; the first of all is the user."""


class Group(
    WindowsObject,
    name="group",
    principal="group_object",
    owner="token",
    example="group.Where(is_deny_only).Select([token.account, sid, name])",
):
    """A group of an access token."""

    struct = "_SID_AND_ATTRIBUTES"

    @classmethod
    def of(cls, tokens: ObjectType, structs: Structs) -> Collection:
        """Return the groups of each token."""
        cuts = Cuts(len(tokens))
        limit = tokens.context.run.limits.children
        layout = tokens.context.kernel.types.struct(cls.struct)
        size = 0 if layout is None else layout.size
        if layout is None:
            cuts.mark(np.arange(len(tokens)), Reason.NOT_IN_KERNEL)
        # The first is there in every kernel: where it is not, that is said.
        kinds = [n for n, each in enumerate(_SOURCES) if not n or structs.has(each.counted)]
        parts = [elements(structs, _SOURCES[n], size, limit, cuts) for n in kinds]
        owner = np.concatenate([owner for owner, _ in parts])
        kind = np.repeat(kinds, [len(owner) for owner, _ in parts])
        order = np.argsort(owner, kind="stable")
        owner = owner[order]
        rows: dict[str, Array] = {
            "address": np.concatenate([places for _, places in parts])[order],
            "kind": kind[order],
        }
        children = cls(tokens.context, rows, parents=Reference(tokens, owner))
        return Collection(children, owner, len(tokens), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (_SID_AND_ATTRIBUTES)."""
        return self.address_column()

    @field(Cost.FOLLOW, shown=True)
    def sid(self) -> String:
        """SID of the group."""
        return self.sids

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Name of the group, where it is one that every system has."""
        return known_names(self.sids)

    @field(shown=True, names=ATTRIBUTES)
    def attributes(self) -> Flags:
        """How the group counts (SE_GROUP_...)."""
        return self.raw["Attributes"]

    @field()
    def is_enabled(self) -> Boolean:
        """Whether it counts where access is granted."""
        return self._flag(_ENABLED)

    @field()
    def is_deny_only(self) -> Boolean:
        """Whether it counts only where access is denied, as those of a limited token do."""
        return self._flag(_DENY_ONLY)

    @field(choices=KINDS)
    def kind(self) -> String:
        """Whether it is a group, restricts the token, or is a capability of a package."""
        return Text(self.rows["kind"], None, KINDS)

    @property
    def sids(self) -> Text:
        """SIDs of the groups."""
        return self.kept("sids", lambda: sid_text(self.kernel.space, self.raw["Sid"]))

    def _flag(self, bit: int) -> Column:
        attributes = self.raw["Attributes"]
        return Column(attributes.values & bit != 0, attributes.status)


def user_and_groups(tokens: Structs, index: Column) -> Column:
    """Return the pointer to the SID at an index of each token's array; the user's is at 0.

    Null where the array is shorter.
    """
    array = tokens.types.struct("_SID_AND_ATTRIBUTES")
    if array is None:
        return unknown(Reason.NOT_IN_KERNEL, len(tokens))
    count, (places, status) = tokens["UserAndGroupCount"], known_pointers(tokens["UserAndGroups"])
    reasons = worst(index.statuses, count.statuses, status)
    at = places + index.values.astype(np.uint64) * np.uint64(array.size)
    column = Column(at, reasons)
    column = column.but(column.known & (index.values >= count.values), Reason.NULL)
    return tokens.at(column, array)["Sid"]
