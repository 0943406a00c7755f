"""Fixtures of Windows images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import open_image
from tests.conftest import NO_LAB
from tests.lab import Lab
from tests.os.windows.images import NAMES, SAMPLE, WindowsImage
from tests.os.windows.nt52 import FORMS, Nt52

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Image


@pytest.fixture(scope="session", params=NAMES)
def windows(request: pytest.FixtureRequest) -> WindowsImage:
    """Each synthetic image; without the lab the one that stands in this repository."""
    lab = Lab.find()
    if lab is not None and not (lab.folder / "windows").is_dir():
        lab = None
    if lab is None and request.param != SAMPLE:
        pytest.skip(NO_LAB)
    return WindowsImage(str(request.param), lab)


@pytest.fixture(scope="session")
def opened(windows: WindowsImage) -> Iterator[Image]:
    """The image, opened as its raw form, with nothing told of it."""
    with open_image(windows.path()) as image:
        yield image


@pytest.fixture(scope="session", params=FORMS)
def nt52(request: pytest.FixtureRequest) -> Iterator[Nt52]:
    """The lab's real dump of an NT 5.2 kernel, with nothing told and with its own table."""
    lab = Lab.find()
    if lab is None or not (lab.folder / "windows").is_dir():
        pytest.skip(NO_LAB)
    dump = Nt52(lab, str(request.param))
    with dump.image:
        yield dump
