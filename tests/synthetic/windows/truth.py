"""What an image holds, for tests to compare with; `plain` makes it what a truth.json holds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, NewType

Hex = NewType("Hex", int)
"""An address or a mask, which a truth.json writes as text in hex."""


@dataclass
class VadTruth:
    """One range; `end` is the last byte."""

    start: Hex
    end: Hex
    kind: str
    tag: str
    protection: str
    private: int
    file: str | None
    node: Hex


@dataclass
class HandleTruth:
    """One handle; `name` as volatility3 shows it."""

    handle: int
    object: Hex
    type: str
    access: Hex
    name: str | None


@dataclass
class ModuleTruth:
    """One module that a process, or the kernel, has in its lists."""

    base: Hex
    size: Hex
    name: str
    path: str
    offset: Hex = Hex(0)
    lists: tuple[str, ...] = ("load", "memory", "initialization")
    listed: bool = True


@dataclass
class TokenTruth:
    """The primary token."""

    address: Hex
    sids: list[str]
    present: Hex
    enabled: Hex
    session: int
    integrity: str


@dataclass
class ThreadTruth:
    """One thread."""

    offset: Hex
    pid: int
    tid: int
    start: Hex
    win32_start: Hex
    create_time: datetime
    exit_time: datetime | None
    state: int
    wait_reason: int
    teb: Hex


@dataclass
class ProcessTruth:
    """One process."""

    offset: Hex
    pid: int
    ppid: int
    name: str
    dtb: Hex
    session: int | None
    create_time: datetime | None
    exit_time: datetime | None
    wow64: bool
    hidden: bool
    path: str | None
    cmdline: str | None
    cwd: str | None = None
    peb: Hex = Hex(0)
    peb_image_base: Hex = Hex(0)
    env: dict[str, str] = field(default_factory=dict)
    protection: int = 0
    token: TokenTruth | None = None
    handle_levels: int = 0
    handles: list[HandleTruth] = field(default_factory=list)
    vads: list[VadTruth] = field(default_factory=list)
    modules: list[ModuleTruth] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)


@dataclass
class ObjectTruth:
    """One object with its header."""

    type: str
    body: Hex
    header: Hex
    name: str | None
    infomask: int
    path: str | None = None
    """Of a file, its path on its device."""


@dataclass
class DriverTruth:
    """One driver object."""

    offset: Hex
    name: str
    start: Hex
    size: Hex
    service_key: str
    irp: list[int]
    devices: list[str | None]


@dataclass
class ServiceTruth:
    """One entry of the system service table."""

    index: int
    name: str | None
    address: Hex
    hooked: bool


@dataclass
class CallbackTruth:
    """One callback."""

    type: str
    function: Hex
    block: Hex
    altitude: str | None = None


@dataclass
class TimerTruth:
    """One timer; `due` in units of 100 ns since the machine was started."""

    offset: Hex
    routine: Hex
    period: int
    due: int


@dataclass
class UnloadedTruth:
    """One driver that was unloaded."""

    name: str
    start: Hex
    end: Hex
    time: datetime


@dataclass
class ValueTruth:
    """One value of a key."""

    type: int
    data: bytes


@dataclass
class HiveTruth:
    """One hive; its keys by their path below its root, which itself is ''."""

    offset: Hex
    mount: str
    file: str | None
    keys: dict[str, dict[str, ValueTruth]] = field(default_factory=dict)


@dataclass
class PageTruth:
    """One page of a process: `state` says how its page tables lead to its content."""

    pid: int
    va: Hex
    state: str
    data: bytes
    number: int = 0
    """Of the page file that the page is in."""
    page: int = 0
    """Where in that."""


@dataclass
class BigPoolTruth:
    """One allocation of whole pages."""

    va: Hex
    tag: str
    bytes: int
    paged: bool


@dataclass
class EndpointTruth:
    """One network endpoint; addresses with their ports."""

    offset: Hex
    protocol: str
    pid: int
    local: tuple[str, int]
    remote: tuple[str, int] | None
    state: str | None
    created: datetime | None


@dataclass
class ServiceRecordTruth:
    """One record of services.exe."""

    offset: Hex
    order: int
    name: str
    display_name: str
    kind: int
    state: int
    start: int
    pid: int | None
    path: str | None


@dataclass
class Truth:
    """All of it; `processes` are those that lists or tables know."""

    processes: list[ProcessTruth] = field(default_factory=list)
    freed: list[ProcessTruth] = field(default_factory=list)
    threads: list[ThreadTruth] = field(default_factory=list)
    objects: list[ObjectTruth] = field(default_factory=list)
    modules: list[ModuleTruth] = field(default_factory=list)
    unloaded: list[UnloadedTruth] = field(default_factory=list)
    drivers: list[DriverTruth] = field(default_factory=list)
    ssdt: list[ServiceTruth] = field(default_factory=list)
    callbacks: list[CallbackTruth] = field(default_factory=list)
    timers: list[TimerTruth] = field(default_factory=list)
    hives: list[HiveTruth] = field(default_factory=list)
    pages: list[PageTruth] = field(default_factory=list)
    bigpools: list[BigPoolTruth] = field(default_factory=list)
    service_records: list[ServiceRecordTruth] = field(default_factory=list)
    endpoints: list[EndpointTruth] = field(default_factory=list)
    cid_table: dict[int, int] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """Return dataclasses as JSON has them: addresses in hex, times as text."""
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for one in fields(value):
            inner = getattr(value, one.name)
            found[one.name] = hex(inner) if one.type == "Hex" else plain(inner)
        return found
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f} UTC"
    return value.hex() if isinstance(value, bytes) else value
