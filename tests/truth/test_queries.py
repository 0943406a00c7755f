"""Queries as analysts ask them, with every part of the language, held to the guests' records.

The same is asked in ways that share little: fields against the kernel's own structures, joins
against nested conditions, groups against counts. What test_truth.py holds to the record row by row
is the ground that these stand on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.truth import answers, record
from tests.truth.compare import Changed, Only
from tests.truth.differences import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.truth.compare import Difference
    from tests.truth.conftest import Told
    from tests.truth.record import Row, Rows

ROOTKIT = "deb12-6.1-rootkit"


def at_pause(recorded: Rows, answer: Rows, known: Sequence[Difference]) -> Rows:
    """Return the record as the guest was when it was paused: the known differences made.

    Of what only the dump has, memq's own rows are taken; they stand in the dump's order.
    """
    gone = tuple(one.key for one in known if isinstance(one, Only) and one.side == "record")
    changes = {one.key: one.now for one in known if isinstance(one, Changed)}
    rows = {
        key: row | changes.get(key, {})
        for key, row in recorded.items()
        if not any(key[: len(one)] == one for one in gone)
    }
    return {key: rows.get(key, row) for key, row in answer.items()}


class Guest:
    """What a guest's record says of it at the moment of the dump, and the dump to ask."""

    def __init__(self, told: Told) -> None:
        known, of = KNOWN[told.dump.name], told.dump.record
        self.told = told
        self.named: dict[str, int] = of.truth["named_pids"]
        self.recorded: dict[int, dict[str, Any]] = {p["pid"]: p for p in of.truth["processes"]}
        rows = at_pause(record.processes(of), told.processes, known.processes)
        self.processes: dict[int, Row] = {int(pid): row for (pid,), row in rows.items()}
        self.vads = at_pause(record.vads(of), told.vads, known.vads)
        self.handles = at_pause(record.handles(of), told.handles, known.handles)

    def ask(self, query: str) -> list[Any]:
        """Return the rows of a query's answer."""
        return answers.ask(self.told.image, query)

    def one(self, query: str) -> Any:
        """Return the one value that a query ends in."""
        (value,) = self.ask(query)
        return value

    def children(self) -> dict[int, list[int]]:
        """Each parent's children, in the order of the processes."""
        found: dict[int, list[int]] = defaultdict(list)
        for pid, row in self.processes.items():
            found[row["parent_process_id"]].append(pid)
        return found

    def of(self, rows: Rows, field: str) -> dict[int, list[Any]]:
        """A field of each process's mappings or descriptors."""
        found: dict[int, list[Any]] = {pid: [] for pid in self.processes}
        for (pid, _), row in rows.items():
            found[int(pid)].append(row[field])
        return found


@pytest.fixture(scope="module")
def guest(told: Told) -> Guest:
    """Each guest in turn."""
    return Guest(told)


def pids(rows: Iterable[Row]) -> list[int]:
    return [row["pid"] for row in rows]


# What was planted, and what hunts find


def test_anonymous_memory_that_may_be_written_and_executed(guest: Guest) -> None:
    query = "process.Where(vad.is_anonymous && vad.is_executable && vad.is_writable)"
    rows = guest.ask(f"{query}.Select([pid, vad.start, vad.protection])")
    assert pids(rows) == [guest.named["rwx"]]
    regions = [int(key[1]) for key, row in guest.vads.items() if row["protection"] == "rwx"]
    assert rows[0]["vad"] == [{"start": hex(start), "protection": "rwx"} for start in regions]
    by_flags = 'vad.Where(flags.Has("VM_WRITE") && flags.Has("VM_EXEC")).Select([process.pid])'
    assert guest.ask(by_flags) == [{"process": {"pid": guest.named["rwx"]}}] * len(regions)


def test_programs_that_are_deleted(guest: Guest) -> None:
    rows = guest.ask("process.Where(image_is_deleted).Select({pid: pid, file: exe})")
    assert rows == [
        {"pid": pid, "file": row["exe"].removesuffix(record.DELETED)}
        for pid, row in guest.recorded.items()
        if str(row["exe"]).endswith(record.DELETED)
    ]
    assert guest.named["deleted-exe"] in pids(rows)
    mapped = "process.Where(vad.is_executable && vad.is_deleted && !vad.is_anonymous)"
    assert guest.ask(f"{mapped}.Select([pid])") == [{"pid": row["pid"]} for row in rows]


def test_a_program_that_never_was_a_file(guest: Guest) -> None:
    rows = guest.ask('process.Where(exe.Like("/memfd:*")).Select([pid, cmdline])')
    assert rows == [{"pid": guest.named["fileless"], "cmdline": "[kthreadd] 100000"}]
    by_vad = 'process.Where(vad.file_name.StartsWith("/memfd:") && vad.is_executable).Select(pid)'
    assert guest.ask(by_vad) == [guest.named["fileless"]]


