"""The kernel of a real NT 5.2 dump: modules, system calls, interrupts, timers, registers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.os.windows.nt52 import NEAR, none
from tests.truth.compare import complaints

if TYPE_CHECKING:
    from tests.os.windows.nt52 import Nt52
    from tests.truth.record import Rows

VECTORS = 256


def test_modules_as_the_debugger_lists_them(nt52: Nt52) -> None:
    text = nt52.debugger("mod")
    listed = re.findall(r"([0-9a-f]{8})  ([0-9a-f]{8})  (\S+)", text)
    asked = nt52.ask("driver.Where(in_load_list).Select([base, size, name])")
    ours = [(int(row["base"], 16), row["size"], row["name"].lower()) for row in asked]
    # Its screen was full after these.
    assert len(listed) == 42
    theirs = [(int(base, 16), int(size, 16), name) for base, size, name in listed]
    assert ours[: len(theirs)] == theirs


def test_modules(nt52: Nt52) -> None:
    theirs: Rows = {
        (row["Offset"],): {
            "base": row["Base"],
            "size": int(row["Size"], 16),
            "name": none(row["Name"]),
            "path": none(row["Path"]),
        }
        for row in nt52.plugin("modules.Modules")
    }
    query = "driver.Where(in_load_list).Select([address, base, size, name, path])"
    assert complaints(theirs, nt52.keyed(query, "address"), ()) == []


def test_system_calls(nt52: Nt52) -> None:
    theirs: Rows = {
        (int(row["Index"]),): {
            "address": row["Address"],
            "module": f"{row['Module']}.exe",
            "symbol": none(row["Symbol"]),
        }
        for row in nt52.plugin("ssdt.SSDT")
    }
    query = 'syscall.Where(table == "kernel").Select([index, address, module, symbol])'
    ours = nt52.keyed(query, "index")
    assert len(ours) == 296
    if nt52.form == NEAR:
        # Only what the kernel exports has a name; what has one has the right one.
        exported = {key for key, row in ours.items() if row["symbol"] is not None}
        assert len(exported) == 57
        for key in ours.keys() - exported:
            ours[key]["symbol"] = theirs[key]["symbol"]
    assert complaints(theirs, ours, ()) == []


def test_interrupts(nt52: Nt52) -> None:
    table = nt52.registers["IDT"]
    data = nt52.image.kernel.space.read(table, VECTORS * 8)
    assert data is not None
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    asked = nt52.ask("interrupt.Select([processor, vector, address, type])")
    assert [(row["processor"], row["vector"]) for row in asked] == [(0, at) for at in range(256)]
    for row, word in zip(asked, words, strict=True):
        is_task = word >> 40 & 31 == 5
        told = None if row["address"] is None else int(row["address"], 16)
        assert told == (None if is_task else word & 0xFFFF | word >> 48 << 16)
        assert row["type"] == ("task gate" if is_task else "interrupt gate")
    tasks = [row["vector"] for row in asked if row["type"] == "task gate"]
    assert tasks == [2, 8]  # those whose stacks may be gone: NMI and double fault


def test_interrupts_of_devices(nt52: Nt52) -> None:
    query = "interrupt.Where(object_address != null).Select([vector, service_module])"
    assert {row["vector"]: row["service_module"] for row in nt52.ask(query)} == {
        49: "i8042prt.sys",
        54: "floppy.sys",
        60: "i8042prt.sys",
        62: "scsiport.sys",
        63: "scsiport.sys",
    }


def test_timers(nt52: Nt52) -> None:
    if nt52.form == NEAR:
        # Nothing that is exported leads to them.
        answer = nt52.image.query("timer")
        assert list(answer.rows()) == []
        assert list(answer.run.notes) == ["timers: not in this kernel's types"]
        return
    theirs: Rows = {
        (row["Offset"],): {
            "due_time": int(row["DueTime"].replace(":0x", ""), 16),
            "period": int(row["Period(ms)"]),
            "is_signaled": row["Signaled"] == "Yes",
            "routine": row["Routine"],
            "module": row["Module"],
            "symbol": none(row["Symbol"]),
        }
        for row in nt52.plugin("timers.Timers")
    }
    names = "[address, due_time, period, is_signaled, routine, module, symbol]"
    ours = nt52.keyed(f"timer.Where(routine != null).Select({names})", "address")
    for row in ours.values():
        row["due_time"] = round(row["due_time"] * 10_000_000)
        row["period"] *= 1000
        row["module"] = row["module"].partition(".")[0]
    assert complaints(theirs, ours, ()) == []


def test_the_kernel(nt52: Nt52) -> None:
    fields = "dtb, base, active_process_head, loaded_module_list, page_table_levels, memory_size"
    (row,) = nt52.ask(f"kernel.Select([{fields}, processors, machine, release, system_root])")
    assert row.pop("memory_size") < 256 << 20
    assert row == {
        "dtb": hex(nt52.registers["CR3"]),
        "base": "0x80800000",
        "active_process_head": "0x809f16c4",
        "loaded_module_list": "0x809f0024",
        "page_table_levels": 2,
        "processors": 1,
        "machine": "x86",
        "release": "5.2.3790",
        "system_root": "C:\\ReactOS",
    }


def test_the_memory_is_all_of_the_machines(nt52: Nt52) -> None:
    text = (nt52.folder / "memory-map.txt").read_text()
    ends = re.findall(
        r"^  [0-9a-f]{16}-([0-9a-f]{16}) \(prio 0, ram\): pc\.ram", text, re.MULTILINE
    )
    assert max(int(end, 16) for end in ends) + 1 == nt52.image.physical.limit


def test_what_is_said_on_opening(nt52: Nt52) -> None:
    warnings = nt52.image.warnings
    if nt52.form == NEAR:
        assert len(warnings) == 1
        assert "types are those of a near one of build 3790" in warnings[0]
    else:
        assert warnings == []


def test_its_image_names_no_symbol_file(nt52: Nt52) -> None:
    assert nt52.ask("kernel.Select([pdb_name, pdb_identity])") == [
        {"pdb_name": None, "pdb_identity": None}
    ]


def test_symbols_that_are_not_known_are_not_said_to_be_none(nt52: Nt52) -> None:
    asked = nt52.ask('interrupt.Where(module == "ntoskrnl.exe").Select([symbol])')
    assert {row["symbol"] is None for row in asked} == {nt52.form == NEAR}
    assert {"_unknown" in row for row in asked} == {nt52.form == NEAR}
