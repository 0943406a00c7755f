"""What tells one dump from another, whatever its file is called.

Findings carry it, so that those of two people, or of two runs, can be held to each other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.node import dataclass
from memq.output import json
from memq.run import Run
from memq.schema.batch import Context

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.image import Image

_PAGE = 4096
_LOOKED_AT = 1024
"""Pages that a fingerprint is made of: 4 MB are read in some ms, also from a slow disk."""
_ASKED = "kernel.Select([release, host_name, dump_time])"


@dataclass(frozen=True, slots=True)
class Identity:
    """One dump. What its kernel does not say is empty."""

    name: str
    """Of its file, without the folder."""
    format: str
    size: int
    """Bytes of memory in it."""
    system: str
    """linux or windows."""
    release: str
    host: str
    taken: str
    """When, by the kernel's own clock, as JSON has times."""
    fingerprint: str
    """SHA-256 of where there is memory and of pages spread over it, 64 digits."""


def identity_of(image: Image) -> Identity:
    """Return what a dump is; reads 4 MB of it, and the kernel's own names."""
    physical = image.physical
    release, host, taken = _told(image)
    return Identity(
        physical.path.name,
        physical.format,
        int(physical.present),
        image.system.name,
        release,
        host,
        taken,
        _fingerprint(image),
    )


def _told(image: Image) -> tuple[str, str, str]:
    """What the kernel says of itself: release, host, time."""
    plan = bind_query(_ASKED, image.system, image.kernel, {})
    result = Result(plan, Context(image.kernel, Run(image.progress)))
    row: dict[str, object] = next(json.parsed(result.batches(), bare=False), {})
    release, host, taken = (row.get(name) for name in ("release", "host_name", "dump_time"))
    return _text(release), _text(host), _text(taken)


def _text(value: object) -> str:
    """Return a text of the output; what is not known is none."""
    return value if isinstance(value, str) else ""


def _fingerprint(image: Image) -> str:
    """Return a digest that depends on nothing but the memory that the file holds.

    Two formats of one moment hold other ranges as a rule (an ELF core of QEMU has the VGA's, a
    crash dump no holes), and so have other digests.
    """
    physical = image.physical
    digest = hashlib.sha256()
    for start, end in zip(physical.starts.tolist(), physical.ends.tolist(), strict=True):
        digest.update(f"{start:x}-{end:x} ".encode())
    for place in _spread(physical.starts, physical.ends).tolist():
        digest.update(physical.read(place, _PAGE) or b"-")
    return digest.hexdigest()


def _spread(starts: Addresses, ends: Addresses) -> Addresses:
    """Return the addresses of pages, as far from each other as there is memory between them."""
    before = np.concatenate([np.zeros(1, np.uint64), np.cumsum(ends - starts, dtype=np.uint64)])
    present = int(before[-1])
    step = max(present // _LOOKED_AT // _PAGE, 1) * _PAGE
    wanted = np.arange(0, present, step, dtype=np.uint64)
    piece = np.searchsorted(before, wanted, side="right") - 1
    pages: Addresses = starts[piece] + (wanted - before[piece])
    return pages
