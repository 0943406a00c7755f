"""Network endpoints of tcpip.sys: TCP connections and listeners, UDP ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, constant, is_among
from memq.errors import Reason
from memq.os.common import joined_text
from memq.os.windows import pool_scan
from memq.os.windows.base import WindowsObject
from memq.os.windows.endpoint_search import FoundEndpoints, found_endpoints
from memq.os.windows.endpoints import (
    DATAGRAMS,
    FAMILIES,
    LISTENER,
    STATES,
    TAGS,
    Endpoints,
    joined_column,
)
from memq.os.windows.processes import equal_to
from memq.os.windows.times import EPOCH, time_column
from memq.os.windows.undocumented import structs
from memq.schema.batch import Context, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Name, Number, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.column import Addresses, Indexes

PROTOCOLS = tuple(f"{kind}{family}" for kind in ("TCP", "UDP") for family in FAMILIES.values())
_LISTENING = "LISTENING"


class Socket(
    WindowsObject,
    name="socket",
    principal="socket_object",
    example='socket.Where(state == "ESTABLISHED").Select([remote_address, process.name])',
):
    """A network endpoint, found by a search of all memory; it may be closed already.

    One for IPv6 that also serves IPv4 is one element, as an IPv6 one.
    """

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give connections, then listeners, then ports for datagrams, each by address."""
        found = found_endpoints(context.kernel, context.run)
        yield Portion(cls.at(context, found, np.arange(len(found.addresses))), found.cut)

    @classmethod
    def at(cls, context: Context, found: FoundEndpoints, index: Indexes) -> Socket:
        """Return some of the endpoints that were found."""
        return cls(context, {"address": found.addresses[index], "tag": found.tags[index]})

    @classmethod
    def of_processes(cls, context: Context, processes: Addresses) -> Collection:
        """Return the endpoints of processes, by the addresses of those."""
        found = found_endpoints(context.kernel, context.run)
        everyone = cls.at(context, found, np.arange(len(found.addresses)))
        owner = everyone.owner
        rows = np.flatnonzero(owner.known)
        order = rows[np.argsort(owner.values[rows], kind="stable")]
        places, parents = equal_to(owner.values[order], processes)
        cuts = Cuts(len(processes))
        if found.cut is not None:
            cuts.mark(np.arange(len(processes)), found.cut.reason)
        children = cls.at(context, found, order[places])
        return Collection(children, parents, len(processes), *cuts.columns())

    @field(Cost.FOLLOW, shown=True, choices=PROTOCOLS)
    def protocol(self) -> String:
        """TCPv4, TCPv6, UDPv4 or UDPv6."""
        family = self._number(lambda part: part.family)
        numbers = np.array(list(FAMILIES))
        is_udp = self.rows["tag"] == DATAGRAMS
        place = np.searchsorted(numbers, family.values)
        inside = is_among(family.values, numbers)
        codes = np.where(inside, place, 0) + np.where(is_udp, len(numbers), 0)
        return Text(codes, family.status, PROTOCOLS).but(family.known & ~inside, Reason.MALFORMED)

    @field(Cost.FOLLOW, shown=True)
    def local_address(self) -> String:
        """Address on this machine; 0.0.0.0 or :: where it listens at all of them."""
        found = self._text(lambda part: part.text(part.local))
        any_ = self._text(lambda part: part.anywhere())
        is_any = (found.statuses == Reason.NULL) & (self.rows["tag"] >= LISTENER)
        rows, others = np.flatnonzero(is_any), np.flatnonzero(~is_any)
        return joined_text(len(self), [(rows, any_.take(rows)), (others, found.take(others))])

    @field(shown=True)
    def local_port(self) -> Number:
        """Port on this machine."""
        return self._number(lambda part: part.port("local_port"))

    @field(Cost.FOLLOW, shown=True)
    def remote_address(self) -> String:
        """Address of the other side; null for what is no connection."""
        return self._text(lambda part: part.text(part.remote))

    @field(shown=True)
    def remote_port(self) -> Number:
        """Port of the other side; null for what is no connection."""
        return self._number(lambda part: part.port("remote_port"))

    @field(shown=True, choices=tuple(word for word in STATES if word))
    def state(self) -> String:
        """How far the connection is; null for UDP, which knows no connections."""
        return self._text(self._state_of)

    @field()
    def is_listening(self) -> Boolean:
        """Whether it waits for connections from others."""
        state = self.column("state")
        assert isinstance(state, Text)  # noqa: S101 - as it is declared
        found = state.test(lambda word: word == _LISTENING)
        is_null = found.statuses == Reason.NULL
        return Column(found.values & ~is_null, np.where(is_null, np.uint8(0), found.statuses))

    @field(Cost.FOLLOW, shown=True)
    def process_id(self) -> Number:
        """Number of the process that opened it; null where none did."""
        numbers = self._number(lambda part: part.owners["UniqueProcessId"])
        return Column(numbers.values.astype(np.int64), self.owner.also(numbers.status).status)

    @field(Cost.FOLLOW, shown=True)
    def process_name(self) -> Name:
        """Name of the process that opened it; null where none did."""
        return self._text(lambda part: part.owners.text("ImageFileName")).under(self.owner.status)

    @single("process")
    def process(self) -> Reference:
        """The process that opened it; null where none did."""
        from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - it has sockets

        return ProcessObject.referred(self.context, self.owner)

    @field()
    def create_time(self) -> Time:
        """When it was opened, in UTC; of connections no build before 10 keeps that reliably."""
        raw = self._number(lambda part: part.own["created"])
        is_early = (raw.values != 0) & (raw.values.astype(np.uint64) < np.uint64(EPOCH))
        return time_column(raw).but(raw.known & is_early, Reason.MALFORMED)

    @field()
    def address(self) -> Address:
        """Address of the structure of tcpip.sys."""
        return self.address_column()

    @field()
    def sources(self) -> String:
        """What leads to it: pool scan, as tcpip.sys's own lists are not known."""
        found = constant(pool_scan.SOURCE, len(self))
        assert isinstance(found, Text)  # noqa: S101 - that of a string is one
        return found

    @property
    def owner(self) -> Column:
        """Addresses of the processes that opened them."""
        return self.kept("owner", lambda: self._number(lambda part: part.owner))

    @property
    def _parts(self) -> list[tuple[Indexes, Endpoints]]:
        """The endpoints by their tags."""
        layouts = found_endpoints(self.kernel, self.context.run).layouts
        parts = []
        for number, tag in enumerate(TAGS):
            rows = np.flatnonzero(self.rows["tag"] == number)
            if len(rows):
                own = structs(self.kernel, layouts[tag], self.rows["address"][rows])
                own.check = self.context.check
                parts.append((rows, Endpoints(self.kernel, layouts, own)))
        return parts

    def _number(self, read: Callable[[Endpoints], Column]) -> Column:
        return joined_column(len(self), [(rows, read(part)) for rows, part in self._parts])

    def _text(self, read: Callable[[Endpoints], Text]) -> Text:
        return joined_text(len(self), [(rows, read(part)) for rows, part in self._parts])

    def _state_of(self, part: Endpoints) -> Text:
        found = part.state
        if found is not None:
            return found
        is_tcp = part.own.type is not None and part.own.type.name == TAGS[LISTENER]
        known = constant(_LISTENING if is_tcp else None, len(part))
        return known if isinstance(known, Text) else Text(known.values, known.status, ("",))
