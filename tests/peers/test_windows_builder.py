"""What the builder of Windows images says that it built, volatility3 reads.

For each build a scene is built from the lab's symbol table, and the rows of volatility3's plugins
are held to the builder's truth, in both directions. Where volatility3 2.28 or the table cannot do
it, the reason stands here. Each build takes some seven seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.peers.windows_case import BUILDS, LOW, Case, ask, python_with_volatility3
from tests.synthetic.windows.isf import table_of
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.published import published_layouts
from tests.synthetic.windows.scene import Scene
from tests.synthetic.windows.truth import EndpointTruth, ProcessTruth, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tests.lab import Lab


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: f"{build[1]}-{build[2]}")
def case(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    prefix, build, paging = request.param
    python = python_with_volatility3()
    paths = sorted((lab.folder / "windows" / "isf").glob(f"{prefix}*"))
    if not paths:
        pytest.skip(f"the lab has no symbol table {prefix}")
    folder = tmp_path_factory.mktemp("windows")
    options = Options(build=build, paging=paging)
    # Those that memq reads them by: volatility3 has its own.
    layouts = published_layouts(build, is_64_bit=options.is_64_bit)
    scene = Scene(table_of(paths[0]), options, layouts)
    return Case(scene, ask(python, scene, paths[0], folder))


def same(found: Iterable[Any], expected: Iterable[Any]) -> None:
    """Hold two sets of rows to each other."""
    here, there = sorted(set(found), key=repr), sorted(set(expected), key=repr)
    assert there, "nothing was built"
    assert here == there


def whole(time: datetime | None) -> Any:
    """Return a time as volatility3 shows it: without the part of a second."""
    return plain(None if time is None else time.replace(microsecond=0))


def test_processes(case: Case) -> None:
    columns = ("PID", "PPID", "ImageFileName", "Offset(V)", "Threads", "SessionId", "Wow64",
               "CreateTime", "ExitTime")  # fmt: skip
    found = case.rows("pslist.PsList", *columns)
    same(found, [process_row(process) for process in case.listed])


def process_row(process: ProcessTruth) -> tuple[Any, ...]:
    times = whole(process.create_time), whole(process.exit_time)
    whose = process.session, process.wow64
    name, count = process.name[:14], len(process.threads)
    return process.pid, process.ppid, name, process.offset & LOW, count, *whose, *times


def test_processes_in_pools(case: Case) -> None:
    columns = ("PID", "PPID", "ImageFileName", "CreateTime", "ExitTime")
    expected = [
        (one.pid, one.ppid, one.name, whole(one.create_time), whole(one.exit_time))
        for one in (*case.truth.processes, *case.truth.freed)
    ]
    same(case.rows("psscan.PsScan", *columns), expected)


def test_threads(case: Case) -> None:
    columns = (
        "Offset",
        "PID",
        "TID",
        "StartAddress",
        "Win32StartAddress",
        "CreateTime",
        "ExitTime",
    )
    listed = {process.pid for process in case.listed}
    expected = [
        (one.offset & LOW, one.pid, one.tid, one.start & LOW, one.win32_start & LOW,
         whole(one.create_time), whole(one.exit_time))
        for one in case.truth.threads if one.pid in listed
    ]  # fmt: skip
    same(case.rows("threads.Threads", *columns), expected)


def test_handles(case: Case) -> None:
    columns = ("PID", "Offset", "HandleValue", "Type", "GrantedAccess", "Name")
    expected = [
        (process.pid, one.object & LOW, one.handle, one.type, one.access, one.name)
        for process in case.listed
        for one in process.handles
    ]
    same(case.rows("handles.Handles", *columns), expected)


def test_vads(case: Case) -> None:
    columns = ("PID", "Start VPN", "End VPN", "Tag", "Protection", "PrivateMemory", "File")
    expected = [
        (process.pid, one.start, one.end, one.tag, one.protection, one.private, one.file)
        for process in case.listed
        for one in process.vads
    ]
    same(case.rows("vadinfo.VadInfo", *columns), expected)


def test_loader(case: Case) -> None:
    expected = [
        (process.pid, one.base, one.size, one.name, one.path)
        for process in case.listed
        for one in process.modules
    ]
    same(case.rows("dlllist.DllList", "PID", "Base", "Size", "Name", "Path"), expected)


def test_parameters(case: Case) -> None:
    expected = [(process.pid, process.cmdline) for process in case.listed]
    same(case.rows("cmdline.CmdLine", "PID", "Args"), expected)
    variables = [(p.pid, *pair) for p in case.listed for pair in p.env.items()]
    same(case.rows("envars.Envars", "PID", "Variable", "Value"), variables)


def test_tokens(case: Case) -> None:
    expected = [
        (process.pid, sid)
        for process in case.listed
        for sid in (process.token.sids if process.token is not None else ())
    ]
    same(case.rows("getsids.GetSIDs", "PID", "SID"), expected)


def test_modules(case: Case) -> None:
    expected = [
        (one.base & LOW, one.size, one.name, one.path) for one in case.truth.modules if one.listed
    ]
    same(case.rows("modules.Modules", "Base", "Size", "Name", "Path"), expected)


def test_unloaded_modules(case: Case) -> None:
    columns = ("Name", "StartAddress", "EndAddress", "Time")
    expected = [
        (one.name, one.start & LOW, one.end & LOW, whole(one.time)) for one in case.truth.unloaded
    ]
    same(case.rows("unloadedmodules.UnloadedModules", *columns), expected)


def test_drivers(case: Case) -> None:
    columns = ("Offset", "Start", "Size", "Service Key", "Name")
    expected = [
        (case.scanned(one.offset), one.start & LOW, one.size, one.service_key, one.name)
        for one in case.truth.drivers
    ]
    # A scan tries each place in a block where the object could be, and so finds some by chance.
    places = {row[0] for row in expected}
    found = case.rows("driverscan.DriverScan", *columns)
    same([row for row in found if row[0] in places], expected)
    wanted = [
        (case.scanned(d.offset), function & LOW) for d in case.truth.drivers for function in d.irp
    ]
    functions = case.rows("driverirp.DriverIrp", "Offset", "Address")
    same([row for row in functions if row[0] in places], wanted)


def test_services(case: Case) -> None:
    found = case.rows("ssdt.SSDT", "Index", "Address", "Symbol")
    expected = [(one.index, one.address & LOW) for one in case.truth.ssdt]
    same([row[:2] for row in found], expected)
    named = {(one.index, one.name) for one in case.truth.ssdt if one.name is not None}
    assert named <= {(index, symbol) for index, _, symbol in found}


def test_callbacks(case: Case) -> None:
    # By pool tags volatility3 finds those of the arrays a second time, as kernel callbacks; its
    # layout of the record of those with a reason has the component elsewhere than wdm.h.
    again = {"GenericKernelCallback"}
    found = case.rows("callbacks.Callbacks", "Type", "Callback")
    expected = [(one.type, one.function & LOW) for one in case.truth.callbacks]
    same([row for row in found if row[0] not in again], expected)


def test_timers(case: Case) -> None:
    if case.is_32_bit:
        pytest.skip("volatility3 2.28 takes the pointer _KPCR.Prcb for the _KPRCB on x86")
    expected = [
        (one.offset & LOW, due(one.due), one.period, one.routine & LOW) for one in case.truth.timers
    ]
    columns = ("Offset", "DueTime", "Period(ms)", "Routine")
    same(case.rows("timers.Timers", *columns), expected)


def due(time: int) -> str:
    return f"{time >> 32:#010x}:{time & 0xFFFF_FFFF:#010x}"


def test_objects_in_pools(case: Case) -> None:
    named = [
        (case.scanned(one.body), one.name) for one in case.truth.objects if one.type == "Mutant"
    ]
    same(case.rows("mutantscan.MutantScan", "Offset", "Name"), named)
    links = case.rows("symlinkscan.SymlinkScan", "From Name", "To Name")
    assert ("C:", "\\Device\\HarddiskVolume3") in links  # and some by chance, see test_drivers
    files = [case.scanned(one.body) for one in case.truth.objects if one.type == "File"]
    same([offset for (offset,) in case.rows("filescan.FileScan", "Offset")], files)


def test_big_pools(case: Case) -> None:
    expected = [(one.va & LOW, one.tag.rstrip(), one.bytes) for one in case.truth.bigpools]
    found = case.rows("bigpools.BigPools", "Allocation", "Tag", "NumberOfBytes")
    same([(va & LOW, tag, size) for va, tag, size in found], expected)


def test_endpoints(case: Case) -> None:
    if not case.truth.endpoints:
        pytest.skip("no layouts of tcpip.sys of this build are known")
    columns = ("Offset", "Proto", "LocalAddr", "LocalPort", "ForeignAddr", "ForeignPort", "PID")
    expected = [
        (case.scanned(one.offset), one.protocol, *one.local, *foreign(one), one.pid)
        for one in case.truth.endpoints
    ]
    same(case.rows("netscan.NetScan", *columns), expected)


def test_service_records(case: Case) -> None:
    if case.is_32_bit:
        pytest.skip("volatility3 2.28 tells XP from Vista by a symbol that is not in the table")
    found = case.rows("svcscan.SvcScan", "Order", "PID", "Name", "Display", "Binary")
    expected = [
        (one.order, one.pid, one.name, one.display_name, one.path)
        for one in case.truth.service_records
    ]
    same(found, expected)


def foreign(endpoint: EndpointTruth) -> tuple[str, int]:
    """Return what volatility3 shows where there is no other side."""
    if endpoint.remote is not None:
        return endpoint.remote
    return ("*" if endpoint.state is None else "0.0.0.0"), 0


def test_version(case: Case) -> None:
    found: dict[str, Any] = dict(case.rows("info.Info", "Variable", "Value"))
    options = case.scene.machine.options
    assert found["Major/Minor"] == f"15.{options.build}"
    assert found["SystemTime"] == f"{options.snapshot:%Y-%m-%d %H:%M:%S+00:00}"
    assert found["KeNumberProcessors"] == str(options.processors)
    assert found["NtSystemRoot"] == "C:\\Windows"


def test_hives(case: Case) -> None:
    expected = [(one.offset & LOW, one.file) for one in case.truth.hives]
    same(case.rows("registry.hivelist.HiveList", "Offset", "FileFullPath"), expected)


def test_keys(case: Case) -> None:
    if case.is_32_bit:
        pytest.skip("the lab's tables for x86 have SubKeyLists of _CM_KEY_NODE in the wrong place")
    found = case.rows("registry.printkey.PrintKey", "Hive Offset", "Type", "Key", "Name")
    keys = [(hive, key, name) for hive, kind, key, name in found if kind == "Key"]
    values = [(hive, key, name) for hive, kind, key, name in found if kind != "Key"]
    below = [
        (hive.offset & LOW, tail(f"{hive.file}\\{path}"))
        for hive in case.truth.hives
        for path in filter(None, hive.keys)
    ]
    same([(hive, tail(f"{key}\\{name}")) for hive, key, name in keys], below)
    expected = [
        (hive.offset & LOW, tail(f"{hive.file}\\{path}"), name)
        for hive in case.truth.hives
        for path, named in hive.keys.items()
        for name in named
    ]
    same([(hive, tail(key), name) for hive, key, name in values], expected)


def tail(path: str) -> str:
    """Return a key's path from its hive's name on."""
    return path.rpartition("\\Config\\")[2]
