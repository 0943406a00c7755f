"""What of volatility3's Windows plugins is held to which query of memq's."""

from __future__ import annotations

from typing import Any

from tests.peers.windows_rows import LOW, Comparison, Pair, Rows, plain, scanned

LISTED = "process.Where(in_active_list)"
OF_LISTED = "Where(process.in_active_list)"
KINDS = {
    "process": "PspCreateProcessNotifyRoutine",
    "thread": "PspCreateThreadNotifyRoutine",
    "image": "PspLoadImageNotifyRoutine",
    "registry": "CmRegisterCallbackEx",
    "bug check": "KeBugCheckCallbackListHead",
    "bug check reason": "KeBugCheckReasonCallbackListHead",
    "shutdown": "IoRegisterShutdownNotification",
    "file system": "IoRegisterFsRegistrationChange",
}
"""What volatility3 calls each kind of callback."""
BLANK = " \0"
"""What it leaves off the ends of tags."""
UNNAMED = "(Default)"
"""What it calls a value without a name."""
AGAIN = "GenericKernelCallback"
"""Callbacks of the arrays, which it finds a second time by their pool tags."""


def handles(pair: Pair) -> Rows:
    """Return handles with names as volatility3 has them: keys without root, others by their own."""
    found = pair.ours(
        f"handle.{OF_LISTED}.Select({{pid: process.pid, object: address, handle: value, "
        "type: type, access: granted_access, name: name, own: object_name})"
    )
    return [(*row[:5], _handle_name(*row[3:])) for row in found]


def _handle_name(kind: str, _access: int, name: str | None, own: str | None) -> str | None:
    if kind == "Key" and name is not None:
        return name.removeprefix("\\REGISTRY\\")
    return name if kind in {"File", "Process", "Thread"} else own


def groups(pair: Pair) -> Rows:
    """Return the user and the groups of each token."""
    found = pair.ours(f"{LISTED}.Select({{pid: pid, user: token.user, all: token.group.sid}})")
    return [(pid, sid) for pid, user, rest in found if user for sid in (user, *rest)]


def privileges(pair: Pair) -> Rows:
    """Return privileges with their states; volatility3 shows those without any state, too."""
    names = "Present", "Enabled", "Default"
    found = pair.ours(
        f"{LISTED}.Select({{pid: pid, all: token.privilege.Select({{number: number, name: name, "
        "a: is_present, b: is_enabled, c: is_enabled_by_default})})"
    )
    return [
        (
            pid,
            number,
            name,
            ",".join(word for word, is_so in zip(names, states, strict=True) if is_so),
        )
        for pid, rest in found
        for number, name, *states in (one.values() for one in rest or ())
    ]


def callbacks(pair: Pair) -> Rows:
    """Return callbacks by the names that volatility3 has for the kinds."""
    found = pair.ours("callback.Select([kind, address])")
    return [(KINDS.get(kind, kind), address) for kind, address in found]


def images(pair: Pair) -> set[tuple[Any, ...]]:
    """Return what has a PE header: modules that a range is of, and private memory."""
    modules = pair.ours(
        f"module.{OF_LISTED}.Where(in_vad).Select({{pid: process.pid, base: base, "
        "a: in_load_list, b: in_initialization_list, c: in_memory_list, path: mapped_path})"
    )
    own = pair.ours(
        f'vad.{OF_LISTED}.Where(has_pe_header && kind == "private")'
        ".Select({pid: process.pid, base: start})"
    )
    return {*modules, *((*row, False, False, False, None) for row in own)}


def mounts(pair: Pair) -> dict[int, tuple[str, str]]:
    """Return for each hive its name, as volatility3 shows it, and the path of its root."""
    found = pair.ours("hive.Select([address, name, path])")
    return {address: (_hive_name(name, path) or "[NONAME]", path) for address, name, path in found}


def _hive_name(name: str | None, path: str) -> str | None:
    """Return a hive's name, or where it says that it hangs; the first one says nothing."""
    return name or (path if path != "\\REGISTRY" else None)


def their_keys(pair: Pair) -> set[tuple[Any, ...]]:
    """Return the paths of keys; the roots of hives, which it does not show, are added."""
    known = mounts(pair)
    columns = ("Hive Offset", "Type", "Key", "Name")
    found = pair.theirs("registry.printkey.PrintKey", *columns)
    inside = {
        (_path(known[hive], key) + "\\" + name,) for hive, kind, key, name in found if kind == "Key"
    }
    return inside | {(path,) for _, path in known.values()}


