"""What was opened, in one line or in full: the columns of the kernel object, and of the file.

Both read through the object types, as queries do, and never raise for what is in the dump: what is
not known says so at its place.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import MemqError, Reason
from memq.output.cells import clean, plain_cells
from memq.output.humane import duration_text, size_text
from memq.run import Run
from memq.schema.batch import Context
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Column
    from memq.image import Image
    from memq.schema.batch import ObjectType, Portion
    from memq.schema.declare import Field

_NULL, _NONE, _NO_RELEASE = Reason.NULL.text, "none", "release unknown"
_SECOND = 1_000_000_000


def summary(image: Image) -> str:
    """Say in one line what was opened.

    `small.lime: LiME, Linux 6.1.0-56-cloud-amd64, host web1, taken 2026-11-21 18:45:40Z, 107
    processes, 99.9 % of 127.5MB`. Costs some ms: the processes are counted by a walk through all.
    """
    kernel = _Kernel(image)
    parts = (
        image.physical.format,
        _system(kernel, image.system.title),
        _host(kernel),
        _taken(kernel),
        _processes(image),
        _memory(kernel),
    )
    return f"{clean(image.physical.path.name)}: {', '.join(parts)}"


def facts(image: Image) -> list[tuple[str, str]]:
    """Return all there is to know of a dump as labels and values: of its file, then of its kernel.

    Fields of the kernel stand under their own names, in the order of their declaration.
    """
    physical, kernel = image.physical, _Kernel(image)
    count = len(physical.starts)
    ranges = "1 range" if count == 1 else f"{count:,} ranges"
    return [
        ("file", clean(str(physical.path))),
        ("format", physical.format),
        ("size of the dump", _bytes(physical.file.size)),
        ("memory in it", f"{_bytes(physical.present)}, in {ranges}"),
        ("addresses", f"{int(physical.starts[0]):#x} to {physical.limit:#x}"),
        *(("note in the file", f"{clean(n)}, {_bytes(len(d))}") for n, d in physical.notes.items()),
        *(("warning", clean(warning)) for warning in image.warnings),
        *((field.name, kernel.shown(field)) for field in kernel.fields),
    ]


class _Value(NamedTuple):
    """One value as people read it, and as a number; `why` there is none, where there is none."""

    text: str = ""
    number: int = 0
    why: str = ""


class _Kernel:
    """The one element of `kernel`; where a system has no such objects, nothing is known of it."""

    def __init__(self, image: Image) -> None:
        self._batch: ObjectType | None = None
        portions = _portions(image, "kernel")
        with suppress(MemqError):
            self._batch = next((portion.batch for portion in portions if len(portion.batch)), None)

    @property
    def fields(self) -> list[Field]:
        """What is declared of it, and not of other systems only."""
        declared = [] if self._batch is None else self._batch.fields.values()
        return [field for field in declared if not field.declared_only]

    def value(self, name: str) -> _Value:
        """Return the value of a field."""
        if self._batch is None or name not in self._batch.fields:
            return _Value(why=Reason.NOT_IN_KERNEL.text)
        try:
            column: Column = self._batch.column(name)
        except MemqError as error:  # the file has become shorter, or the kernel's types are odd
            return _Value(why=clean(str(error)))
        reason = Reason(int(column.statuses[0]))
        if reason:
            return _Value(why=reason.text)
        text = plain_cells(column, self._batch.fields[name].value_type)[0]
        return _Value(text, int(column.values[0]))

    def shown(self, field: Field) -> str:
        """Return a field in full; what is not known has a question mark and the reason."""
        found = self.value(field.name)
        if found.why:
            return _NONE if found.why == _NULL else f"? {found.why}"
        if field.value_type.kind is Kind.SIZE:
            return _bytes(found.number)
        return _span(found) if field.value_type.kind is Kind.DURATION else found.text or _NONE


def _portions(image: Image, name: str) -> Iterator[Portion]:
    """Find the objects of a type; none where the system has no such type."""
    type_ = image.system.objects.get(name)
    if type_ is not None:
        yield from type_.portions(Context(image.kernel, Run(image.progress)))


def _system(kernel: _Kernel, title: str) -> str:
    return f"{kernel.value('name').text or title} {kernel.value('release').text or _NO_RELEASE}"


def _host(kernel: _Kernel) -> str:
    name = kernel.value("host_name")
    if name.why and name.why != _NULL:
        return "host unknown"
    return f"host {name.text}" if name.text else "host without a name"


def _taken(kernel: _Kernel) -> str:
    """Say when, to the second: the kernel's clock is hardly better."""
    moment = kernel.value("dump_time").text
    return f"taken {moment[:10]} {moment[11:19]}Z" if moment else "time unknown"


def _processes(image: Image) -> str:
    """Count the processes as a query would find them; of none of them any field is computed."""
    count, is_cut = 0, "process" not in image.system.objects
    try:
        for portion in _portions(image, "process"):
            count += len(portion.batch)
            is_cut |= portion.cut is not None
    except MemqError:
        is_cut = True
    if not count:
        return "processes unknown" if is_cut else "no processes"
    words = "1 process" if count == 1 else f"{count:,} processes"
    return f"at least {words}" if is_cut else words


def _memory(kernel: _Kernel) -> str:
    """Say how much of the machine's memory is there; only what is whole is called 100 %."""
    size, present = kernel.value("memory_size"), kernel.value("memory_present")
    if size.why or not size.number:
        return "memory of unknown size"
    if present.why:
        return f"unknown part of {_size(size.number)}"
    share = f"{present.number * 1000 // size.number / 10:.1f}".removesuffix(".0")
    return f"{share} % of {_size(size.number)}"


def _bytes(count: int) -> str:
    """Write a size in full, and as people say it: `133,644,288 bytes (127.5MB)`."""
    exact = "1 byte" if count == 1 else f"{count:,} bytes"
    return exact if count < 1024 else f"{exact} ({size_text(count)})"


def _size(count: int) -> str:
    return size_text(count) if count >= 1024 else f"{count} bytes"


def _span(value: _Value) -> str:
    """Write a duration in seconds, and a longer one also as people say it."""
    text = f"{value.text} s"
    return text if value.number < 60 * _SECOND else f"{duration_text(value.number)} ({text})"
