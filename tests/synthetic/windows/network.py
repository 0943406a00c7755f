"""Endpoints of tcpip.sys in its pools; the caller says how they are laid out.

No symbol table has these structures, and they differ between builds. `layouts` gives them by
volatility3's names for them (`_TCP_ENDPOINT`, `_TCP_LISTENER`, `_UDP_ENDPOINT`, `_ADDRINFO`,
`_LOCAL_ADDRESS`, `_INETAF`), each with a place for every member.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.truth import EndpointTruth, Hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tests.synthetic.memory import Layout
    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.process import Process

FAMILIES = {4: 2, 6: 0x17}
"""AF_INET and AF_INET6 by the version of the protocol."""
STATES = (
    "CLOSED", "LISTENING", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2",
    "CLOSE_WAIT", "CLOSING", "LAST_ACK", "_", "_", "TIME_WAIT", "DELETE_TCB",
)  # fmt: skip
"""States of a connection, by their numbers."""


@dataclass
class Network:
    """Opens endpoints for processes."""

    kernel: Kernel
    layouts: Mapping[str, Layout]

    def connection(
        self,
        process: Process,
        local: tuple[str, int],
        remote: tuple[str, int],
        *,
        state: str = "ESTABLISHED",
        created: datetime | None = None,
    ) -> int:
        """Add a TCP connection; return its endpoint's address."""
        here, there = ip_address(local[0]), ip_address(remote[0])
        info = self._new("_ADDRINFO", "TcpI")
        self._set("_ADDRINFO", info, "Local", self._local(here))
        self._set("_ADDRINFO", info, "Remote", self._bytes(there.packed))
        numbers = {"AddrInfo": info, "State": STATES.index(state)}
        ports = {"LocalPort": local[1], "RemotePort": remote[1]}
        at = self._endpoint("_TCP_ENDPOINT", "TcpE", process, here, created, numbers, ports)
        self._note("TCP", at, process, local, remote, state, created)
        return at

    def listener(
        self, process: Process, local: tuple[str, int], *, created: datetime | None = None
    ) -> int:
        """Add a TCP port that is listened at."""
        here = ip_address(local[0])
        numbers, ports = {"LocalAddr": self._local(here)}, {"Port": local[1]}
        at = self._endpoint("_TCP_LISTENER", "TcpL", process, here, created, numbers, ports)
        self._note("TCP", at, process, local, None, "LISTENING", created)
        return at

    def datagrams(
        self, process: Process, local: tuple[str, int], *, created: datetime | None = None
    ) -> int:
        """Add a UDP port."""
        here = ip_address(local[0])
        is_new = "_LOCAL_ADDRESS_WIN10_UDP" in self.layouts  # one pointer less since 15063
        address = self._pointer_to(self._bytes(here.packed)) if is_new else self._local(here)
        numbers, ports = {"LocalAddr": address}, {"Port": local[1]}
        at = self._endpoint("_UDP_ENDPOINT", "UdpA", process, here, created, numbers, ports)
        self._note("UDP", at, process, local, None, None, created)
        return at

    def _endpoint(
        self, struct: str, tag: str, process: Process, address: IPv4Address | IPv6Address,
        created: datetime | None, numbers: Mapping[str, int], ports: Mapping[str, int],
    ) -> int:  # fmt: skip
        at = self._new(struct, tag)
        family = self._new("_INETAF", "InAF")
        self._set("_INETAF", family, "AddressFamily", FAMILIES[address.version])
        created = process.truth.create_time if created is None else created
        common = {
            "InetAF": family,
            "Owner": process.record.address,
            "CreateTime": filetime(created),
        }
        for member, value in {**numbers, **common}.items():
            self._set(struct, at, member, value)
        for member, port in ports.items():
            self._set(struct, at, member, int.from_bytes(port.to_bytes(2, "big"), "little"))
        return at

    def _new(self, struct: str, tag: str) -> int:
        layout = self.layouts[struct]
        end = max(offset + size for offset, size in layout.members.values())
        return self.kernel.nonpaged.allocate(max(layout.size, end), tag)

    def _set(self, struct: str, at: int, member: str, value: int) -> None:
        offset, size = self.layouts[struct].members[member]
        self.kernel.space.write(at + offset, value.to_bytes(size, "little"))

    def _bytes(self, data: bytes) -> int:
        at = self.kernel.nonpaged.allocate(len(data), "InAd")
        self.kernel.space.write(at, data)
        return at

    def _pointer_to(self, address: int) -> int:
        at = self.kernel.nonpaged.allocate(self.kernel.word, "InAd")
        self.kernel.space.pointer(at, address)
        return at

    def _local(self, address: IPv4Address | IPv6Address) -> int:
        at = self._new("_LOCAL_ADDRESS", "InLA")
        self._set("_LOCAL_ADDRESS", at, "pData", self._pointer_to(self._bytes(address.packed)))
        return at

    def _note(
        self, protocol: str, at: int, process: Process, local: tuple[str, int],
        remote: tuple[str, int] | None, state: str | None, created: datetime | None,
    ) -> None:  # fmt: skip
        version = "v6" if ":" in local[0] else "v4"
        time = process.truth.create_time if created is None else created
        pid = process.truth.pid
        truth = EndpointTruth(Hex(at), protocol + version, pid, local, remote, state, time)
        self.kernel.truth.endpoints.append(truth)
