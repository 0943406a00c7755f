"""Network endpoints in built images: every layout that is known, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.image import Image, open_image
from memq.run import Run
from tests.synthetic.windows.isf import table_of, with_symbols
from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.network import Network
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.published import network_layouts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memq.symbols.tables import ImageTable
    from tests.lab import Lab
    from tests.synthetic.memory import Layout
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.truth import EndpointTruth

    Fill = Callable[[Network, Process], object]

TABLES = {
    "x64": {0: "ntkrnlmp-6.1.7601.24540", 9000: "ntkrnlmp-6.3.9600.20237",
            10000: "ntkrnlmp-10.0.18362.295"},
    "pae": {0: "types-only-vergilius-6.1.7601.17514-x86"},
}  # fmt: skip
"""Tables by the first build: of the kernel only what its version is differs within these tests."""
KNOWN = (
    (7601, "x64", 0), (9600, "x64", 0), (9600, "x64", 1), (10240, "x64", 0), (18362, "x64", 0),
    (18362, "x64", 1), (20348, "x64", 0), (6001, "pae", 0), (10586, "pae", 0),
)  # fmt: skip
"""Builds, paging, and which of several layouts: one of each way to an address."""
FIELDS = (
    "{at: address, protocol: protocol, local: {address: local_address, port: local_port}, "
    "remote: {address: remote_address, port: remote_port}, state: state, pid: process_id, "
    "owner: process.pid, name: process_name, created: create_time}"
)


class Maker:
    """Builds images with endpoints and opens them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._tables: dict[Path, ImageTable] = {}
        self.truth: list[EndpointTruth] = []

    def image(
        self, build: int, paging: str, fill: Fill, layouts: dict[str, Layout] | None = None
    ) -> Image:
        """Return an image whose endpoints are what `fill` makes."""
        path, table = self._table(build, paging)
        machine = Machine(table, Options(build=build, paging=paging))
        process = machine.process(1234, "browser.exe")
        if layouts is None:
            layouts = network_layouts(build, is_64_bit=paging == "x64")
        fill(Network(machine.kernel, layouts), process)
        image, raw = machine.finish(), self._folder / "memory.raw"
        self.truth = image.truth.endpoints
        image.save_raw(raw)
        if not machine.kernel.image.has_table:
            path = with_symbols(path, image.rvas, self._folder / "table.json")
        root, base = image.dtb, image.kernel_base
        return open_image(raw, profile=path, directory_table_base=root, kernel_base=base)

    def _table(self, build: int, paging: str) -> tuple[Path, ImageTable]:
        names = TABLES[paging]
        prefix = names[max(first for first in names if first <= build)]
        paths = sorted((self._lab.folder / "windows" / "isf").glob(f"{prefix}*"))
        if not paths:
            pytest.skip(f"the lab has no symbol table {prefix}")
        if paths[0] not in self._tables:
            self._tables[paths[0]] = table_of(paths[0])
        return paths[0], self._tables[paths[0]]


@pytest.fixture(scope="module")
def maker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(lab, tmp_path_factory.mktemp("sockets"))


def some(network: Network, process: Process) -> None:
    """Open one endpoint of each sort."""
    network.connection(process, ("10.0.0.5", 49812), ("203.0.113.7", 443))
    network.connection(process, ("fe80::5", 50000), ("2001:db8::1", 80), state="CLOSE_WAIT")
    network.connection(process, ("10.0.0.5", 1), ("198.51.100.9", 65535), state="TIME_WAIT")
    network.listener(process, ("10.0.0.5", 445))
    network.listener(process, ("::1", 8080))
    network.datagrams(process, ("10.0.0.5", 5353))
    network.datagrams(process, ("fe80::5", 5355))


def rows(image: Image) -> list[dict[str, Any]]:
    return list(image.query(f"socket.Select({FIELDS})").rows())


def expected(one: EndpointTruth) -> dict[str, Any]:
    address, port = one.remote or (None, None)
    return {
        "at": hex(one.offset), "protocol": one.protocol,
        "local": {"address": one.local[0], "port": one.local[1]},
        "remote": {"address": address, "port": port}, "state": one.state, "pid": one.pid,
        "owner": one.pid, "name": "browser.exe",
    }  # fmt: skip


@pytest.mark.parametrize(("build", "paging", "variant"), KNOWN)
def test_layouts_of_builds(maker: Maker, build: int, paging: str, variant: int) -> None:
    layouts = network_layouts(build, is_64_bit=paging == "x64", variant=variant)
    with maker.image(build, paging, some, layouts) as image:
        found = rows(image)
    assert all(row.pop("created") is not None for row in found)
    wanted = [expected(one) for one in maker.truth]
    assert len(found) == 7
    assert sorted(found, key=str) == sorted(wanted, key=str)


