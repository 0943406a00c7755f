"""Processes, threads and what is theirs, of a real NT 5.2 kernel: what others say of the same."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.os.windows.nt52 import NEAR, moment, none, second
from tests.truth.compare import Only, complaints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.os.windows.nt52 import Nt52
    from tests.truth.record import Rows

_UNIX = datetime(1970, 1, 1)
_EPOCH = 116_444_736_000_000_000
"""Windows' time at the start of Unix's, in units of 100 ns."""
UNNAMED = "volatility3 leaves out where a drive's current directory is kept"
CUT = "volatility3 reads as many bytes as the process parameters have, as 5.2 keeps no other size"
NAMES = {
    "S-1-2-0": ("Local (Users with the ability to log in locally)", "Local"),
    "S-1-5-20": ("NT Authority", "Network Service"),
}
"""SIDs that volatility3 calls otherwise than Windows does."""
_OF_TOKENS = "process.SelectMany(p => p.token.{}"


def by(rows: Iterable[dict[str, Any]], *keys: str) -> Rows:
    """Return rows by some of their columns."""
    return {tuple(r[k] for k in keys): {n: v for n, v in r.items() if n not in keys} for r in rows}


def test_the_debugger_lists_the_same_processes(nt52: Nt52) -> None:
    listed = re.findall(r"0x([0-9a-f]{8})\s+In Memory\s+(\S+)", nt52.debugger("proc list"))
    asked = nt52.ask("process.Select([pid, name])")
    assert [(int(pid, 16), name) for pid, name in listed] == [
        (row["pid"], row["name"]) for row in asked
    ]
    assert len(asked) == 18


def test_processes(nt52: Nt52) -> None:
    theirs = by(
        (
            {
                "pid": int(row["PID"]),
                "ppid": int(row["PPID"]),
                "name": row["ImageFileName"],
                "address": row["Offset(V)"],
                "threads": int(row["Threads"]),
                "handle_count": int(row["Handles"]),
                "session_id": None if row["SessionId"] == "N/A" else int(row["SessionId"]),
                "is_wow64": row["Wow64"] == "True",
                "created": moment(row["CreateTime"]),
                "exit_time": none(row["ExitTime"]),
            }
            for row in nt52.plugin("pslist.PsList")
        ),
        "pid",
    )
    names = "pid, ppid, name, address, threads, handle_count, session_id, is_wow64, exit_time"
    ours = nt52.keyed(f"process.Select([{names}, create_time])", "pid")
    for row in ours.values():
        row["created"] = second(row.pop("create_time"))
    assert complaints(theirs, ours, ()) == []


def test_paths_and_command_lines(nt52: Nt52) -> None:
    theirs = by(
        (
            {
                "pid": int(row["PID"].replace("*", "")),
                "image_path": none(row["Audit"]),
                "command_line": none(row["Cmd"]),
                "peb_image_path": none(row["Path"]),
            }
            for row in nt52.plugin("pstree.PsTree")
        ),
        "pid",
    )
    command_lines = {int(r["PID"]): none(r["Args"]) for r in nt52.plugin("cmdline.CmdLine")}
    assert {key: row["command_line"] for (key,), row in theirs.items()} == command_lines
    query = "process.Select([pid, image_path, command_line, peb_image_path])"
    assert complaints(theirs, nt52.keyed(query, "pid"), ()) == []


def test_a_search_by_tags_finds_the_same_processes(nt52: Nt52) -> None:
    asked = nt52.ask("scan(process).Where(in_pool_scan).Select([pid, name, address])")
    theirs = {
        (int(row["PID"]), row["ImageFileName"], int(row["Offset(V)"], 16))
        for row in nt52.plugin("psscan.PsScan")
    }
    assert theirs == {(row["pid"], row["name"], place(nt52, row["address"])) for row in asked}


def place(nt52: Nt52, address: str) -> int:
    """Return the physical address of one of the kernel's."""
    return int(nt52.image.kernel.space.translate(int(address, 16)))


