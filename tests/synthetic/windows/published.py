"""Layouts of drivers' and programs' structures for the builder, out of memq's table of them.

That the table itself is right, tests/peers hold to volatility3's files.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from memq.os.windows.published import published
from tests.synthetic.memory import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.types import StructType

TCPIP = {
    "TcpE": ("_TCP_ENDPOINT", {
        "family": "InetAF", "pair": "AddrInfo", "state": "State", "local_port": "LocalPort",
        "remote_port": "RemotePort", "owner": "Owner", "created": "CreateTime",
    }),
    "TcpL": ("_TCP_LISTENER", {
        "family": "InetAF", "local": "LocalAddr", "local_port": "Port", "owner": "Owner",
        "created": "CreateTime",
    }),
    "UdpA": ("_UDP_ENDPOINT", {
        "family": "InetAF", "local": "LocalAddr", "address": "LocalAddr", "local_port": "Port",
        "owner": "Owner", "created": "CreateTime",
    }),
    "Pair": ("_ADDRINFO", {"local": "Local", "remote": "Remote"}),
    "Local": ("_LOCAL_ADDRESS", {"data": "pData"}),
    "Family": ("_INETAF", {"family": "AddressFamily"}),
}  # fmt: skip
"""volatility3's names of the structures and members, by memq's."""
SERVICES = {
    "Header": ("_SERVICE_HEADER", {"record": "ServiceRecord"}),
    "Record": ("_SERVICE_RECORD", {
        "previous": "PrevEntry", "name": "ServiceName", "display_name": "DisplayName",
        "order": "Order", "type": "Type", "state": "State", "start": "Start",
        "driver": "DriverName", "process": "ServiceProcess",
    }),
    "Process": ("_SERVICE_PROCESS", {"path": "BinaryPath", "number": "ProcessId"}),
}  # fmt: skip
ONE_POINTER_LESS = "_LOCAL_ADDRESS_WIN10_UDP"


def layouts_of(build: int, *, is_64_bit: bool, table: str) -> dict[str, list[StructType]]:
    """Return what memq's table says of a build."""
    word = 8 if is_64_bit else 4
    kernel = SimpleNamespace(
        build=build,
        is_64_bit=is_64_bit,
        image=SimpleNamespace(machine=0),
        space=SimpleNamespace(word_size=word),
    )
    return published(cast("WindowsKernel", kernel), table)


def network_layouts(build: int, *, is_64_bit: bool, variant: int = 0) -> dict[str, Layout]:
    """Return the layouts of tcpip.sys; of those that a build has several of, the last up to one."""
    known = layouts_of(build, is_64_bit=is_64_bit, table="endpoints.txt")
    found = {}
    for name, (struct, members) in TCPIP.items():
        own = known[name][min(variant, len(known[name]) - 1)]
        found[struct] = _layout(own, members)
        if own.has("address"):
            found[ONE_POINTER_LESS] = Layout(0, {})
    return found


def published_layouts(build: int, *, is_64_bit: bool) -> dict[str, Layout]:
    """Return all that are known of a build: those of services.exe, and of some of tcpip.sys."""
    own = service_layouts(build, is_64_bit=is_64_bit)
    if "TcpE" not in layouts_of(build, is_64_bit=is_64_bit, table="endpoints.txt"):
        return own
    return {**own, **network_layouts(build, is_64_bit=is_64_bit)}


def service_layouts(build: int, *, is_64_bit: bool) -> dict[str, Layout]:
    """Return the layouts of services.exe."""
    known = layouts_of(build, is_64_bit=is_64_bit, table="service-records.txt")
    return {
        struct: _layout(known[name][0], members) for name, (struct, members) in SERVICES.items()
    }


def _layout(struct: StructType, names: Mapping[str, str]) -> Layout:
    members = struct.members.values()
    places = {names[member.name]: (member.offset, member.size) for member in members}
    return Layout(struct.size, places)
