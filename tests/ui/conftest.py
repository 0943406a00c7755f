"""What the tests of the interpreter's parts look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import Image
from tests.ui import small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel
    from tests.lab import Dump


@pytest.fixture(scope="session")
def small_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxKernel]:
    kernel = small.kernel(tmp_path_factory.mktemp("small"))
    yield kernel
    kernel.physical.close()


@pytest.fixture(scope="session")
def sample_image(sample: Path) -> Iterator[Image]:
    with Image(sample) as image:
        yield image


@pytest.fixture
def any_image(dump: Dump) -> Iterator[Image]:
    """Each guest's dump in turn."""
    with Image(dump.path) as image:
        yield image
