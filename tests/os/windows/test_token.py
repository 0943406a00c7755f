"""Tokens of the processes of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import Reason
from memq.os.windows.sids import written
from memq.os.windows.token import Token
from tests.os.linux.small import BASE, addresses
from tests.os.windows.test_process import asked, known
from tests.os.windows.written import SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from tests.os.windows.images import WindowsImage

FIELDS = {
    "address": "address", "token_id": "token_id", "user": "user", "session": "session_id",
    "auth_id": "logon_session", "account": "account",
}  # fmt: skip
LEVELS = {"S-1-16-16384": "system", "S-1-16-12288": "high", "S-1-16-8192": "medium"}


@pytest.fixture(scope="module")
def tokens(opened: Image) -> dict[int, dict[str, Any]]:
    fields = ", ".join(f"{key}: token.{name}" for key, name in FIELDS.items())
    groups = "groups: token.group.Select({sid: sid, attributes: attributes})"
    states = "is_present: is_present, enabled: is_enabled, default: is_enabled_by_default"
    held = f"held: token.privilege.Select({{number: number, {states}}})"
    more = "level: token.integrity, high: token.is_elevated, type: token.token_type"
    query = f"process.Select({{pid: pid, {fields}, {groups}, {held}, {more}}})"
    return {row["pid"]: row for row in asked(opened, query)}


def test_tokens_are_the_recorded_ones(
    windows: WindowsImage, tokens: dict[int, dict[str, Any]]
) -> None:
    for one in known(windows):
        token, row = one.get("token"), tokens[one["pid"]]
        if token is None:
            assert row["address"] is None
            continue
        assert {key: row[key] for key in FIELDS} == {key: token[key] for key in FIELDS}
        assert row["groups"] == token["sids"][1:]
        assert row["level"] == LEVELS[token["integrity"]]
        assert row["high"] is (row["level"] != "medium")
        assert row["type"] == "primary"


def test_privileges_are_the_recorded_ones(
    windows: WindowsImage, tokens: dict[int, dict[str, Any]]
) -> None:
    names = {"present": "is_present", "enabled": "enabled", "enabled_by_default": "default"}
    for one in known(windows):
        if one.get("token") is None:
            continue
        for key, name in names.items():
            bits = sum(1 << held["number"] for held in tokens[one["pid"]]["held"] if held[name])
            assert bits == int(one["token"]["privileges"][key], 16)


def test_what_every_system_has_is_called_by_its_name(opened: Image) -> None:
    query = 'process.Where(name == "lsass.exe").Select({name: token.user_name, '
    query += "groups: token.group.Select(name)})"
    assert asked(opened, query) == [
        {
            "name": "Local System",
            "groups": [
                "Administrators",
                "Everyone",
                "Authenticated Users",
                "System Mandatory Level",
            ],
        }
    ]
    query = 'process.Where(token.privilege.Any(name == "SeDebugPrivilege" && is_enabled)).Count()'
    assert next(iter(opened.query(query).rows())) > 0


def test_all_tokens_each_with_its_processes(windows: WindowsImage, opened: Image) -> None:
    query = "token.Select({address: address, pids: processes.Select(pid)})"
    found = {row["address"]: row["pids"] for row in asked(opened, query)}
    owners: dict[str, list[int]] = {}
    for one in known(windows):
        if one.get("token") is not None:
            owners.setdefault(one["token"]["address"], []).append(one["pid"])
    assert found == owners


def test_a_split_logon_has_two_halves(opened: Image) -> None:
    query = 'process.Where(name == "explorer.exe").Select({kind: token.elevation})'
    assert asked(opened, query)[0]["kind"] in {"default", "limited", "full"}


def test_sids_are_written_as_everywhere() -> None:
    assert written(bytes.fromhex("010100000000000512000000")) == "S-1-5-18"
    assert written(bytes.fromhex("0100000000000010")) == "S-1-16"
    large = bytes.fromhex("0101010000000000") + (7).to_bytes(4, "little")
    assert written(large) == "S-1-0x010000000000-7"


# Small kernels

SOURCE = """
struct _LUID { unsigned int LowPart; int HighPart; };
struct _LUID_AND_ATTRIBUTES { struct _LUID Luid; unsigned int Attributes; };
struct _TOKEN { unsigned int PrivilegeCount; struct _LUID_AND_ATTRIBUTES *Privileges; };
"""


def test_privileges_of_an_array_that_is_not_there_are_not_known(tmp_path: Path) -> None:
    kernel = SmallWindows(SOURCE, tmp_path)
    places = [BASE + 0x8000 + n * 0x100 for n in range(4)]
    array = BASE + 0x9000
    told = ((2, array), (2, 0), (0, 0), (1 << 20, array))
    for place, (count, pointer) in zip(places, told, strict=True):
        kernel.put("_TOKEN", place, {"PrivilegeCount": count, "Privileges": pointer})
    size = kernel.types.required("_LUID_AND_ATTRIBUTES").size
    for number in range(2):
        kernel.put("_LUID_AND_ATTRIBUTES", array + size * number, {"Luid.LowPart": 20 + number})
    tokens = Token(kernel.open_(), {"address": addresses(*places)})
    held = tokens.collection("privilege_object")
    assert held.owner.tolist() == [0, 0]
    assert held.children.column("number").values.tolist() == [20, 21]
    assert held.cut is not None
    assert held.cut.tolist() == [0, Reason.MALFORMED, 0, Reason.MALFORMED]
