"""Which system call belongs at which place of the kernel's table, also where another function is.

A function that has one name and stands at one place names it. Where that does not tell, because
something else stands there, or because calls that do nothing are one function, there is more to go
by: the kernel's own stubs (Zw...) have the numbers of their calls in their code; and the calls
stand in order, the first ones of x64 in an old one of their own, all others by name. Between
neighbours that are known, a place is named if only as many calls fit as there are places.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.node import dataclass
from memq.os.data import data_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from memq.os.windows.kernel import WindowsKernel

_STUB = 32
_NEIGHBOURS = 3
"""Known names on each side that must be in order for what lies between to be named by it."""


@dataclass(frozen=True, slots=True)
class Functions:
    """The kernel's functions for system calls, as far as symbols tell."""

    by_name: dict[str, int]
    by_address: dict[int, tuple[str, ...]]
    numbers: dict[int, str]
    """Names by the number that the kernel's stubs have."""
    calls: frozenset[str]
    """Names of those for which the kernel has a stub: that are system calls, and no variables."""


class Near(NamedTuple):
    """The nearest names that are known on both sides of a gap."""

    before: list[str]
    after: list[str]


def functions_of(kernel: WindowsKernel) -> Functions:
    """Return what the symbols tell of system calls."""
    by_name = dict(kernel.symbols.with_prefix("Nt"))
    stubs = kernel.symbols.with_prefix("Zw")
    by_address: dict[int, tuple[str, ...]] = {}
    for name, address in by_name.items():
        by_address[address] = (*by_address.get(address, ()), name)
    calls = frozenset(f"Nt{name[2:]}" for name, _ in stubs)
    return Functions(by_name, by_address, _numbers(kernel, stubs), calls)


def _numbers(kernel: WindowsKernel, stubs: Sequence[tuple[str, int]]) -> dict[int, str]:
    """Return the names of calls by the numbers that their stubs load (mov eax, number)."""
    places = np.array([address for _, address in stubs], np.uint64)
    codes, status = kernel.space.gather(places, _STUB)
    found: dict[int, set[str]] = {}
    for (name, _), code, reason in zip(stubs, codes, status.tolist(), strict=True):
        number = None if reason else stub_number(code.tobytes(), is_64_bit=kernel.is_64_bit)
        if number is not None:
            found.setdefault(number, set()).add(f"Nt{name[2:]}")
    return {number: names.pop() for number, names in found.items() if len(names) == 1}


def stub_number(code: bytes, *, is_64_bit: bool) -> int | None:
    """Return the number of the call that a stub makes; None for any other code."""
    if is_64_bit:
        # mov rax, rsp; cli; sub rsp, 16; push rax; pushfq; push 16; lea rax, [...]; push rax; mov
        is_stub = code[:4] == b"\x48\x8b\xc4\xfa" and code[20] == 0xB8 and code[25] == 0xE9
        at = 21
    else:
        # mov eax, number; lea edx, [esp+4]; pushfd; push 8; call
        is_stub = code[0] == 0xB8 and code[5:12] == b"\x8d\x54\x24\x04\x9c\x6a\x08"
        at = 1
    number = int.from_bytes(code[at : at + 4], "little")
    return number if is_stub and number < 0x1000 else None


def call_names(functions: Functions, addresses: Sequence[int]) -> list[str | None]:
    """Return the name of the call that belongs at each place; None where that is not certain."""
    known, first = _settled(functions, addresses), first_calls()
    if _descends(known, first):  # x86 since 9200
        return _filled(functions, first, addresses[::-1], known[::-1])[::-1]
    return _filled(functions, first, addresses, known)


def _descends(known: Sequence[str | None], first: dict[str, int]) -> bool:
    """Whether names stand in the opposite of their order."""
    pairs = [(a, b) for a, b in pairwise(known) if a and b]
    others = [(a, b) for a, b in pairs if first.get(a, len(first)) >= first.get(b, 0)]
    return sum(a > b for a, b in others) * 2 > len(others)


