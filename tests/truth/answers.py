"""What memq answers about a dump, as rows that can be held to a record's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import memq
    from tests.truth.record import Row, Rows

PROCESS_FIELDS = (
    "parent_process_id", "name", "command_line", "image_path", "uid", "gid", "create_time", "state",
    "thread_count", "is_kernel_thread", "in_task_list", "in_pid_table",
)  # fmt: skip
VAD_FIELDS = (
    "end", "size", "protection", "is_readable", "is_writable", "is_executable", "is_shared",
    "is_private", "is_anonymous", "file_name", "name", "is_deleted", "offset", "inode", "device",
)  # fmt: skip
HANDLE_FIELDS = ("name", "kind", "flags", "position", "inode", "is_deleted")
DRIVER_FIELDS = ("size", "references", "state", "base", "taints")
SYSCALL_FIELDS = ("table", "index", "name", "address", "symbol", "module", "is_hooked")
KERNEL_FIELDS = (
    "name", "host_name", "version", "machine", "domain_name", "banner", "command_line", "taints",
    "boot_id", "dump_time", "boot_time", "uptime", "processors", "page_table_levels",
    "directory_table_base", "base", "physical_base", "kaslr_shift", "memory_size",
)  # fmt: skip

START_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def address(value: Any) -> int:
    """Read an address, which JSON has as a hex string."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise TypeError(f"{value!r} is no address")
    return int(value, 16)


def nanoseconds(value: Any) -> int:
    """Read a time (ISO 8601, Z, up to nine digits of a second) as nanoseconds since 1970."""
    if not isinstance(value, str) or not value.endswith("Z"):
        raise TypeError(f"{value!r} is no time in UTC")
    seconds, _, fraction = value.removesuffix("Z").partition(".")
    since = datetime.fromisoformat(f"{seconds}+00:00") - START_OF_TIME
    return int(since.total_seconds()) * 10**9 + int(fraction.ljust(9, "0"))


READERS: dict[str, Callable[[Any], Any]] = {
    "start": address,
    "end": address,
    "base": address,
    "address": address,
    "create_time": nanoseconds,
    "dump_time": nanoseconds,
    "boot_time": nanoseconds,
    "uptime": lambda seconds: round(seconds * 10**9),
    "directory_table_base": address,
    "physical_base": address,
    "kaslr_shift": address,
}


def plain(row: Row) -> Row:
    """Turn a row of an answer into Python's numbers; an unknown field into a text that says why."""
    if "_cut_short" in row:
        raise ValueError(f"a list was cut short: {row['_cut_short']}")
    reasons = row.get("_unknown", {})
    return {
        name: f"unknown: {reasons[name]}" if name in reasons else _read(name, value)
        for name, value in row.items()
        if name != "_unknown"
    }


def _read(name: str, value: Any) -> Any:
    return value if value is None else READERS.get(name, lambda same: same)(value)


def ask(image: memq.Image, query: str) -> list[Row]:
    """Return the rows of a query's answer."""
    return list(image.query(query).rows())


def processes(image: memq.Image) -> Rows:
    """Every process under (pid,), in the order of the answer."""
    answer = ask(image, f"process.Select([process_id, {', '.join(PROCESS_FIELDS)}])")
    return _keyed(((row.pop("process_id"),), row) for row in map(plain, answer))


def vads(image: memq.Image) -> Rows:
    """Every mapping of every process under (pid, start)."""
    return _collected(image, "vad_object", "start", VAD_FIELDS)


def handles(image: memq.Image) -> Rows:
    """Every descriptor of every process under (pid, descriptor)."""
    return _collected(image, "handle_object", "descriptor", HANDLE_FIELDS)


def _collected(image: memq.Image, collection: str, key: str, fields: tuple[str, ...]) -> Rows:
    paths = ", ".join(f"process.{collection}.{name}" for name in (key, *fields))
    answer = map(plain, ask(image, f"process.Select([process.process_id, {paths}])"))
    return _keyed(
        ((owner["process_id"], row.pop(key)), row)
        for owner in answer
        for row in map(plain, owner[collection])
    )


def drivers(image: memq.Image) -> Rows:
    """Every module under (name,), in the order of the answer."""
    answer = ask(image, f"driver.Select([name, {', '.join(DRIVER_FIELDS)}])")
    return _keyed(((row.pop("name"),), row) for row in map(plain, answer))


def syscalls(image: memq.Image) -> list[Row]:
    """Every entry of every table of system calls, in the order of the answer."""
    return [plain(row) for row in ask(image, f"syscall.Select([{', '.join(SYSCALL_FIELDS)}])")]


def kernels(image: memq.Image) -> Rows:
    """The one kernel under (release,)."""
    answer = ask(image, f"kernel.Select([release, {', '.join(KERNEL_FIELDS)}])")
    return _keyed(((row.pop("release"),), row) for row in map(plain, answer))


def _keyed(pairs: Iterable[tuple[Any, Row]]) -> Rows:
    """Make a dictionary of keys and rows; a key that comes twice is an error."""
    rows: Rows = {}
    for key, row in pairs:
        if key in rows:
            raise ValueError(f"{key} is there twice")
        rows[key] = row
    return rows
