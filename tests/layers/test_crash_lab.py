"""Crash dumps of one state, by other means: wherever they have memory, it is the same."""

from __future__ import annotations

import pytest

from memq.layers.opening import open_physical
from tests.layers.windows_lab import unpacked


@pytest.mark.parametrize("build", ["win10-19041", "win7-7601"])
def test_raw_full_and_bitmap_are_equal(build: str) -> None:
    with open_physical(unpacked(f"synthetic/{build}.raw")) as raw:
        full = open_physical(unpacked(f"synthetic/{build}.full.dmp"))
        bitmap = open_physical(unpacked(f"synthetic/{build}.bitmap.dmp"))
        with full, bitmap:
            assert full.warnings == bitmap.warnings == []
            assert bitmap.present < full.present < raw.present
            assert full.present_in(0, full.limit) == full.present
            for physical in (full, bitmap):
                for address, piece in physical.pieces(0, physical.limit):
                    assert raw.read(address, len(piece)) == piece
            for address, piece in bitmap.pieces(0, bitmap.limit):
                assert full.read(address, len(piece)) == piece
            # What a dump leaves out is not in use: the raw image has zeros there.
            for address, piece in raw.pieces(0, raw.limit, 4096):
                if not full.present_in(address, address + len(piece)):
                    assert piece == bytes(len(piece))
            assert full.crash is not None
            assert bitmap.crash is not None
            assert full.crash.directory_table_base == bitmap.crash.directory_table_base
            assert full.crash.comment == "synthetic test image"