def _settled(functions: Functions, addresses: Sequence[int]) -> list[str | None]:
    """Name what a stub names, or the one symbol at an address that stands at one place only."""
    places = Counter(addresses)
    known: list[str | None] = []
    for number, address in enumerate(addresses):
        names = functions.by_address.get(address, ())
        own = names[0] if len(names) == 1 and places[address] == 1 else None
        known.append(functions.numbers.get(number, own))
    return known


def _filled(
    functions: Functions, first: dict[str, int], addresses: Sequence[int], known: list[str | None]
) -> list[str | None]:
    """Name places between neighbours that are known, if only one way to do so is left.

    First those at which one of several functions stands that are one, then the others.
    """
    for is_shared in (True, False):
        free = _free(functions, addresses, known)
        result = list(known)
        for start, end in _gaps(known):
            near = _near(known, start, end)
            options = _options(functions, first, near, free, count=end - start, is_open=is_shared)
            at = [functions.by_address.get(address, ()) for address in addresses[start:end]]
            if not is_shared and not any(at) and len(options) == end - start:
                result[start:end] = options
            for low, high in _runs(addresses, start, end) if is_shared else ():
                own = [name for name in options if name in at[low - start]]
                if len(own) == high - low:
                    result[low:high] = own
        known = result
    return known


def _free(functions: Functions, addresses: Sequence[int], known: Sequence[str | None]) -> list[str]:
    """Return the names of calls that are at no place yet, in their order."""
    taken, places = {name for name in known if name}, set(addresses)
    return sorted(
        name
        for name, address in functions.by_name.items()
        if name not in taken and (name in functions.calls or address in places)
    )


def _near(known: Sequence[str | None], start: int, end: int) -> Near:
    before = known[max(start - _NEIGHBOURS, 0) : start]
    after = known[end : end + _NEIGHBOURS]
    return Near([name for name in before if name], [name for name in after if name])


def _options(
    functions: Functions,
    first: dict[str, int],
    near: Near,
    free: Sequence[str],
    *,
    count: int,
    is_open: bool,
) -> list[str]:
    """Return the free names that may stand in a gap of so many places, in their order.

    `is_open`: also where no neighbour behind it tells where the gap ends.
    """
    between = _between_first(first, near, functions.by_name)
    if len(between) == count and not set(between) - set(free):
        return between
    return _between_names(near, free, is_open=is_open)


def _runs(addresses: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the runs of places in a gap that have the same address."""
    low = start
    for place in range(start + 1, end + 1):
        if place == end or addresses[place] != addresses[low]:
            yield low, place
            low = place


def _gaps(known: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Give the runs of places that are not known."""
    start = None
    for place, name in enumerate([*known, ""]):
        if name is None and start is None:
            start = place
        elif name is not None and start is not None:
            yield start, place
            start = None


def _between_first(first: dict[str, int], near: Near, names: Collection[str]) -> list[str]:
    """Return the calls that a kernel has between two of the first ones, in their order."""
    before, after = near
    if not after or after[0] not in first or (before and before[-1] not in first):
        return []
    low, high = first[before[-1]] if before else -1, first[after[0]]
    return [name for name, place in first.items() if low < place < high and name in names]


def _between_names(near: Near, free: Sequence[str], *, is_open: bool) -> list[str]:
    """Return the calls between two by their names; none where names are not in order there."""
    before, after = near
    if is_open and [*before, *after] != sorted([*before, *after]):
        after = []  # what was added later stands behind all others
    order = [*before, *after]
    if (not after and not is_open) or order != sorted(order):
        return []
    return [
        name
        for name in free
        if (not before or before[-1] < name) and (not after or name < after[0])
    ]


def first_calls() -> dict[str, int]:
    """Read the order of the calls that stand first on x64."""
    lines = data_text("windows", "first-syscalls.txt").splitlines()
    return {name: n for n, name in enumerate(line for line in lines if line[:1] != "#")}
