"""The first and only program of the guest whose memory becomes the bench image.

It forks the processes, lets each map memory and open descriptors, counts what there is in /proc,
says so on the console and waits. It is put into the guest as a file (linux_initramfs.py), so it
imports nothing but the standard library and linux_inside.py.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import json
import mmap
import os
import select
import signal
import socket
import threading
from pathlib import Path
from typing import NamedTuple, NoReturn

from benchmarks.linux_inside import Kernel, say

SCENARIO = "/scenario.json"
"""Where the guest finds its Size."""

_GROUP = 40
"""So many processes have one parent, itself one of them."""
_SHARES = ((450, 190), (30, 10))
"""Of so many processes, one has so many times the mean of mappings; others share what is left."""
_THREADED, _THREADS = 90, 40
"""Of so many processes, one has so many threads."""
_FILES, _FILES_OF_ONE, _FILE_SIZE = 400, 8, 1 << 20
_FILLERS, _BLOCK = 16, 1 << 20
_EXECUTABLE_SHARE = 250
"""Of so many anonymous mappings, one is executable."""
_PAGE = mmap.PAGESIZE


class Size(NamedTuple):
    """How much there is: mappings and descriptors of the average process, megabytes filled."""

    processes: int = 1815
    mappings: int = 75
    descriptors: int = 22
    filled: int = 1024


def mapping_counts(size: Size) -> list[int]:
    """Say how many mappings each process makes: a few very many, most of them few.

    The sum is exactly that of the mean, so that images of any number of processes can be compared.
    """
    times = [next((t for n, t in _SHARES if i % n == n - 1), 0) for i in range(size.processes)]
    few = times.count(0)
    left = (size.processes - sum(times)) * size.mappings
    each, more = divmod(left, few)
    extra = iter(range(few))
    return [t * size.mappings if t else each + (next(extra) < more) for t in times]


class Worker:
    """What every process does once it is there."""

    def __init__(self, size: Size, kernel: Kernel) -> None:
        self._size, self._kernel = size, kernel
        self._mappings = mapping_counts(size)
        self._block = os.urandom(_BLOCK if size.filled else 0)

    def be(self, number: int, done: int) -> NoReturn:
        """Do the work of a process, say whether it went well, and stay."""
        verdict = b"!"
        try:
            self._work(number)
            verdict = b"."
        finally:
            os.write(done, verdict)
            os.close(done)
        while True:
            signal.pause()

    def _work(self, number: int) -> None:
        self._kernel.rename(f"worker-{number:05}")
        _open_descriptors(number, self._size.descriptors)
        self._map(number, self._mappings[number])
        fillers = min(_FILLERS, self._size.processes)
        if number < fillers:
            self._fill(self._size.filled // fillers)
        if number % _THREADED == _THREADED - 1:
            _start_threads(_THREADS)

    def _map(self, number: int, count: int) -> None:
        """Alternate files and anonymous memory, so that no two neighbours become one mapping."""
        read, write, execute = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
        of_file = (read, read | execute, read, read | write)
        files = [_library((number * 3 + n * n) % _FILES) for n in range(_FILES_OF_ONE)]
        opened = [os.open(path, os.O_RDONLY) for path in files] if count else []
        for n in range(count):
            size = (1 + n % 4) * _PAGE
            half = n // 2
            if n % 2:
                rights = execute if half % _EXECUTABLE_SHARE == _EXECUTABLE_SHARE - 1 else 0
                self._kernel.map(size, read | write | rights)
            else:
                file = opened[half % len(opened)]
                self._kernel.map(size, of_file[half % len(of_file)], file, half % 200 * _PAGE)
        for descriptor in opened:
            os.close(descriptor)

    def _fill(self, megabytes: int) -> None:
        """Write what looks like data, so that the image is not mostly holes."""
        if not megabytes:
            return
        start = self._kernel.map(megabytes << 20, mmap.PROT_READ | mmap.PROT_WRITE)
        for offset in range(0, megabytes << 20, _BLOCK):
            ctypes.memmove(start + offset, self._block, _BLOCK)


def _open_descriptors(number: int, mean: int) -> None:
    """Open files of several kinds; from half the mean to one and a half, over all processes."""
    count = mean // 2 + number % (mean + 1)
    kinds = ("file", "file", "pipe", "file", "sockets", "event", "datagrams", "file", "poll")
    held: list[int] = []
    turns = itertools.count(number)
    while len(held) < count:
        turn = next(turns)
        held += _opened(kinds[turn % len(kinds)], turn * 7)
    for descriptor in held[count:]:  # pipes and pairs of sockets come in twos
        os.close(descriptor)


def _opened(kind: str, number: int) -> tuple[int, ...]:
    if kind == "pipe":
        return os.pipe()
    if kind == "event":
        return (os.eventfd(number),)
    if kind == "sockets":
        one, other = socket.socketpair()
        return one.detach(), other.detach()
    if kind == "datagrams":
        return (socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),)
    if kind == "poll":
        with select.epoll() as poll:
            return (os.dup(poll.fileno()),)
    return (os.open(_library(number % _FILES), os.O_RDONLY),)


def _start_threads(count: int) -> None:
    never = threading.Event()
    threading.stack_size(64 << 10)
    for _ in range(count):
        threading.Thread(target=never.wait, daemon=True).start()


def _library(number: int) -> str:
    return f"/usr/lib/bench/library{number:03}.so"


def populate(kernel: Kernel, worker: Worker, processes: int) -> None:
    """Fork all processes, in groups, and wait until each has done its work."""
    progress, done = os.pipe()
    for first in range(0, processes, _GROUP):
        if not kernel.fork():
            os.close(progress)
            for number in range(first + 1, min(first + _GROUP, processes)):
                if not kernel.fork():
                    worker.be(number, done)
            worker.be(first, done)
    os.close(done)
    finished = 0
    while finished < processes:
        verdicts = os.read(progress, 4096)
        if not verdicts or b"!" in verdicts:
            raise ChildProcessError("a process could not do its work")
        finished += len(verdicts)
    os.close(progress)


def settled() -> dict[str, int]:
    """Count until nothing has changed since the last time: threads of the kernel come and go."""
    last, now = counted(), counted()
    while now != last:
        last, now = now, counted()
    return now


def counted() -> dict[str, int]:
    """Count processes (the kernel's own, too), mappings and descriptors."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    mappings, descriptors = 0, -1  # one is that by which we list our own
    for folder in folders:
        maps = (folder / "maps").read_bytes()
        # The page at a fixed address that ends each list is no mapping of the process.
        mappings += maps.count(b"\n") - maps.count(b"[vsyscall]")
        with os.scandir(folder / "fd") as entries:
            descriptors += sum(1 for _ in entries)
    return {"processes": len(folders), "vmas": mappings, "descriptors": descriptors}


def _available() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) >> 10


def prepare(kernel: Kernel) -> None:
    """Mount what is needed, lift limits, make the files that are mapped (nothing is in them)."""
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        kernel.mount(kind, place)
    # Better no image than one from which a process is missing.
    for name, value in (("max_map_count", 1 << 22), ("panic_on_oom", 1)):
        Path("/proc/sys/vm", name).write_text(str(value))
    Path(_library(0)).parent.mkdir(parents=True)
    for number in range(_FILES):
        with Path(_library(number)).open("wb") as file:
            file.truncate(_FILE_SIZE)


def main() -> NoReturn:
    """Be the guest's init; whatever goes wrong ends it, and with it the guest."""
    kernel = Kernel()
    prepare(kernel)
    size = Size(**json.loads(Path(SCENARIO).read_text()))
    say("booted")
    worker = Worker(size, kernel)
    gc.freeze()  # what is collected would be copied in every process
    gc.disable()
    populate(kernel, worker, size.processes)
    say(f"counting; {_available()} MB of memory are free")
    say(json.dumps({"kernel": os.uname().release, **settled()}))
    while True:
        signal.pause()
