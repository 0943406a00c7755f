"""The BTF of the real dumps."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from memq.layers.opening import open_physical

if TYPE_CHECKING:
    from tests.lab import Dump


def btf_bytes(dump: Dump) -> bytes:
    """Return the BTF in a dump, from where the record of the guest says that it is."""
    place = json.loads(dump.record.files["selfcheck.json"])["BTF"]
    with open_physical(dump.path) as physical:
        data = physical.read(int(place["pa"], 16), place["size"])
    assert data is not None
    digest: str = dump.record.truth["btf_vmlinux"]["sha256"]
    assert hashlib.sha256(data).hexdigest() == digest
    return data
