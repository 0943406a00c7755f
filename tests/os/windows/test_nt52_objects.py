"""Handles, VADs, files, links and mutants of a real NT 5.2 kernel: what volatility3 says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.os.windows.nt52 import NEAR, moment, none, second
from tests.truth.compare import Changed, complaints

if TYPE_CHECKING:
    from tests.os.windows.nt52 import Nt52
    from tests.truth.record import Key, Rows


CLOSING = "a bit of 5.2's handles that is no access: whether they are protected from being closed"
PROTECTED = 0x0200_0000
ROOT = "\\REGISTRY"


def physical(nt52: Nt52, address: str) -> int:
    """Return the physical address of one of the kernel's."""
    return int(nt52.image.kernel.space.translate(int(address, 16)))


def test_handles(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["PID"]), int(row["HandleValue"], 16)): {
            "address": row["Offset"],
            "type": row["Type"],
            "granted_access": int(row["GrantedAccess"], 16),
            "name": none(row["Name"]),
        }
        for row in nt52.plugin("handles.Handles")
    }
    fields = "address: address, type: type, granted_access: granted_access, name: name"
    query = f"handle.Select({{pid: process.pid, value: value, {fields}, own: object_name}})"
    ours = nt52.keyed(query, "pid", "value")
    protected = {key for key, row in theirs.items() if row["granted_access"] & PROTECTED}
    assert len(protected) == 91
    known = [_unprotected(key, theirs[key]["granted_access"]) for key in protected]
    for row in ours.values():
        row["name"] = _in_their_words(row["type"], row["name"], row.pop("own"))
    keys = {key for key, row in theirs.items() if row["type"] == "Key"}
    assert len(keys) == 104
    if nt52.form == NEAR:
        # ReactOS's keys are laid out otherwise than Microsoft's.
        assert {ours[key]["name"] for key in keys} == {None}
        theirs |= {key: theirs[key] | {"name": None} for key in keys}
    assert complaints(theirs, ours, known) == []


def _unprotected(key: Key, access: int) -> Changed:
    return Changed(key, {"granted_access": access & ~PROTECTED}, CLOSING)


def _in_their_words(type_: str, name: str | None, own: str | None) -> str | None:
    r"""Write a handle's name as volatility3 does.

    Most it calls by their own names, without the directories that they are in; keys without
    `\REGISTRY`, and the devices of files by the last part of their names.
    """
    if type_ == "Key":
        return None if name in {None, ROOT} else str(name).removeprefix(f"{ROOT}\\")
    if type_ == "File":
        return None if name is None else name.replace("\\Harddisk0\\Partition1", "\\Partition1")
    return name if type_ in {"Process", "Thread", "Desktop"} else own


def test_keys_are_unknown_by_other_types(nt52: Nt52) -> None:
    query = 'handle.Where(type == "Key").Select([name])'
    unknown = [row["_unknown"]["name"] for row in nt52.ask(query) if "_unknown" in row]
    assert unknown == (["malformed data"] * 104 if nt52.form == NEAR else [])


def test_address_ranges(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["PID"]), row["Start VPN"]): {
            "address": row["Offset"],
            "end": hex(int(row["End VPN"], 16) + 1),
            "tag": row["Tag"],
            "protection": row["Protection"],
            "committed": int(row["CommitCharge"]) << 12,
            "is_private": row["PrivateMemory"] == "1",
            "file_name": none(row["File"]),
        }
        for row in nt52.plugin("vadinfo.VadInfo")
    }
    names = ("start", "address", "end", "tag", "protection", "committed", "is_private")
    fields = ", ".join(f"{name}: {name}" for name in (*names, "file_name"))
    ours = nt52.keyed(f"vad.Select({{pid: process.pid, {fields}}})", "pid", "start")
    assert len(theirs) == 4937
    of_reactos = [row for row in ours.values() if row["tag"] == "MARE"]
    assert len(of_reactos) == 4485
    for row in of_reactos:
        row["tag"] = "Vad "  # what volatility3 was told to take it for
    assert complaints(theirs, ours, ()) == []


def test_files(nt52: Nt52) -> None:
    theirs = {(int(r["Offset"], 16), none(r["Name"])) for r in nt52.plugin("filescan.FileScan")}
    asked = nt52.ask("scan(file).Where(in_pool_scan).Select([address, name])")
    named = {(physical(nt52, row["address"]), row["name"]) for row in asked if row["name"]}
    assert named == theirs
    # Volumes and the ends of pipes have none; volatility3 leaves those out.
    assert (len(asked), len(named)) == (452, 429)


def test_mutants(nt52: Nt52) -> None:
    theirs = {(int(r["Offset"], 16), none(r["Name"])) for r in nt52.plugin("mutantscan.MutantScan")}
    asked = nt52.ask("scan(mutant).Where(in_pool_scan).Select([address, name])")
    assert {(physical(nt52, row["address"]), row["name"]) for row in asked} == theirs


def test_symbolic_links(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["Offset"], 16),): {
            "name": row["From Name"],
            "target": none(row["To Name"]),
            "created": moment(row["CreateTime"]),
        }
        for row in nt52.plugin("symlinkscan.SymlinkScan")
    }
    fields = "[address, name, target, create_time]"
    asked = nt52.ask(f"scan(symlink).Where(in_pool_scan).Select({fields})")
    ours: Rows = {
        (physical(nt52, row["address"]),): {
            "name": row["name"],
            "target": row["target"],
            "created": second(row["create_time"]),
        }
        for row in asked
    }
    assert complaints(theirs, ours, ()) == []
