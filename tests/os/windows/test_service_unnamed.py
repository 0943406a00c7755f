"""Keys of services whose names cannot be read: what they may be is not known."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import text_column
from memq.errors import Reason
from memq.os.windows.registry.hives import HIVES
from memq.os.windows.registry.nodes import Nodes
from memq.os.windows.service_join import OwnRecords, matched
from memq.os.windows.service_records import FoundRecords
from memq.os.windows.service_settings import PARAMETERS, Settings
from memq.run import Run
from tests.os.windows.registry.building import HiveBuilder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_without_a_name_may_be_that_of_a_record() -> None:
    keys = text_column(["Dhcp", None], np.array([0, Reason.NOT_IN_DUMP], np.uint8))
    found = matched(keys, text_column(["DHCP", "Other"]), Reason.KNOWN)
    assert found.record.tolist() == [0, -1, 1]
    assert found.doubt.tolist() == [0, 0, Reason.NOT_IN_DUMP]
    assert found.lost.tolist() == [0, Reason.NOT_IN_DUMP, 0]


def test_a_record_without_a_name_may_be_that_of_a_key() -> None:
    records = text_column(["Dhcp", None], np.array([0, Reason.PAGED_OUT], np.uint8))
    found = matched(text_column(["Dhcp", "Disk"]), records, Reason.KNOWN)
    assert found.record.tolist() == [0, -1, 1]
    assert found.lost.tolist() == [0, Reason.PAGED_OUT, 0]
    known = FoundRecords(None, None, Reason.KNOWN)
    own = OwnRecords(known, np.array([-1, -1]), found.lost[1:])
    assert own.exist().statuses.tolist() == [Reason.PAGED_OUT, Reason.KNOWN]
    assert own.number(lambda records: records.process_id).statuses.tolist() == [
        Reason.PAGED_OUT,
        Reason.NULL,
    ]


def test_a_key_without_a_name_may_be_that_of_the_parameters(tmp_path: Path) -> None:
    hive = HiveBuilder()
    odd = hive.key("Parameters")
    hive.patch(odd, 0x48, struct.pack("<H", 0xFFFF))  # NameLength
    services = [hive.key("One", below=[odd]), hive.key("Two")]
    hive.root = hive.key("ROOT", below=services)
    hives = hive.opened(tmp_path)
    facts = {HIVES: hives, "registry mounts": text_column(["\\REGISTRY"])}
    context = SimpleNamespace(kernel=SimpleNamespace(facts=facts), run=Run())
    keys = Nodes(hives, np.zeros(2, np.int64), np.array(services, np.int64))
    settings = Settings.of(keys, context)  # type: ignore[arg-type]
    found = settings.text(PARAMETERS, "ServiceDll")
    assert found.statuses.tolist() == [Reason.MALFORMED, Reason.NULL]
