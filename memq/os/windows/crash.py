"""The crash that a crash dump was written for, as its header tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text, constant, text_column, unknown
from memq.errors import Reason
from memq.os.data import data_text
from memq.os.windows.base import WindowsObject
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Portion
from memq.schema.declare import field
from memq.schema.kinds import Address, Number, String, Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.layers.crash_header import CrashHeader


class Crash(
    WindowsObject,
    name="crash",
    principal="crash_object",
    identity=("number",),
    example="crash.Select([code, code_name, parameter_1, exception_address])",
):
    """What a crash dump's header says of the crash; there is none in dumps of other formats."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the one crash of a crash dump."""
        count = 0 if context.kernel.physical.crash is None else 1
        rows: dict[str, Array] = {"number": np.zeros(count, np.int64)}
        yield Portion(cls(context, rows))

    @field(shown=True)
    def code(self) -> Address:
        """Number of the bug check; 0x161 and the like stand for dumps of running systems."""
        return self._address(self._header.bug_check if self._header else None)

    @field(shown=True)
    def code_name(self) -> String:
        """Name of the bug check; null for one that memq does not know by name."""
        code = self._header.bug_check if self._header else None
        if code is None:
            return self._unknown_text()
        return text_column([_names().get(code)] * len(self))

    @field(shown=True)
    def parameter_1(self) -> Address:
        """First parameter of the bug check; what it says depends on the code."""
        return self._parameter(0)

    @field(shown=True)
    def parameter_2(self) -> Address:
        """Second parameter of the bug check."""
        return self._parameter(1)

    @field(shown=True)
    def parameter_3(self) -> Address:
        """Third parameter of the bug check."""
        return self._parameter(2)

    @field(shown=True)
    def parameter_4(self) -> Address:
        """Fourth parameter of the bug check."""
        return self._parameter(3)

    @field()
    def exception_code(self) -> Address:
        """Code of the exception that led to the crash; null if the header has none."""
        found = self._header.exception if self._header else None
        return self._address(None if found is None else found.code, Reason.NULL)

    @field()
    def exception_address(self) -> Address:
        """Where that exception was raised."""
        found = self._header.exception if self._header else None
        return self._address(None if found is None else found.address, Reason.NULL)

    @field(shown=True)
    def time(self) -> Time:
        """When the dump was written, in UTC."""
        ticks = self._header.system_time if self._header else None
        column = unknown(Reason.NOT_IN_DUMP, len(self))
        return column if ticks is None else time_column(Column(np.full(len(self), ticks, np.int64)))

    @field()
    def dump_kind(self) -> String:
        """Which kind of crash dump it is: full, bitmap, kernel bitmap, automatic, triage."""
        return text_column([self.kernel.physical.format] * len(self))

    @field()
    def comment(self) -> String:
        """Comment in the header; null if there is none."""
        return text_column([self._header.comment if self._header else None] * len(self))

    @field()
    def processors(self) -> Number:
        """How many logical processors there were, as the header says."""
        count = self._header.processors if self._header else None
        return (
            unknown(Reason.NOT_IN_DUMP, len(self)) if count is None else constant(count, len(self))
        )

    @field()
    def process_address(self) -> Address:
        """Address of the process that ran (EPROCESS), which a triage minidump tells; else null."""
        parts = self.kernel.triage
        process = parts.process if parts is not None else None
        return self._address(None if process is None else process.address, Reason.NULL)

    @field()
    def thread_address(self) -> Address:
        """Address of the thread that ran (ETHREAD), which a triage minidump tells; else null."""
        parts = self.kernel.triage
        thread = parts.thread if parts is not None else None
        return self._address(None if thread is None else thread.address, Reason.NULL)

    @property
    def _header(self) -> CrashHeader | None:
        return self.kernel.physical.crash

    def _parameter(self, number: int) -> Column:
        found = self._header.bug_check_parameters if self._header else ()
        return self._address(found[number] if number < len(found) else None)

    def _address(self, value: int | None, otherwise: Reason = Reason.NOT_IN_DUMP) -> Column:
        if value is None:
            return unknown(otherwise, len(self))
        return Column(np.full(len(self), value, np.uint64))

    def _unknown_text(self) -> Text:
        missing = unknown(Reason.NOT_IN_DUMP, len(self))
        return Text(missing.values, missing.status, ("",))


def _names() -> dict[int, str]:
    """Read which name belongs to which bug check."""
    text = data_text("windows", "bug-checks.txt")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {int(number, 16): name for number, name in lines}