def test_programs_that_pass_for_kernel_threads(guest: Guest) -> None:
    looks = r"(name.Matches(/^\[?k(worker|thread)/) || cmdline.StartsWith('['))"
    disguised = [guest.named["fake-kworker"], guest.named["fileless"]]
    assert guest.ask(f"process.Where({looks} && !is_kernel_thread).Select(pid)") == disguised
    assert guest.ask(f"process.Where({looks} && vad.Any()).Select(pid)") == disguised
    assert guest.ask(f"process.Where({looks} && raw.mm.pgd != null).Select(pid)") == disguised


def test_processes_that_hide(guest: Guest) -> None:
    hidden = [guest.named["to-hide"]] if guest.told.dump.guest == ROOTKIT else []
    assert guest.ask("process.Where(!in_task_list).Select(pid)") == hidden
    listed = 'list_of(cast("task_struct", symbol("init_task")).tasks, "task_struct", "tasks")'
    missed = f"process.Where(p => !(p.pid in {listed}.pid)).Select(pid)"
    assert guest.ask(missed) == hidden
    assert guest.one(f"{listed}.pid.Max()") == guest.one("process.Where(in_task_list).Max(pid)")
    assert guest.one(f"{listed}.Count()") == len(guest.processes) - len(hidden)
    assert guest.ask(f"process.AntiJoin({listed}, p => p.pid, t => t.pid).Select(pid)") == hidden


def test_credentials_that_are_the_kernels_own(guest: Guest) -> None:
    query = 'process.Where(raw.cred == cast("task_struct", symbol("init_task")).cred).Select(name)'
    assert guest.ask(query) == (["memq-cred"] if guest.told.dump.guest == ROOTKIT else [])


def test_hooked_system_calls(guest: Guest) -> None:
    hooked = ["kill", "getdents64"] if guest.told.dump.guest == ROOTKIT else []
    outside = 'syscall.Where(module == null || module != "kernel").Select(name)'
    assert guest.ask("syscall.Where(is_hooked).Select(name)") == hooked
    assert guest.ask(outside) == hooked


def test_standard_streams_that_are_sockets(guest: Guest) -> None:
    query = 'process.Where(handle.fd in 0..2 && handle.kind == "socket")'
    expected: dict[int, list[Row]] = {}
    for (pid, number), row in guest.handles.items():
        if number in (0, 1, 2) and row["name"].startswith("socket:"):
            shown = {"fd": number, "name": row["name"]}
            expected.setdefault(int(pid), []).append(shown)
    rows = guest.ask(f"{query}.Select([pid, handle.fd, handle.name])")
    assert {row["pid"]: row["handle"] for row in rows} == expected
    assert expected


def test_one_who_traces_another(guest: Guest) -> None:
    traced = {pid: int(p["tracer"]) for pid, p in guest.recorded.items() if int(p["tracer"])}
    rows = guest.ask("process.Where(raw.ptrace != 0).Select({pid: pid, tracer: raw.parent.tgid})")
    assert {row["pid"]: row["tracer"] for row in rows} == traced
    assert guest.named["ptrace"] in traced.values()


def test_namespaces(guest: Guest) -> None:
    rows = guest.ask("process.Select({pid: pid, ns: raw.nsproxy.uts_ns.ns.inum})")
    inside = {row["pid"]: f"uts:[{row['ns']}]" for row in rows if row["ns"] is not None}
    recorded = {pid: p["ns"]["uts"] for pid, p in guest.recorded.items() if p["ns"].get("uts")}
    assert {pid: inside[pid] for pid in recorded if pid in inside} == {
        pid: namespace for pid, namespace in recorded.items() if pid in guest.processes
    }
    first = "process.First(q => q.pid == 1).raw.nsproxy.uts_ns"
    apart = f"process.Where(p => p.raw.nsproxy.uts_ns.ns.inum != {first}.ns.inum)"
    names = guest.ask(f"{apart}.Select(raw.nsproxy.uts_ns.name.nodename).Distinct()")
    assert "memq-ns" in names


# The same, asked in another way


def test_groups_by_user(guest: Guest) -> None:
    users = Counter(row["uid"] for row in guest.processes.values())
    grouped = guest.ask("process.GroupBy(uid).Select({uid: key, n: items.Count(), p: items.pid})")
    assert {row["uid"]: row["n"] for row in grouped} == users
    for row in grouped:
        assert row["p"] == [p for p, one in guest.processes.items() if one["uid"] == row["uid"]]
        assert guest.one(f"process.Count(uid == {row['uid']})") == row["n"]
    assert guest.ask("process.CountBy(uid)") == [{"key": k, "count": n} for k, n in users.items()]


