"""What memq must say of the processes of a built scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.os.windows.thread import STATES, WAIT_REASONS
from tests.os.windows.questions import Question, Row, Rows, address, moment

if TYPE_CHECKING:
    from tests.synthetic.windows.scene import Scene
    from tests.synthetic.windows.truth import ProcessTruth, ThreadTruth


def process(scene: Scene, one: ProcessTruth) -> Row:
    has_handles = one.exit_time is None and one not in scene.image.truth.freed
    return {
        "address": hex(one.offset),
        "pid": one.pid,
        "ppid": one.ppid,
        "name": one.name[:14],
        "dtb": hex(one.dtb),
        "session": one.session,
        "created": moment(one.create_time),
        "exited": moment(one.exit_time),
        "threads": len(one.threads),
        "handles": len(one.handles) if has_handles else None,
        "wow64": one.wow64,
        "path": one.path,
        "cmdline": one.cmdline,
        "cwd": one.cwd,
        "peb": address(one.peb),
        "base": address(one.peb_image_base),
        "listed": not one.hidden,
        "known": one.pid in scene.image.truth.cid_table,
    }


def processes(scene: Scene) -> Rows:
    return [process(scene, one) for one in scene.image.truth.processes]


def scanned_processes(scene: Scene) -> Rows:
    freed = [{**process(scene, one), "known": False} for one in scene.image.truth.freed]
    return [*processes(scene), *freed]


PROCESS = (
    "{address: address, pid: pid, ppid: ppid, name: name, dtb: directory_table_base, "
    "session: session_id, created: create_time, exited: exit_time, threads: thread_count, "
    "handles: handle_count, wow64: is_wow64, path: image_path, cmdline: command_line, "
    "cwd: current_directory, peb: peb, base: peb_image_base, listed: in_active_list, "
    "known: in_handle_table}"
)


def tokens(scene: Scene) -> Rows:
    truths = {one.offset: one.token for one in scene.image.truth.processes}
    has_levels = scene.image.options.is_vista
    return [
        {
            "process": hex(offset),
            "address": hex(one.address),
            "user": one.sids[0],
            "groups": one.sids[1:],
            "level": int(one.integrity.rpartition("-")[2]) if has_levels else None,
            "held": _bits(one.present),
            "enabled": _bits(one.enabled),
        }
        for offset, one in truths.items()
        if one is not None
    ]


def _bits(mask: int) -> list[int]:
    return [number for number in range(64) if mask >> number & 1]


TOKEN = (
    "process.Select({process: address, address: token.address, user: token.user, "
    "groups: token.group.Select(sid), level: token.integrity_level, "
    "held: token.privilege.Where(is_present).Select(number), "
    "enabled: token.privilege.Where(is_enabled).Select(number)})"
)


def threads(scene: Scene) -> Rows:
    known = {one.pid for one in scene.image.truth.processes}
    both = "process list, scheduler list"
    found = [thread(one) for one in scene.image.truth.threads if one.pid in known]
    return [{**one, "sources": both} for one in found]


def scanned_threads(scene: Scene) -> Rows:
    known = {one.pid for one in scene.image.truth.processes}
    return [thread(one) for one in scene.image.truth.threads if one.pid in known]


def thread(one: ThreadTruth) -> Row:
    state = STATES[one.state]
    return {
        "address": hex(one.offset),
        "pid": one.pid,
        "tid": one.tid,
        "start": hex(one.start),
        "win32": hex(one.win32_start),
        "created": moment(one.create_time),
        "exited": moment(one.exit_time),
        "state": state,
        "reason": WAIT_REASONS[one.wait_reason] if state == "waiting" else None,
        "teb": address(one.teb),
    }


THREAD = (
    "{address: address, pid: process_id, tid: thread_id, start: start_address, "
    "win32: win32_start_address, created: create_time, exited: exit_time, state: state, "
    "reason: wait_reason, teb: teb, sources: sources}"
)


def vads(scene: Scene) -> Rows:
    return [
        {
            "address": hex(vad.node),
            "pid": one.pid,
            "start": hex(vad.start),
            "end": hex(vad.end + 1),
            "kind": vad.kind,
            "tag": vad.tag,
            "protection": vad.protection,
            "private": bool(vad.private),
            "file": vad.file,
        }
        for one in scene.image.truth.processes
        for vad in one.vads
    ]


VAD = (
    "{address: address, pid: process.pid, start: start, end: end, kind: kind, tag: tag, "
    "protection: protection, private: is_private, file: file_name}"
)


def handles(scene: Scene) -> Rows:
    return [
        {
            "pid": one.pid,
            "handle": held.handle,
            "object": hex(held.object),
            "type": held.type,
            "access": held.access,
            "name": _shown(held.type, held.name),
        }
        for one in scene.image.truth.processes
        for held in one.handles
    ]


def _shown(kind: str, name: str | None) -> str | None:
    """Return the name that memq shows for the one that volatility3 does."""
    if name is None or kind in {"File", "Process", "Thread"}:
        return name
    return f"\\REGISTRY\\{name}" if kind == "Key" else f"\\BaseNamedObjects\\{name}"


HANDLE = (
    "{pid: process.pid, handle: value, object: address, type: type, access: granted_access, "
    "name: name}"
)


def modules(scene: Scene) -> Rows:
    return [
        {
            "pid": one.pid,
            "address": hex(module.offset),
            "base": hex(module.base),
            "size": module.size,
            "name": module.name,
            "path": module.path,
        }
        for one in scene.image.truth.processes
        for module in one.modules
    ]


MODULE = "{pid: process.pid, address: address, base: base, size: size, name: name, path: path}"


def environments(scene: Scene) -> Rows:
    return [
        {"pid": one.pid, "name": name, "value": value}
        for one in scene.image.truth.processes
        for name, value in one.env.items()
    ]


PROCESSES = {
    "processes": Question(f"process.Select({PROCESS})", processes),
    "processes in pools": Question(f"scan(process).Select({PROCESS})", scanned_processes),
    "tokens": Question(TOKEN, tokens),
    "threads": Question(f"thread.Select({THREAD})", threads),
    "threads in pools": Question(f"scan(thread).Select({THREAD})", scanned_threads),
    "vads": Question(f"vad.Select({VAD})", vads),
    "handles": Question(f"handle.Select({HANDLE})", handles),
    "modules": Question(f"module.Where(address != null).Select({MODULE})", modules),
    "environments": Question(
        "environment.Select({pid: process.pid, name: name, value: value})", environments
    ),
}