def _shifted(time: str | None) -> str | None:
    """Return a time as one who takes three bits off it, which XP had there, reads it."""
    if time is None:
        return None
    ticks = round((datetime.fromisoformat(time[:-1]) - _UNIX) / timedelta(microseconds=1)) * 10
    seen = (ticks + _EPOCH >> 3) - _EPOCH
    return (_UNIX + timedelta(microseconds=seen // 10)).isoformat()[:19]


def _threads(nt52: Nt52, plugin: str) -> Rows:
    return by(
        (
            {
                "address": row["Offset"],
                "pid": int(row["PID"]),
                "tid": int(row["TID"]),
                "start": row["StartAddress"],
                "win32 start": row["Win32StartAddress"],
                "created": moment(row["CreateTime"]),
            }
            for row in nt52.plugin(plugin)
        ),
        "address",
    )


def _our_threads(nt52: Nt52, source: str) -> Rows:
    """Return memq's rows; volatility3 holds all that has ThreadsProcess to be XP."""
    names = "pid: process_id, tid: thread_id, address: address"
    starts = ["start_address", "win32_start_address"]
    if nt52.form == NEAR:
        # ReactOS has these two the other way round, which no type of Microsoft's says.
        starts.reverse()
    query = f"{source}.Select({{{names}, start: {starts[0]}, w: {starts[1]}, t: create_time}})"
    rows = nt52.keyed(query, "address")
    for row in rows.values():
        row["win32 start"] = row.pop("w")
        for name in ("start", "win32 start"):
            row[name] = row[name] or "0x0"  # a thread that nothing has started there: null
        row["created"] = _shifted(row.pop("t"))
    return rows


def test_threads(nt52: Nt52) -> None:
    theirs, ours = _threads(nt52, "threads.Threads"), _our_threads(nt52, "thread")
    assert len(theirs) == 112
    assert complaints(theirs, ours, ()) == []


def test_no_thread_has_ended(nt52: Nt52) -> None:
    asked = nt52.ask("thread.Select([exit_time, state])")
    assert [
        row for row in asked if row["exit_time"] is not None or row["state"] == "terminated"
    ] == []
    # What others show of some is a list's two pointers (KeyedWaitChain), read as a time.
    seen = {none(row["ExitTime"]) for row in nt52.plugin("threads.Threads")}
    assert {time[:2] for time in seen if time} == {"15"}


def test_a_search_by_tags_finds_no_fewer_threads(nt52: Nt52) -> None:
    ours = _our_threads(nt52, "scan(thread).Where(in_pool_scan)")
    placed: Rows = {(hex(place(nt52, str(key[0]))),): row for key, row in ours.items()}
    theirs = _threads(nt52, "thrdscan.ThrdScan")
    # It gives those alone whose start lies in the kernel's half: with 32 bits, System's.
    seen = {key: row for key, row in placed.items() if row["pid"] == 4}
    assert complaints(theirs, seen, ()) == []
    assert len(placed) == 112


def test_the_debugger_says_the_same_of_threads(nt52: Nt52) -> None:
    for pid in (0x4, 0x424, 0x1A8, 0x80):
        text = nt52.debugger(f"thread list {pid:#x}", "kdbg2.txt")
        listed = re.findall(r"0x([0-9a-f]{8})\s+Waiting\s+(\d+)\s", text)
        fields = "tid: thread_id, state: state, priority: priority"
        asked = nt52.ask(f"thread.Where(process_id == {pid}).Select({{{fields}}})")
        assert [(row["tid"], row["priority"]) for row in asked] == [
            (int(tid, 16), int(priority)) for tid, priority in listed
        ]
        assert {row["state"] for row in asked} == {"waiting"}


def test_the_debugger_says_the_same_of_one_stack(nt52: Nt52) -> None:
    text = nt52.debugger("thread 0x428", "kdbg3.txt")
    told = dict(re.findall(r"(Stack Base|Stack Limit):\s+(0x[0-9a-f]+)", text))
    fields = "stack_base: stack_base, stack_limit: stack_limit"
    (row,) = nt52.ask(f"thread.Where(thread_id == 0x428).Select({{{fields}}})")
    assert row == {"stack_base": told["Stack Base"], "stack_limit": told["Stack Limit"]}


def test_where_threads_go_on_in_user_mode(nt52: Nt52) -> None:
    text = "".join(
        nt52.debugger(f"thread list {p}", "kdbg2.txt") for p in ("0x424", "0x1a8", "0x80")
    )
    listed = re.findall(r"0x([0-9a-f]{8})\s+Waiting.*0x([0-9a-f]{8})\s*$", text, re.MULTILINE)
    asked = nt52.ask("thread.Select([thread_id, user_instruction_pointer])")
    ours = {row["thread_id"]: row["user_instruction_pointer"] for row in asked}
    assert listed
    for tid, eip in listed:
        assert int(ours[int(tid, 16)], 16) == int(eip, 16)


def test_modules(nt52: Nt52) -> None:
    theirs = by(
        (
            {
                "pid": int(row["PID"]),
                "base": row["Base"],
                "size": int(row["Size"], 16),
                "name": none(row["Name"]),
                "path": none(row["Path"]),
                "load_count": int(row["LoadCount"]),
            }
            for row in nt52.plugin("dlllist.DllList")
        ),
        "pid",
        "base",
    )
    names = "base: base, size: size, name: name, path: path, load_count: load_count"
    ours = nt52.keyed(f"module.Select({{pid: process.pid, {names}}})", "pid", "base")
    assert len(theirs) == 368
    assert complaints(theirs, ours, ()) == []


def test_environments(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["PID"]), row["Variable"]): {"value": row["Value"]}
        for row in nt52.plugin("envars.Envars")
    }
    ours = nt52.keyed(
        "environment.Select({pid: process.pid, name: name, value: value})", "pid", "name"
    )
    known = [Only("dump", (pid, "=C:"), UNNAMED) for pid in (1060, 1072)]
    for pid, count in {424: 2, 672: 2, 972: 2, 984: 2, 1060: 3, 1072: 4}.items():
        last = [key for key in ours if key[0] == pid][-count:]
        known += [Only("dump", key, CUT) for key in last]
    assert complaints(theirs, ours, known) == []


