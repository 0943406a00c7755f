"""Network endpoints of tcpip.sys, as columns, and whether what has their tag is one.

TcpE (in some builds TTcb) are connections, TcpL ports at which they are listened for, UdpA ports
for datagrams. Each leads to the protocol's family, to its process, and over several pointers to its
addresses.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Column, Text, distinct, is_among, unknown
from memq.errors import Reason
from memq.os.common import joined_text, known_pointers
from memq.os.windows.processes import PROCESS_OBJECT
from memq.os.windows.undocumented import POINTER, layout, structs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs
    from memq.symbols.types import StructType

    Mask = NDArray[np.bool_]

TAGS = ("TcpE", "TTcb", "TcpL", "UdpA")
LISTENER, DATAGRAMS = TAGS.index("TcpL"), TAGS.index("UdpA")
STATES = (
    "CLOSED", "LISTENING", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2",
    "CLOSE_WAIT", "CLOSING", "LAST_ACK", "", "", "TIME_WAIT", "DELETE_TCB",
)  # fmt: skip
"""By their numbers; two numbers stand for none."""
FAMILIES = {2: "v4", 23: "v6"}
"""AF_INET and AF_INET6 in ws2def.h."""
_SIZES = {2: 4, 23: 16}
"""Bytes of an address of each family."""
_LOCKED = 0x80
"""Bit of a dispatcher object's type: somebody holds its lock."""


class Proof(NamedTuple):
    """Which structures are endpoints, and of which all that is asked holds."""

    is_sound: Mask
    is_whole: Mask


