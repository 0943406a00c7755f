"""Records that services.exe keeps of services; the caller says how they are laid out.

No symbol table has these structures, and they differ between builds. `layouts` gives them by
volatility3's names for them (`_SERVICE_HEADER`, `_SERVICE_RECORD`, `_SERVICE_PROCESS`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.synthetic.windows.truth import Hex, ServiceRecordTruth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.synthetic.memory import Layout
    from tests.synthetic.windows.user import UserPart

PROCESSES = 0x30
RUNNING = 4
READ_AT_ONCE = 512
"""Bytes of a text that volatility3 reads; it has none where they are not all there."""


@dataclass
class ServiceRecords:
    """Writes the chain of records of one process; its last one is what the head leads to."""

    part: UserPart
    layouts: Mapping[str, Layout]
    last: int = 0
    head: int = field(init=False)

    def __post_init__(self) -> None:
        self.head = self._new("_SERVICE_HEADER")
        self.part.space.write(self.head, b"serH")

    def add(
        self,
        name: str,
        *,
        kind: int = 0x10,
        state: int = RUNNING,
        start: int = 2,
        pid: int | None = None,
        path: str | None = None,
    ) -> int:
        """Add a service; what runs has a path, and its process a number."""
        truths = self.part.kernel.truth.service_records
        title = f"The {name}"
        at = self._new("_SERVICE_RECORD")
        order = len(truths) + 1
        numbers = {"PrevEntry": self.last, "Order": order, "Type": kind, "State": state}
        texts = {"ServiceName": self.text(name), "DisplayName": self.text(title)}
        for member, value in {**numbers, "Start": start, **texts}.items():
            self.set("_SERVICE_RECORD", at, member, value)
        if path is not None:
            self._runs(at, kind, pid, path)
        self.last = at
        self.set("_SERVICE_HEADER", self.head, "ServiceRecord", at)
        truths.append(
            ServiceRecordTruth(Hex(at), order, name, title, kind, state, start, pid, path)
        )
        return at

    def set(self, struct: str, at: int, member: str, value: int) -> None:
        """Write a member."""
        offset, size = self.layouts[struct].members[member]
        self.part.space.write(at + offset, value.to_bytes(size, "little"))

    def text(self, text: str) -> int:
        """Write text and return its address."""
        data = text.encode("utf-16-le") + b"\0\0"
        at = self.part.allocate(max(len(data), READ_AT_ONCE))
        self.part.space.write(at, data)
        return at

    def _runs(self, at: int, kind: int, pid: int | None, path: str) -> None:
        if not kind & PROCESSES:
            self.set("_SERVICE_RECORD", at, "DriverName", self.text(path))
            return
        process = self._new("_SERVICE_PROCESS")
        self.set("_SERVICE_PROCESS", process, "BinaryPath", self.text(path))
        self.set("_SERVICE_PROCESS", process, "ProcessId", pid or 0)
        self.set("_SERVICE_RECORD", at, "ServiceProcess", process)

    def _new(self, struct: str) -> int:
        layout = self.layouts[struct]
        ends = [offset + size for offset, size in layout.members.values()]
        return self.part.allocate(max(layout.size, *ends, 8))