def test_users_and_groups(nt52: Nt52) -> None:
    rows = nt52.plugin("getsids.GetSIDs")
    names = {row["SID"]: none(row["Name"]) for row in rows}
    assert {sid: names[sid] for sid in NAMES} == {sid: theirs for sid, (theirs, _) in NAMES.items()}
    names |= {sid: ours for sid, (_, ours) in NAMES.items()}
    theirs = sorted((int(row["PID"]), row["SID"], names[row["SID"]]) for row in rows)
    users = nt52.ask("process.Select({pid: pid, sid: token.user, name: token.user_name})")
    groups = nt52.ask(f"{_OF_TOKENS.format('group')}.Select({{pid: p.pid, sid: sid, name: name}}))")
    assert sorted((row["pid"], row["sid"], row["name"]) for row in (*users, *groups)) == theirs


def test_privileges(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["PID"]), int(row["Value"])): {
            "name": row["Privilege"],
            "attributes": set(row["Attributes"].split(",")),
        }
        for row in nt52.plugin("privileges.Privs")
    }
    words = {"is_present": "Present", "is_enabled": "Enabled", "is_enabled_by_default": "Default"}
    fields = ", ".join(f"{name}: {name}" for name in ("name", "number", *words))
    ours: Rows = {
        (row["pid"], row["number"]): {
            "name": row["name"],
            "attributes": {word for field, word in words.items() if row[field]},
        }
        for row in nt52.ask(f"{_OF_TOKENS.format('privilege')}.Select({{pid: p.pid, {fields}}}))")
    }
    assert complaints(theirs, ours, ()) == []