class Endpoints:
    """Endpoints with one tag; each column is made when it is asked for."""

    def __init__(
        self, kernel: WindowsKernel, layouts: Mapping[str, StructType], own: Structs
    ) -> None:
        """`own` are the endpoints themselves, which may be read as they lie in memory."""
        self._kernel = kernel
        self._layouts = layouts
        self.own = own

    def __len__(self) -> int:
        return len(self.own)

    @cached_property
    def family(self) -> Column:
        """AF_INET or AF_INET6."""
        return self._at(self._layouts["Family"], self.own["family"])["family"]

    @cached_property
    def owners(self) -> Structs:
        """Whose they are, or were: what is there now may be no process any more."""
        places, status = known_pointers(self.own["owner"])
        found = self._kernel.structs("_EPROCESS", places, status)
        found.check = self.own.check
        return found

    @cached_property
    def owner(self) -> Column:
        """Address of the process; null where there is none, malformed where it is none."""
        kind = self.owners["Pcb.Header.Type"]
        is_process = kind.values & ~_LOCKED == PROCESS_OBJECT
        found = Column(self.owners.addresses, kind.status)
        return found.but(kind.known & ~is_process, Reason.MALFORMED)

    @property
    def state(self) -> Text | None:
        """How far the connection is; None for what is no connection."""
        if not self.own.has("state"):
            return None
        number = self.own["state"]
        codes, words = distinct(STATES)
        inside = is_among(number.values, np.flatnonzero([bool(word) for word in STATES]))
        found = Text(codes[np.where(inside, number.values, 0)], number.status, words)
        return found.but(number.known & ~inside, Reason.MALFORMED)

    def port(self, which: str) -> Column:
        """Return a port, `local_port` or `remote_port`; of one side only the other is null."""
        if not self.own.has(which):
            return unknown(Reason.NULL, len(self))
        raw = self.own[which]
        return Column(raw.values.astype(np.uint16).byteswap().astype(np.int64), raw.status)

    @cached_property
    def local(self) -> Column:
        """Where the bytes of the local address are; null where it is any."""
        if self.own.has("address"):  # of datagrams since 10240 one pointer less
            return self._pointer_at(self.own["address"])
        locals_ = self.own["local"] if self._pairs is None else self._pairs["local"]
        return self._pointer_at(self._at(self._layouts["Local"], locals_)["data"])

    @cached_property
    def remote(self) -> Column:
        """Where the bytes of the address of the other side are; null where there is none."""
        return unknown(Reason.NULL, len(self)) if self._pairs is None else self._pairs["remote"]

    @cached_property
    def _pairs(self) -> Structs | None:
        if not self.own.has("pair"):
            return None
        return self._at(self._layouts["Pair"], self.own["pair"])

    def text(self, places: Column) -> Text:
        """Return addresses as text, by where their bytes are."""
        found, status = known_pointers(places.under(self.family.status))
        parts = [
            (rows, self._texts(found[rows], status[rows], number))
            for number in FAMILIES
            if len(rows := np.flatnonzero(self.family.values == number))
        ]
        whole = joined_text(len(self), parts)
        strange = self.family.known & ~self._is_family
        return whole.but(strange, Reason.MALFORMED).under(self.family.status)

    def anywhere(self) -> Text:
        """Return the address that stands for all of this machine's."""
        words = [str(IPv4Address(0)), str(IPv6Address(0))]
        return Text((self.family.values == 23).astype(np.int64), self.family.status, words)

    def proof(self) -> Proof:
        """Tell which of the structures are endpoints.

        The family says it, and the owner or the addresses; a state has to be one. Of an endpoint
        that was closed the owner may be gone.
        """
        owner = self.owner
        has_owner = owner.known | (owner.statuses == Reason.NULL)
        places = [self.local] if self._pairs is None else [self.local, self.remote]
        can_be_read = np.all([self._readable(one) for one in places], axis=0)
        state = self.state
        in_state = np.ones(len(self), bool) if state is None else state.known
        lost = self.family.statuses > Reason.NULL
        is_one = self._is_family | (lost & owner.known & can_be_read)
        is_sound = self.own["family"].known & is_one & in_state
        return Proof(is_sound & (has_owner | can_be_read), is_sound & owner.known & can_be_read)

    @property
    def _is_family(self) -> Mask:
        return self.family.known & is_among(self.family.values, np.array(list(FAMILIES)))

    def _readable(self, places: Column) -> Mask:
        """Whether there are addresses, or none."""
        found, status = known_pointers(places)
        rows = np.flatnonzero(status == 0)
        _, reasons = self._kernel.space.gather(found[rows], _SIZES[2])
        status[rows] = reasons
        return np.asarray((status == 0) | (status == Reason.NULL))

    def _texts(self, places: Addresses, status: NDArray[np.uint8], family: int) -> Text:
        """Return addresses of one family."""
        size, known = _SIZES[family], np.flatnonzero(status == 0)
        raw = np.zeros((len(places), size), np.uint8)
        status = status.copy()
        raw[known], status[known] = self._kernel.space.gather(places[known], size)
        codes, words = distinct(map(_text_of, map(bytes, raw)))
        return Text(codes, status, words)

    def _pointer_at(self, places: Column) -> Column:
        """Return the pointers that stand at places."""
        return self._at(layout(self._kernel, "pointer", {"to": POINTER}), places)["to"]

    def _at(self, struct: StructType, pointers: Column) -> Structs:
        places, status = known_pointers(pointers)
        found = structs(self._kernel, struct, places, status)
        found.check = self.own.check
        return found


def _text_of(raw: bytes) -> str:
    if len(raw) == _SIZES[2]:
        return str(IPv4Address(raw))
    address = IPv6Address(raw)
    # Python writes these in two ways, by its version.
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}"


def joined_column(length: int, parts: list[tuple[Indexes, Column]]) -> Column:
    """Return one column of numbers made of several: each part is the rows that it fills."""
    values = np.zeros(length, parts[0][1].values.dtype if parts else np.int64)
    status = np.zeros(length, np.uint8)
    for rows, column in parts:
        values[rows], status[rows] = column.values, column.statuses
    return Column(values, status if status.any() else None)