def test_bytes_that_are_mapped(guest: Guest) -> None:
    sizes = {pid: sum(each) for pid, each in guest.of(guest.vads, "size").items()}
    rows = guest.ask("process.Select({pid: pid, bytes: vad.size.Sum(), n: vad.Count()})")
    assert {row["pid"]: row["bytes"] for row in rows} == sizes
    assert {row["pid"]: row["n"] for row in rows} == {
        pid: len(each) for pid, each in guest.of(guest.vads, "size").items()
    }
    assert guest.one("vad.Sum(size)") == guest.one("process.Sum(vad.size.Sum())")
    assert guest.one("vad.Sum(size)") == sum(sizes.values())
    kernels_own = "raw.mm.total_vm * 4096 == vad.size.Sum() && raw.mm.map_count == vad.Count()"
    assert guest.one(f"process.Where(dtb != null).All({kernels_own})") is True


def test_let_is_what_it_stands_for(guest: Guest) -> None:
    let = "process.Let({mapped: vad.size.Sum(), n: handle.Count()}).Where(mapped > 10MB)"
    sizes, handles = guest.of(guest.vads, "size"), guest.of(guest.handles, "name")
    large = [pid for pid, each in sizes.items() if sum(each) > 10 << 20]
    rows = guest.ask(f"{let}.OrderByDescending(mapped).ThenBy(pid).Select([pid, mapped, n])")
    assert rows == [
        {"pid": pid, "mapped": sum(sizes[pid]), "n": len(handles[pid])}
        for pid in sorted(large, key=lambda pid: (-sum(sizes[pid]), pid))
    ]


def test_mappings_by_file(guest: Guest) -> None:
    files: dict[str | None, list[int]] = defaultdict(list)
    for row in guest.vads.values():
        files[row["file_name"]].append(row["size"])
    groups = "vad.GroupBy(file_name).Select([key, items.Count(), items.size.Sum()])"
    rows = guest.ask(f"{groups}.OrderByDescending(items.Count()).Take(10)")
    most = sorted(files, key=lambda name: -len(files[name]))[:10]
    assert rows == [
        {"key": name, "items.Count()": len(files[name]), "items.size.Sum()": sum(files[name])}
        for name in most
    ]


def test_files_that_are_mapped_and_open(guest: Guest) -> None:
    mapped, opened = guest.of(guest.vads, "file_name"), guest.of(guest.handles, "name")
    both = [pid for pid in mapped if set(mapped[pid]) & set(opened[pid])]
    assert both
    for condition in (
        "vad.file_name == handle.name",
        "vad.Any(v => handle.Any(h => h.name == v.file_name))",
        "handle.Any(h => h.name in process.vad.file_name)",
        "vad.Join(handle, v => v.file_name, h => h.name).Any()",
    ):
        assert guest.ask(f"process.Where({condition}).Select(pid)") == both
    join = (
        "vad.Join(handle, v => v.file_name, h => h.name, (v, h) => [v.process.pid, h.process.pid])"
    )
    owners = [pid for pid, names in opened.items() for _ in names]
    names = [name for each in opened.values() for name in each]
    assert guest.ask(join) == [
        {"v": {"process": {"pid": pid}}, "h": {"process": {"pid": owner}}}
        for pid, each in mapped.items()
        for file in each
        for owner, name in zip(owners, names, strict=True)
        if name == file
    ]


def test_joins_with_oneself_are_children(guest: Guest) -> None:
    children = guest.children()
    rows = guest.ask("process.Select({pid: pid, own: children.pid})")
    assert {row["pid"]: sorted(row["own"]) for row in rows} == {
        pid: sorted(children.get(pid, [])) for pid in guest.processes
    }
    counted = "process.Where(p => process.Count(q => q.ppid == p.pid) != p.children.Count())"
    assert guest.ask(counted) == []
    pairs = "process.Join(process, p => p.pid, q => q.ppid, (p, q) => {parent: p.pid, own: q.pid})"
    assert guest.ask(pairs) == [
        {"parent": pid, "own": child} for pid in guest.processes for child in children.get(pid, [])
    ]
    lone = "process.AntiJoin(process, p => p.pid, q => q.ppid).Select(pid)"
    assert guest.ask(lone) == [pid for pid in guest.processes if pid not in children]
    assert guest.ask(lone) == guest.ask("process.Where(children.None()).Select(pid)")


def test_orphans_stay_in_a_left_join(guest: Guest) -> None:
    join = "process.LeftJoin(process, p => p.ppid, q => q.pid, (p, q) => {pid: p.pid, of: q.name})"
    assert guest.ask(join) == [
        {"pid": pid, "of": guest.processes.get(row["parent_process_id"], {}).get("name")}
        for pid, row in guest.processes.items()
    ]


