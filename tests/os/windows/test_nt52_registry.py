"""The registry of a real NT 5.2 dump: its hives as volatility3 lists them, its keys as handles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from tests.os.windows.nt52 import NEAR, none
from tests.truth.compare import complaints

if TYPE_CHECKING:
    from tests.os.windows.nt52 import Nt52
    from tests.truth.record import Rows

MOUNTS = {
    "SOFTWARE": "MACHINE\\SOFTWARE",
    "SYSTEM": "MACHINE\\SYSTEM",
    "SAM": "MACHINE\\SAM",
    "SECURITY": "MACHINE\\SECURITY",
    "DEFAULT": "USER\\.DEFAULT",
}


@pytest.fixture
def own(nt52: Nt52) -> Nt52:
    """The dump by its own table; by another there is no registry, and that is said."""
    if nt52.form == NEAR:
        with pytest.raises(SymbolError, match=r"no symbol CmpHiveListHead .* --profile$"):
            nt52.ask("hive")
        pytest.skip("without its own table nothing leads to its hives")
    return nt52


def test_hives(own: Nt52) -> None:
    theirs: Rows = {
        (row["Offset"],): {"name": none(row["FileFullPath"])}
        for row in own.plugin("registry.hivelist.HiveList")
    }
    ours = own.keyed("hive.Select([address, name, path])", "address")
    paths = {row["name"]: row["path"] for row in ours.values() if row["name"]}
    assert complaints(theirs, ours, ()) == []
    folder = "\\SystemRoot\\System32\\Config\\"
    assert {name: paths[f"{folder}{name}"] for name in MOUNTS} == {
        name: f"\\REGISTRY\\{place}" for name, place in MOUNTS.items()
    }


def test_keys_that_are_open_are_in_their_hives(own: Nt52) -> None:
    answer = own.image.query("registry.Select([path])")
    keys = {row["path"].upper() for row in answer.rows()}
    assert list(answer.run.notes) == []  # nothing is cut short
    opened = {row["name"] for row in own.ask('handle.Where(type == "Key").Select([name])')}
    assert len(opened) == 55
    assert {name for name in opened if name.upper() not in keys} == set()


def test_services_are_the_programs_that_run(own: Nt52) -> None:
    services = own.ask("service.Where(!is_driver && image_path != null).Select([image_path])")
    programs = {row["image_path"].rpartition("\\")[2].split()[0] for row in services}
    parent = 'process.Where(parent.name == "services.exe").Select([name])'
    running = {row["name"] for row in own.ask(parent)}
    assert {"svchost.exe", "spoolsv.exe", "eventlog.exe"} <= running
    assert running <= programs


def test_the_name_of_the_machine(own: Nt52) -> None:
    (row,) = own.ask("kernel.Select([host_name])")
    sessions = {name["User Name"].partition("/")[0] for name in own.plugin("sessions.Sessions")}
    assert row["host_name"] in sessions
