"""Fixtures of the truth tests: each dump, opened once, and all that memq says of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pytest

import memq
from tests.lab import DUMPS, SAMPLE_GUEST, Dump
from tests.truth import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.truth.record import Row, Rows

SAMPLE = f"{SAMPLE_GUEST}.lime"
MODULE_DUMP = f"{SAMPLE_GUEST}.module.lime"
"""Taken by LiME inside the running guest, some seconds after the others."""


class Told:
    """A dump, what its guest wrote about itself, and memq's answers, each asked for once."""

    def __init__(self, dump: Dump, image: memq.Image) -> None:
        self.dump = dump
        self.image = image

    @property
    def modules(self) -> str:
        """The /proc/modules that belongs to the dump."""
        later = self.dump.name == MODULE_DUMP
        return self.dump.record.text("proc_modules_at_lime.txt" if later else "sys/modules")

    @cached_property
    def processes(self) -> Rows:
        return answers.processes(self.image)

    @cached_property
    def vads(self) -> Rows:
        return answers.vads(self.image)

    @cached_property
    def handles(self) -> Rows:
        return answers.handles(self.image)

    @cached_property
    def drivers(self) -> Rows:
        return answers.drivers(self.image)

    @cached_property
    def kernels(self) -> Rows:
        return answers.kernels(self.image)

    @cached_property
    def syscalls(self) -> list[Row]:
        return answers.syscalls(self.image)


@pytest.fixture(scope="session", params=[*DUMPS, MODULE_DUMP])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    """Each guest's dump in turn; the first is the repository's own sample, the others the lab's."""
    if request.param == SAMPLE:
        dump = request.getfixturevalue("sample_dump")
    else:
        dump = request.getfixturevalue("lab").dump(request.param)
    with memq.open(dump.path) as image:
        yield Told(dump, image)