def their_values(pair: Pair) -> Rows:
    """Return the values of all keys, by the paths of these."""
    known = mounts(pair)
    columns = ("Hive Offset", "Type", "Key", "Name")
    found = pair.theirs("registry.printkey.PrintKey", *columns)
    return [
        (_path(known[hive], key), "" if name == UNNAMED else name, kind)
        for hive, kind, key, name in found
        if kind != "Key"
    ]


def _path(mount: tuple[str, str], key: str) -> str:
    name, path = mount
    assert key.startswith(name)
    return path + key[len(name) :]


def due(time: float) -> str:
    """Return a time since the start as volatility3 shows it, in units of 100 ns."""
    ticks = round(time * 10_000_000)
    return f"{ticks >> 32:#010x}:{ticks & 0xFFFF_FFFF:#010x}"


def timers(pair: Pair) -> Rows:
    """Return timers; a period in milliseconds."""
    found = pair.ours("timer.Select([address, due_time, period, routine])")
    return [(at, due(time), int(period * 1000), to) for at, time, period, to in found]


INFO = ("Kernel Base", "DTB", "KeNumberProcessors", "SystemTime")


def info(pair: Pair) -> Rows:
    """Return what is said of the kernel, in volatility3's words."""
    query = "kernel.Select([base, directory_table_base, processors, dump_time])"
    ((*places, processors, now),) = pair.ours(query)
    values = (*map(hex, places), str(processors), f"{now:%Y-%m-%d %H:%M:%S+00:00}")
    return list(zip(INFO, values, strict=True))


