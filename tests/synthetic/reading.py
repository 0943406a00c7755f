"""Reads an address space by its ways for many, with what was found and why not as one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.errors import Reason

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.layers.space import AddressSpace

Found: TypeAlias = bytes | Reason


def array(*numbers: int) -> Addresses:
    return np.array(numbers, np.uint64)


def rows(
    space: AddressSpace, vas: list[int], size: int, roots: list[int] | None = None
) -> list[Found]:
    own = None if roots is None else array(*roots)
    data, status = space.gather(array(*vas), size, own)
    assert data.shape == (len(vas), size)
    assert not data[status != 0].any()
    return [
        Reason(reason) if reason else row.tobytes()
        for row, reason in zip(data, status.tolist(), strict=True)
    ]