def poke(network: Network, place: tuple[str, int], member: str, value: int) -> None:
    """Write a member of the structure at an address."""
    struct, at = place
    offset, size = network.layouts[struct].members[member]
    network.kernel.space.write(at + offset, value.to_bytes(size, "little"))


def test_sockets_of_processes(maker: Maker) -> None:
    with maker.image(19041, "x64", some) as image:
        query = "process.Select({pid: pid, ports: socket.Select(local_port)})"
        found = {row["pid"]: row["ports"] for row in image.query(query).rows()}
    assert found == {4: [], 1234: [49812, 50000, 1, 445, 8080, 5353, 5355]}


@pytest.mark.parametrize("build", [7601, 19041])
def test_any_address(maker: Maker, build: int) -> None:
    def fill(network: Network, process: Process) -> None:
        listener = "_TCP_LISTENER", network.listener(process, ("::1", 80))
        datagrams = "_UDP_ENDPOINT", network.datagrams(process, ("10.0.0.5", 53))
        for place in (listener, datagrams):
            poke(network, place, "LocalAddr", 0)

    with maker.image(build, "x64", fill) as image:
        query = "socket.Select([protocol, local_address, is_listening])"
        found = [list(row.values()) for row in image.query(query).rows()]
    assert found == [["TCPv6", "::", True], ["UDPv4", "0.0.0.0", False]]


def test_what_is_no_endpoint_is_left_out(maker: Maker) -> None:
    def fill(network: Network, process: Process) -> None:
        there = ("203.0.113.7", 443)
        good = network.connection(process, ("10.0.0.5", 1), there)
        family = network.kernel.space.read(
            good + network.layouts["_TCP_ENDPOINT"].members["InetAF"][0], 8
        )
        odd = "_TCP_ENDPOINT", network.connection(process, ("10.0.0.5", 2), there)
        poke(network, odd, "State", 10)
        null = "_TCP_ENDPOINT", network.connection(process, ("10.0.0.5", 3), there)
        poke(network, null, "InetAF", 0)
        strange = "_UDP_ENDPOINT", network.datagrams(process, ("10.0.0.5", 4))
        poke(network, strange, "InetAF", int.from_bytes(family, "little") + 2)
        lost = "_TCP_LISTENER", network.listener(process, ("10.0.0.5", 5))
        poke(network, lost, "Owner", process.record.address + 8)
        poke(network, lost, "LocalAddr", 0x1234)
        network.kernel.nonpaged.allocate(0x40, "TcpE")  # too small for one

    with maker.image(19041, "x64", fill) as image:
        assert column(image, "local_port") == [1]


def column(image: Image, name: str) -> list[Any]:
    return list(image.query(f"socket.Select({name})").rows())


def test_what_is_gone_is_unknown(maker: Maker) -> None:
    def fill(network: Network, process: Process) -> None:
        ended = "_TCP_ENDPOINT", network.connection(process, ("10.0.0.5", 1), ("10.0.0.9", 80))
        poke(network, ended, "Owner", process.record.address + 8)
        early = "_TCP_ENDPOINT", network.connection(process, ("10.0.0.5", 2), ("10.0.0.9", 80))
        poke(network, early, "AddrInfo", 0xFFFF_8000_0000_1230)
        poke(network, early, "CreateTime", 5)

    with maker.image(19041, "x64", fill) as image:
        found = list(
            image.query(
                "socket.Select({port: local_port, pid: process_id, name: process_name, "
                "there: remote_address, here: local_address, at: create_time})"
            ).rows()
        )
    first, second = found
    assert (first["pid"], first["there"], first["here"]) == (None, "10.0.0.9", "10.0.0.5")
    assert first["_unknown"] == {"pid": "malformed data", "name": "malformed data"}
    assert (second["pid"], second["name"]) == (1234, "browser.exe")
    assert set(second["_unknown"]) == {"there", "here", "at"}


def test_builds_without_layouts_say_so(maker: Maker) -> None:
    layouts = network_layouts(20348, is_64_bit=True)
    run = Run()
    with maker.image(22000, "x64", some, layouts) as image:
        assert not list(image.query("socket.Select([address])", run).rows())
    assert any("no layouts of tcpip.sys on x64, build 22000" in note for note in run.notes)
