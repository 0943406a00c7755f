"""Runs one program and tells what it cost: `LIMIT OUTPUT ERRORS PROGRAM [ARGUMENT ...]`.

Run as a program by benchmarks.measuring, never imported. A process counts as its own what was
resident in the one that started it: this one is as small as Python gets, whatever the one that
compares rows holds. Prints JSON: wall and CPU seconds, kilobytes (on macOS bytes), exit status;
after LIMIT seconds, unless they are 0, the program is ended, and it says so.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def main() -> int:
    """Run it."""
    limit, output, errors, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 1, output, flags, 0o600)]
    actions.append((os.POSIX_SPAWN_OPEN, 2, errors, flags, 0o600))
    start = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
    ended: list[int] = []

    def end(number: int, _frame: object) -> None:
        ended.append(number)
        os.killpg(process, signal.SIGKILL)

    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    _, status, usage = os.wait4(process, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    cost = {
        "wall": time.perf_counter() - start,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss,
        "status": os.waitstatus_to_exitcode(status),
        "is_late": signal.SIGALRM in ended,
    }
    sys.stdout.write(json.dumps(cost))
    return 0 if set(ended) <= {signal.SIGALRM} else 1


if __name__ == "__main__":
    sys.exit(main())
