"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.lab import DUMPS, SAMPLE_GUEST, Dump, Lab, Record
from tests.lab import sample as load_sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A busy machine is no failure: nothing here is timed, speed is measured in benchmarks/.
settings.register_profile("memq", deadline=None)
settings.load_profile("memq")

NO_LAB = "the lab's dumps are not here: set MEMQ_LAB to their folder, or put it at ../shared/lab"


@pytest.fixture(scope="session", autouse=True)
def memq_cache(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give memq a cache folder of its own that the next run of the tests finds again."""
    # The plugin of pytest's cache may be switched off.
    kept: pytest.Cache | None = getattr(request.config, "cache", None)
    if kept is not None:
        folder = kept.mkdir("memq")
    else:
        folder = request.getfixturevalue("tmp_path_factory").mktemp("memq")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMQ_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def users_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests out of the user's history and log."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def sample_dump() -> Dump:
    """The sample dump of this repository, with its record."""
    return load_sample()


@pytest.fixture(scope="session")
def sample(sample_dump: Dump) -> Path:
    """Path of the sample dump (`.lime.xz`; memq unpacks it)."""
    return sample_dump.path


@pytest.fixture(scope="session")
def sample_truth(sample_dump: Dump) -> Record:
    """What the sample's guest wrote about itself."""
    return sample_dump.record


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab; without it, the test is skipped."""
    found = Lab.find()
    if found is None:
        pytest.skip(NO_LAB)
    return found


@pytest.fixture(scope="session", params=DUMPS)
def dump(request: pytest.FixtureRequest) -> Dump:
    """A dump of each guest in turn: first the repository's own sample, then the lab's."""
    if request.param == f"{SAMPLE_GUEST}.lime":
        found: Dump = request.getfixturevalue("sample_dump")
        return found
    lab: Lab = request.getfixturevalue("lab")
    return lab.dump(request.param)
