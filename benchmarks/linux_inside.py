"""What programs share that are the first and only one of a guest.

It is put into the guest with them (linux_initramfs.py), so it imports nothing but the standard
library.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

MARK = "guest: "
"""How the lines for the host begin; the kernel may write others between them."""

_SET_NAME = 15  # PR_SET_NAME in prctl.h


class Kernel:
    """The calls that Python's own modules do not have."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._under_lock = ctypes.PyDLL(None)
        self._library.mmap.restype = ctypes.c_void_p
        self._library.mmap.argtypes = (
            *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
            *(ctypes.c_int, ctypes.c_int, ctypes.c_long),
        )

    def mount(self, kind: str, place: str) -> None:
        """Mount a file system that needs no device."""
        Path(place).mkdir(parents=True, exist_ok=True)
        name = kind.encode()
        self._held(self._library.mount(name, place.encode(), name, 0, None))

    def fork(self) -> int:
        """Fork without what Python does after it: in each child, that writes to 100 pages more."""
        child: int = self._under_lock.fork()
        self._held(child)
        return child

    def rename(self, name: str) -> None:
        """Call this process something else."""
        self._held(self._library.prctl(_SET_NAME, name.encode(), 0, 0, 0))

    def call(self, name: str, *arguments: object) -> int:
        """Call a function of the C library that gives -1 where it fails."""
        given: int = getattr(self._library, name)(*arguments)
        self._held(given)
        return given

    def map(self, size: int, protection: int, file: int = -1, offset: int = 0) -> int:
        """Map private memory, anonymous or of a file; unlike mmap.mmap, it keeps no descriptor."""
        flags = mmap.MAP_PRIVATE | (mmap.MAP_ANONYMOUS if file < 0 else 0)
        address: int = self._library.mmap(None, size, protection, flags, file, offset)
        self._held(-1 if address == ctypes.c_void_p(-1).value else 0)
        return address

    @staticmethod
    def _held(result: int) -> None:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def say(text: str) -> None:
    """Tell the host."""
    sys.stdout.write(f"\n{MARK}{text}\n")
    sys.stdout.flush()