COMPARISONS = (
    Comparison(
        "info.Info",
        lambda pair: [
            row for row in pair.theirs("info.Info", "Variable", "Value") if row[0] in INFO
        ],
        info,
    ),
    plain(
        "pslist.PsList",
        "PID, PPID, ImageFileName, Offset(V), Threads, SessionId, Wow64, CreateTime, ExitTime",
        f"{LISTED}.Select([pid, ppid, name, address, thread_count, session_id, is_wow64, "
        "create_time, exit_time])",
    ),
    scanned(
        "psscan.PsScan",
        "Offset(V), PID, PPID, ImageFileName, Threads, SessionId, Wow64, CreateTime, ExitTime",
        "scan(process).Select([address, pid, ppid, name, thread_count, session_id, is_wow64, "
        "create_time, exit_time])",
    ),
    plain(
        "threads.Threads",
        "Offset, PID, TID, StartAddress, Win32StartAddress, CreateTime, ExitTime",
        f"thread.{OF_LISTED}.Select([address, process_id, thread_id, start_address, "
        "win32_start_address, create_time, exit_time])",
    ),
    scanned(
        "thrdscan.ThrdScan",
        "Offset, PID, TID, StartAddress, Win32StartAddress, CreateTime, ExitTime",
        "scan(thread).Select([address, process_id, thread_id, start_address, "
        "win32_start_address, create_time, exit_time])",
    ),
    plain(
        "vadinfo.VadInfo",
        "PID, Offset, Start VPN, Tag, Protection, PrivateMemory, CommitCharge, File",
        f"vad.{OF_LISTED}.Select({{pid: process.pid, at: address, start: start, tag: tag, "
        "protection: protection, private: is_private, pages: committed / 4096, file: file_name})",
    ),
    Comparison(
        "handles.Handles",
        lambda pair: pair.theirs(
            "handles.Handles", "PID", "Offset", "HandleValue", "Type", "GrantedAccess", "Name"
        ),
        handles,
    ),
    plain(
        "dlllist.DllList",
        "PID, Base, Size, Name, Path, LoadTime",
        f"module.{OF_LISTED}.Where(in_load_list).Select({{pid: process.pid, base: base, "
        "size: size, name: name, path: path, time: load_time})",
    ),
    Comparison(
        "ldrmodules.LdrModules",
        lambda pair: set(
            pair.theirs(
                "ldrmodules.LdrModules", "Pid", "Base", "InLoad", "InInit", "InMem", "MappedPath"
            )
        ),
        images,
    ),
    plain("cmdline.CmdLine", "PID, Args", f"{LISTED}.Select([pid, command_line])"),
    plain(
        "envars.Envars",
        "PID, Variable, Value",
        f"environment.{OF_LISTED}.Select({{pid: process.pid, name: name, value: value}})",
    ),
    Comparison(
        "getsids.GetSIDs", lambda pair: pair.theirs("getsids.GetSIDs", "PID", "SID"), groups
    ),
    Comparison(
        "privileges.Privs",
        lambda pair: [
            row
            for row in pair.theirs("privileges.Privs", "PID", "Value", "Privilege", "Attributes")
            if row[3]
        ],
        privileges,
    ),
    plain(
        "modules.Modules",
        "Offset, Base, Size, Name, Path",
        "driver.Where(in_load_list).Select([address, base, size, name, path])",
    ),
    plain(
        "unloadedmodules.UnloadedModules",
        "Name, StartAddress, EndAddress, Time",
        "unloaded_driver.Select([name, base, end, unload_time])",
    ),
    scanned(
        "driverscan.DriverScan",
        "Offset, Start, Size, Service Key, Name",
        "scan(driver).Where(object_address != null).Select([object_address, base, size, "
        "service_key, object_name])",
    ),
    Comparison(
        "driverirp.DriverIrp",
        lambda pair: set(pair.theirs("driverirp.DriverIrp", "Offset", "IRP", "Address")),
        lambda pair: {
            (pair.scanned(driver), name, address)
            for driver, name, address in pair.ours(
                "scan(driver).major_function.Select({driver: driver.object_address, "
                "name: name, address: address})"
            )
        },
    ),
    Comparison(
        "devicetree.DeviceTree",
        lambda pair: {
            row[:2]
            for row in pair.theirs("devicetree.DeviceTree", "Offset", "DeviceName", "Type")
            if row[2] != "DRV"
        },
        lambda pair: {
            (pair.scanned(driver), name)
            for driver, name in pair.ours(
                "scan(driver).device.Select({driver: driver.object_address, name: name})"
            )
        },
    ),
    Comparison(
        "ssdt.SSDT",
        lambda pair: set(pair.theirs("ssdt.SSDT", "Index", "Address")),
        lambda pair: set(pair.ours('syscall.Where(table == "kernel").Select([index, address])')),
    ),
    Comparison(
        "callbacks.Callbacks",
        lambda pair: [
            row for row in pair.theirs("callbacks.Callbacks", "Type", "Callback") if row[0] != AGAIN
        ],
        callbacks,
    ),
    Comparison(
        "timers.Timers",
        lambda pair: pair.theirs("timers.Timers", "Offset", "DueTime", "Period(ms)", "Routine"),
        timers,
        not_in=("win10-19041", "win7-7601", "7601-pae"),
    ),
    Comparison(
        "bigpools.BigPools",
        lambda pair: [
            (address & LOW, tag.rstrip(BLANK), size)
            for address, tag, size in pair.theirs(
                "bigpools.BigPools", "Allocation", "Tag", "NumberOfBytes"
            )
        ],
        lambda pair: [
            (address, tag.rstrip(BLANK), size)
            for address, tag, size in pair.ours("big_pool.Select([address, tag, size])")
        ],
    ),
    scanned("mutantscan.MutantScan", "Offset, Name", "scan(mutant).Select([address, name])"),
    scanned("filescan.FileScan", "Offset, Name", "scan(file).Select([address, name])"),
    scanned(
        "symlinkscan.SymlinkScan",
        "Offset, CreateTime, From Name, To Name",
        "scan(symlink).Select([address, create_time, name, target])",
    ),
    Comparison(
        "registry.hivelist.HiveList",
        lambda pair: [
            (address, name or None)
            for address, name in pair.theirs("registry.hivelist.HiveList", "Offset", "FileFullPath")
        ],
        lambda pair: [
            (address, _hive_name(name, path))
            for address, name, path in pair.ours("hive.Select([address, name, path])")
        ],
    ),
    Comparison(
        "registry.printkey.PrintKey",
        their_keys,
        lambda pair: set(pair.ours("registry.Select([path])")),
    ),
    Comparison(
        "registry.printkey.PrintKey values",
        their_values,
        lambda pair: pair.ours("value.Select({key: registry.path, name: name, type: type})"),
    ),
)
PLUGINS = tuple(
    f"{name}:recurse" if name.endswith("PrintKey") else name
    for name in (one.name for one in COMPARISONS)
    if " " not in name
)