def test_sets(guest: Guest) -> None:
    script = "let root = process.Where(uid == 0); let own = process.Where(is_kernel_thread);"
    threads = [pid for pid, row in guest.processes.items() if row["is_kernel_thread"]]
    roots = [pid for pid, row in guest.processes.items() if row["uid"] == 0]
    rest = [pid for pid in roots if pid not in threads]
    assert guest.ask(f"{script} root.Except(own).Select(pid)") == rest
    assert guest.ask(f"{script} root.Intersect(own).Select(pid)") == threads
    assert guest.ask(f"{script} own.Union(root).Select(pid)") == threads + rest
    assert guest.one(f"{script} own.Concat(root).Count()") == len(threads) + len(roots)


def test_functions_of_ones_own(guest: Guest) -> None:
    script = "let in_mb = n => n / 1MB; let mapped = p => p.vad.size.Sum();"
    sizes = guest.of(guest.vads, "size")
    assert guest.ask(f"{script} process.Select(p => in_mb(mapped(p)))") == [
        sum(each) >> 20 for each in sizes.values()
    ]


def test_the_kernels_structures_say_what_the_fields_say(guest: Guest) -> None:
    equal = (
        "raw.tgid == pid && raw.comm == name && raw.real_parent.tgid == ppid"
        " && raw.cred.uid.val == uid && raw.cred.gid.val == gid"
        " && ((raw.flags & 0x200000) != 0) == is_kernel_thread && addressof(raw) == address"
    )
    assert guest.one(f"process.All({equal})") is True
    vads = "raw.vm_start == start && raw.vm_end == end && raw.vm_mm == process.raw.mm"
    assert guest.one(f"vad.All({vads})") is True
    assert guest.one("vad.Where(inode != null).All(raw.vm_file.f_inode.i_ino == inode)") is True
    assert guest.one("handle.All(raw.f_inode.i_ino == inode && raw.f_pos == position)") is True
    direct = 'cast("unsigned long", symbol("page_offset_base"))'
    assert guest.one(f"process.Where(dtb != null).All(raw.mm.pgd - {direct} == dtb)") is True


def test_the_kernels_lists(guest: Guest) -> None:
    threads = 'list_of(raw.signal.thread_head, "task_struct", "thread_node")'
    rows = guest.ask(f"process.Select({{pid: pid, n: {threads}.Count(), names: {threads}.comm}})")
    assert {row["pid"]: row["n"] for row in rows} == {
        pid: row["thread_count"] for pid, row in guest.processes.items()
    }
    own = guest.named["threads"]
    (names,) = (row["names"] for row in rows if row["pid"] == own)
    assert names == [task["comm"] for task in guest.recorded[own]["tasks"]]
    siblings = 'list_of(raw.children, "task_struct", "sibling")'
    assert guest.one(
        f"process.Where(thread_count == 1).All({siblings}.Count() == children.Count())"
    )
    there_and_back = 'container_of(addressof(raw.tasks), "task_struct", "tasks").tgid'
    assert guest.one(f"process.All({there_and_back} == pid)") is True


def test_texts_and_times(guest: Guest) -> None:
    programs = [str(row["image_path"]) for row in guest.processes.values() if row["image_path"]]
    lines = [row["command_line"] for row in guest.processes.values() if row["command_line"]]
    assert guest.one(r"process.Count(exe.Matches(/^\/usr\/s?bin\//))") == sum(
        one.startswith(("/usr/bin/", "/usr/sbin/")) for one in programs
    )
    assert guest.one('process.Count("sleep" in cmdline)') == sum("sleep" in one for one in lines)
    assert guest.one("process.Max(cmdline.Length())") == max(map(len, lines))
    words = guest.ask('process.Where(cmdline.Length() > 0).Select(cmdline.Split(" ").Count())')
    assert words == [line.count(" ") + 1 for line in lines]
    ids = list(guest.processes)
    by_age = guest.ask("process.OrderBy(create_time).ThenBy(pid).Select(pid)")
    times = {pid: guest.told.processes[pid,]["create_time"] for pid in ids}
    assert by_age == sorted(ids, key=lambda pid: (times[pid], pid))


def test_what_could_be_read_is_known(guest: Guest) -> None:
    # Nothing of these guests was paged out, and nothing moved while the dump was made.
    assert guest.one("process.Count(is_unknown(exe) || is_unknown(uid))") == 0
    assert guest.one("vad.Count(is_unknown(name) || is_unknown(inode))") == 0
    assert guest.one("handle.Count(is_unknown(name) || is_unknown(kind))") == 0
