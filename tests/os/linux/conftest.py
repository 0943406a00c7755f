"""Guests whose memory tests may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.os.linux.guests import Guest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab import Dump, Lab


@pytest.fixture(scope="session")
def changeable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Dump], Guest]]:
    """Make a guest of a dump, once; their images are removed at the end."""
    folder = tmp_path_factory.mktemp("guests")
    guests: dict[str, Guest] = {}

    def make(dump: Dump) -> Guest:
        if dump.name not in guests:
            guests[dump.name] = Guest(dump, folder / f"{dump.name}.raw")
        return guests[dump.name]

    yield make
    for guest in guests.values():
        guest.raw.path.unlink()


@pytest.fixture(scope="session")
def guest(dump: Dump, changeable: Callable[[Dump], Guest]) -> Guest:
    """Each guest in turn."""
    return changeable(dump)


@pytest.fixture(scope="session")
def small(sample_dump: Dump, changeable: Callable[[Dump], Guest]) -> Guest:
    """The guest that is the repository's sample."""
    return changeable(sample_dump)


@pytest.fixture(scope="session")
def newest(lab: Lab, changeable: Callable[[Dump], Guest]) -> Guest:
    """The guest with the newest kernel, and with five levels of page tables."""
    return changeable(lab.dump("deb13-6.12-la57.lime"))
