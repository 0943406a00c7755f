"""Where a guest's record and its dump are known to differ, one by one, each with its reason.

A guest goes on living for some seconds between the moment that it writes down and the moment that
it is paused. What is listed here and does not occur fails the tests, as does what occurs and is not
listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.truth.compare import Changed, Difference, Only
from tests.truth.record import Near

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.truth.record import Row

COLLECTOR = "the process that wrote the record ended before the dump"
UDEV_WORKER = "udevd started it when the collector closed its disk"
PIDFD = "udevd's hold on the worker that it started after the record"
CONSOLE = "after the record the shell that ran the scenario reads the second serial port"
KEPT_INPUT = "where the shell keeps its standard input meanwhile, closed on exec"
DISK = "the collector had its disk open while it wrote the record"
SOCKET_LIST = "`ss` loaded it, which the collector ran after it had read /proc/modules"
WOKEN = "it ran at the moment of the pause"
WENT_TO_SLEEP = "it ran while the record was written, and was idle at the pause"
LATER = {
    "dump_time": Near(1_795_286_748_500_000_000, 500_000_000),
    "uptime": Near(79_000_000_000, 500_000_000),
}
"""When the module wrote its dump: some eight seconds after the pause in which the others were."""
LOCKED_UP = "its log tells of soft lockups, half a minute after this was written down"
UNLINKED = "the rootkit took it off the task list"
LOADING = "this module itself takes the dump while it is being loaded"

_DIAG = ("af_packet_diag", "inet_diag", "raw_diag", "tcp_diag", "udp_diag", "unix_diag")


@dataclass(frozen=True)
class Known:
    """What is known to differ, by object."""

    processes: tuple[Difference, ...] = ()
    vads: tuple[Difference, ...] = ()
    handles: tuple[Difference, ...] = ()
    drivers: tuple[Difference, ...] = ()
    kernels: tuple[Difference, ...] = ()


def _collector(pid: int, process: Known) -> Known:
    """Add what the collecting process's end makes different in every guest."""
    return Known(
        (Only("record", (pid,), COLLECTOR), *process.processes),
        (Only("record", (pid,), COLLECTOR, rows=68), *process.vads),
        (Only("record", (pid,), COLLECTOR, rows=5), *process.handles),
        process.drivers,
        process.kernels,
    )


def _disk_and_sockets(references: int = 1) -> tuple[Difference, ...]:
    """Modules whose use or presence the collector's own work changed."""
    return (
        *(Only("dump", (name,), SOCKET_LIST) for name in _DIAG),
        Changed(("virtio_blk",), {"references": references}, DISK),
    )


def _worker(pid: int, udevd: int, shell: int, console: Row, *others: Difference) -> Known:
    """Three guests were paused while udevd's worker lived and the shell read from its console."""
    return Known(
        processes=(Only("dump", (pid,), UDEV_WORKER, like={"parent_process_id": udevd}), *others),
        vads=(Only("dump", (pid,), UDEV_WORKER, rows=77),),
        handles=(
            Only("dump", (pid,), UDEV_WORKER, rows=14),
            Only("dump", (udevd, 13), PIDFD, like={"name": "anon_inode:[pidfd]"}),
            Only("dump", (shell, 10), KEPT_INPUT, like={"name": "/dev/null", "flags": 0o2100000}),
            Changed((shell, 0), {"name": "/dev/ttyS1", "flags": 0o100002, **console}, CONSOLE),
        ),
        drivers=_disk_and_sockets(),
    )


KNOWN: Mapping[str, Known] = {
    "deb12-6.1-small.lime": _collector(385, _worker(399, 153, 218, {"inode": 86})),
    "deb12-6.1-rootkit.lime": _collector(
        383,
        Known(
            processes=(
                Changed((15,), {"state": "running"}, WOKEN),
                Changed((211,), {"state": "running"}, WOKEN),
                Changed((350,), {"in_task_list": False}, UNLINKED),
            ),
            drivers=_disk_and_sockets(),
        ),
    ),
    "deb11-5.10.lime": _collector(
        345,
        replace(
            _worker(370, 140, 219, {}),
            kernels=(Changed(("5.10.0-43-cloud-amd64",), {"taints": "L"}, LOCKED_UP),),
        ),
    ),
    "deb13-6.12-la57.lime": _collector(
        441,
        _worker(455, 196, 232, {"inode": 87}, Changed((28,), {"state": "idle"}, WENT_TO_SLEEP)),
    ),
    "deb12-6.1-small.module.lime": _collector(
        385,
        Known(
            processes=(Only("dump", (414,), LOADING, like={"name": "insmod"}),),
            vads=(Only("dump", (414,), LOADING, rows=39),),
            handles=(Only("dump", (414,), LOADING, rows=5),),
            # Held to a second record of /proc/modules, written after this dump was complete.
            drivers=(
                Changed(("lime",), {"size": 24576, "references": 1, "state": "coming"}, LOADING),
                Changed(("virtio_blk",), {"references": 2}, DISK),
            ),
            kernels=(Changed(("6.1.0-56-cloud-amd64",), {"taints": "OE", **LATER}, LOADING),),
        ),
    ),
}
