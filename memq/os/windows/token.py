"""Access tokens: for whom a process acts, and what it may (_TOKEN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, worst
from memq.errors import Reason
from memq.os.common import (
    distinct_addresses,
    joined_cut,
    known_pointers,
    references_to,
    words_by_number,
)
from memq.os.windows.base import WindowsObject
from memq.os.windows.group import Group, user_and_groups
from memq.os.windows.objects import joined_paths
from memq.os.windows.privilege import Privilege
from memq.os.windows.processes import REFERRED, all_processes, each_once, equal_to
from memq.os.windows.sids import known_names, sid_text
from memq.os.windows.strings import unicode_text
from memq.schema.batch import Context, Cut, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, many
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, String
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Addresses

TOKEN_FLAGS = (
    ("TOKEN_HAS_TRAVERSE_PRIVILEGE", 0x1), ("TOKEN_HAS_BACKUP_PRIVILEGE", 0x2),
    ("TOKEN_HAS_RESTORE_PRIVILEGE", 0x4), ("TOKEN_WRITE_RESTRICTED", 0x8),
    ("TOKEN_IS_RESTRICTED", 0x10), ("TOKEN_SESSION_NOT_REFERENCED", 0x20),
    ("TOKEN_SANDBOX_INERT", 0x40), ("TOKEN_HAS_IMPERSONATE_PRIVILEGE", 0x80),
    ("TOKEN_BACKUP_PRIVILEGES_CHECKED", 0x100), ("TOKEN_VIRTUALIZE_ALLOWED", 0x200),
    ("TOKEN_VIRTUALIZE_ENABLED", 0x400), ("TOKEN_IS_FILTERED", 0x800),
    ("TOKEN_UIACCESS", 0x1000), ("TOKEN_NOT_LOW", 0x2000), ("TOKEN_LOWBOX", 0x4000),
    ("TOKEN_HAS_OWN_CLAIM_ATTRIBUTES", 0x8000), ("TOKEN_PRIVATE_NAMESPACE", 0x1_0000),
    ("TOKEN_NO_CHILD_PROCESS", 0x8_0000), ("TOKEN_NO_CHILD_PROCESS_UNLESS_SECURE", 0x10_0000),
    ("TOKEN_AUDIT_NO_CHILD_PROCESS", 0x20_0000),
)  # fmt: skip
"""ntifs.h; from 6000 on."""
TOKEN_IS_FILTERED = 0x800
TYPES = ("primary", "impersonation")
"""TOKEN_TYPE, from 1 on."""
IMPERSONATION_LEVELS = ("anonymous", "identification", "impersonation", "delegation")
"""SECURITY_IMPERSONATION_LEVEL, from 0 on."""
INTEGRITY = {
    0x0000: "untrusted", 0x1000: "low", 0x2000: "medium", 0x2100: "medium plus",
    0x3000: "high", 0x4000: "system", 0x5000: "protected process",
}  # fmt: skip
"""SECURITY_MANDATORY_..._RID in winnt.h."""
HIGH = 0x3000
ELEVATIONS = ("default", "full", "limited")
_NO_INDEX = 0xFFFF_FFFF


class Token(
    WindowsObject,
    name="token",
    principal="token_object",
    example="token.Where(is_elevated).Select([user, integrity, account, processes.Count()])",
):
    """An access token."""

    struct = "_TOKEN"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the tokens of all processes that lists and tables know, each once."""
        known = all_processes(context.kernel, context.run)
        places, status = known_pointers(_references(context, known.addresses))
        lost = status[status > Reason.NULL]
        cuts = [known.cut]
        if len(lost):
            reason = Reason(int(lost[0]))
            cuts.append(Cut(reason, f"tokens of {len(lost)} processes not read: {reason.text}"))
        batch = cls(context, {"address": each_once(places[status == 0])})
        yield Portion(batch, joined_cut(cuts))

    @classmethod
    def of_processes(cls, context: Context, processes: Addresses) -> Reference:
        """Return the token of each process."""
        pointers = _references(context, processes)
        return references_to(pointers, lambda found: cls(context, {"address": found}))

    @field(shown=True)
    def address(self) -> Address:
        """Address of the kernel's structure (_TOKEN); processes with one address share it."""
        return self.address_column()

    @field(Cost.FOLLOW, shown=True)
    def user(self) -> String:
        """SID of the user."""
        return self.user_sids

    @field(Cost.FOLLOW)
    def user_name(self) -> Name:
        """Name of the user, where it is one that every system has."""
        return known_names(self.user_sids)

    @field(Cost.FOLLOW, shown=True)
    def account(self) -> Name:
        """Domain and account of the logon session."""
        # AuthorityName, AccountName: since 6000
        session = self.raw.follow("LogonSession", "_SEP_LOGON_SESSION_REFERENCES")
        space = self.kernel.space
        domains = unicode_text(space, session, "AuthorityName")
        return joined_paths(domains, unicode_text(space, session, "AccountName"))

    @field(Cost.FOLLOW, shown=True)
    def integrity(self) -> String:
        """Integrity level in words; its number where it has no name."""
        level = self.level
        numbers, index = distinct_addresses(level.values)
        words = [INTEGRITY.get(number, f"{number:#x}") for number in numbers.tolist()]
        return Text(index, level.status, words)

    @field(Cost.FOLLOW)
    def integrity_level(self) -> Number:
        """Integrity level as a number: medium is 0x2000, high 0x3000."""
        return self.level

    @field(Cost.FOLLOW)
    def is_elevated(self) -> Boolean:
        """Whether its integrity is high or above, as an administrator's is after consent."""
        return Column(self.level.values >= HIGH, self.level.status)

    @field(Cost.FOLLOW, choices=ELEVATIONS)
    def elevation(self) -> String:
        """Which half of a split logon it is: full, limited, or default where none was split."""
        # BuddyLogonId: since 6000
        session = self.raw.follow("LogonSession", "_SEP_LOGON_SESSION_REFERENCES")
        low, high = session["BuddyLogonId.LowPart"], session["BuddyLogonId.HighPart"]
        flags = self.raw["TokenFlags"]
        is_limited = flags.values & TOKEN_IS_FILTERED != 0
        is_split = (low.values != 0) | (high.values != 0)
        words = np.where(is_split, np.where(is_limited, 2, 1), 0)
        return Text(words, worst(low.status, flags.status), ELEVATIONS)

    @field(names=TOKEN_FLAGS)
    def flags(self) -> Flags:
        """Flags of the token (TokenFlags)."""
        return self.raw["TokenFlags"]

    @field()
    def session_id(self) -> Number:
        """Number of the session."""
        return self.raw["SessionId"]

    @field()
    def token_id(self) -> Number:
        """Number of the token (a LUID)."""
        return self._luid("TokenId")

    @field()
    def logon_session(self) -> Number:
        """Number of the logon session (AuthenticationId): 999 is the system's."""
        return self._luid("AuthenticationId")

    @field(choices=TYPES)
    def token_type(self) -> String:
        """Whether it is a process's own or one to act for a client."""
        return words_by_number(self.raw["TokenType"], TYPES, first=1)

    @field(choices=IMPERSONATION_LEVELS)
    def impersonation_level(self) -> String:
        """How far a server may act for the client; null for the token of a process."""
        kind = self.raw["TokenType"]
        level = words_by_number(self.raw["ImpersonationLevel"], IMPERSONATION_LEVELS)
        return level.but(kind.known & (kind.values == 1), Reason.NULL).also(kind.status)

    @field()
    def source_name(self) -> String:
        """Who made it: User32, *SYSTEM*, Advapi and so on."""
        return self.raw.text("TokenSource.SourceName").map(str.rstrip)

    @many("group")
    def group_object(self) -> Collection:
        """The groups of the user, with those that restrict the token and its capabilities."""
        return Group.of(self, self.raw)

    @many("privilege")
    def privilege_object(self) -> Collection:
        """The privileges that it holds, by number."""
        return Privilege.of(self, self.raw)

    @many("process")
    def processes(self) -> Collection:
        """The known processes that it is the token of: more than one, and one has taken it over."""
        from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - it has tokens itself

        known = all_processes(self.kernel, self.context.run)
        pointers, status = known_pointers(_references(self.context, known.addresses))
        order = np.argsort(pointers, kind="stable")
        rows, owner = equal_to(pointers[order], self.rows["address"])
        found = ProcessObject.at(self.context, known.addresses[order[rows]], REFERRED)
        cuts = Cuts(len(self))
        lost = (
            [known.cut.reason] if known.cut is not None else status[status > Reason.NULL].tolist()
        )
        if lost:
            cuts.mark(np.arange(len(self)), Reason(lost[0]))
        return Collection(found, owner, len(self), *cuts.columns())

    @property
    def user_sids(self) -> Text:
        """SIDs of the users."""
        return self.kept("user_sids", lambda: self._sid(Column(np.zeros(len(self), np.int64))))

    @property
    def level(self) -> Column:
        """Numbers of the integrity levels: the last parts of their SIDs."""
        return self.kept("level", self._level)

    def _level(self) -> Column:
        # IntegrityLevelIndex: since 6000
        index = self.raw["IntegrityLevelIndex"]
        sids = self._sid(index.but(index.known & (index.values == _NO_INDEX), Reason.NULL))
        levels = np.array([int(sid.rpartition("-")[2] or 0) for sid in sids.words], np.int64)
        return Column(levels[sids.values], sids.status)

    def _sid(self, index: Column) -> Text:
        """Return one of the SIDs that each token has for its user and groups."""
        return sid_text(self.kernel.space, user_and_groups(self.raw, index))

    def _luid(self, member: str) -> Column:
        low, high = self.raw[f"{member}.LowPart"], self.raw[f"{member}.HighPart"]
        return Column(low.values | high.values << 32, worst(low.status, high.status))


def _references(context: Context, processes: Addresses) -> Column:
    """Return the pointers to the tokens of processes (EPROCESS.Token, an _EX_FAST_REF)."""
    data, status = context.kernel.structs("_EPROCESS", processes).bytes_of("Token")
    if not data.shape[1]:
        return Column(np.zeros(len(processes), np.uint64), status)
    words = data.view(f"<u{data.shape[1]}")[:, 0].astype(np.uint64)
    # The lowest bits count uses that were taken in advance.
    return Column(words & ~np.uint64(2 * data.shape[1] - 1), status)
