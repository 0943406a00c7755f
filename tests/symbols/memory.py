"""A memory with holes, and structures in it, for the tests of columns of members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.symbols.btf import Btf
from memq.symbols.structs import Structs
from tests.synthetic.btf import BtfBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses, Column, Statuses

PAGE = 4096
SIZE = 16 * PAGE
MISSING, PAGED = 5, 9
"""Pages that are not in the dump, and paged out."""


class Memory:
    """Memory from address 0 on; remembers what was gathered from it."""

    def __init__(self, seed: int = 1) -> None:
        self.data = bytearray(
            np.random.default_rng(seed).integers(0, 256, SIZE, np.uint8).tobytes()
        )
        self.asked: list[tuple[int, int]] = []
        self.roots: list[Addresses | None] = []

    def put(self, address: int, data: bytes) -> None:
        self.data[address : address + len(data)] = data

    def reason(self, address: int, size: int) -> Reason:
        pages = range(address // PAGE, (address + size - 1) // PAGE + 1)
        if address + size > SIZE:
            return Reason.MALFORMED
        if MISSING in pages:
            return Reason.NOT_IN_DUMP
        return Reason.PAGED_OUT if PAGED in pages else Reason.KNOWN

    def read(self, address: int, size: int) -> bytes | None:
        known = self.reason(address, size) == Reason.KNOWN
        return bytes(self.data[address : address + size]) if known else None

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[NDArray[np.uint8], Statuses]:
        self.asked.append((len(vas), size))
        self.roots.append(roots)
        data = np.zeros((len(vas), size), np.uint8)
        status = np.zeros(len(vas), np.uint8)
        for row, address in enumerate(vas.tolist()):
            status[row] = self.reason(address, size)
            found = self.read(address, size)
            if found is not None:
                data[row] = np.frombuffer(found, np.uint8)
        return data, status


def declared() -> Btf:
    c = BtfBuilder()
    c.struct("list_head", {"next": "list_head *", "prev": "list_head *"})
    c.struct("cred", {"usage": "int", "uid": "unsigned int", "cap": "u64"})
    c.struct(
        "task",
        {
            "state": "unsigned int",
            "pid": "int",
            "flags": "u64",
            "stack": "void *",
            "cred": "cred *",
            "parent": "task *",
            "comm": "char[16]",
            "uuid": "unsigned char[8]",
            "small": "signed char",
            "letter": "char",
            "short": "short",
            "on": "bool",
            "low": "unsigned int : 3",
            "sign": "int : 5",
            "wide": "u64 : 64",
            "weight": "double",
            "load": "float",
            "kind": "enum kind",
            "limits": "u64[4]",
            "grid": "short[2][3]",
            "heads": "list_head[2]",
            "big": "__int128",
            "tasks": "list_head",
            "own": "cred",
            "opaque": "lost *",
            "handle": "unsigned long",
            "#": c.union({"rcu": "u64", "halves": "u32[2]"}),
            "numbers": "int[]",
        },
    )
    c.enum("kind", signed=True, LEAST=-5)
    c.struct(
        "huge", {"first": "u64", "edge": "u64 @ 508", "mid": "u64 @ 5000", "last": "u64 @ 9992"}
    )
    return Btf(c.build())


TYPES = declared()
TASK = TYPES.required("task")


def structs(
    addresses: list[int],
    memory: Memory | None = None,
    name: str = "task",
    status: Statuses | None = None,
) -> Structs:
    space = Memory() if memory is None else memory
    return Structs(space, TYPES, TYPES.struct(name), np.array(addresses, np.uint64), status)


def reasons(column: Column | Structs) -> list[int]:
    status = column.status
    return [0] * len(column) if status is None else status.tolist()
