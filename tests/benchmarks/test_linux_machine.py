"""The machine of the bench image, with a program in QEMU's place that speaks as QEMU does."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.linux_machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the image is made on Linux")

QEMU = r"""
import json, os, sys
console, memory, ends = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
os.pwrite(memory, b"kernel", 0x1000)
with open(console, "w") as file:
    file.write("boots\nmark: one\nmark: two\n")
    if ends:
        file.write("Kernel panic - no memory\nregisters\nmark: cut short")
        sys.exit(1)
print(json.dumps({"QMP": {}}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"event": "STOP"}))
    if asked["execute"] == "human-monitor-command":
        tree = ' AS "memory"\n' + f"  {0x10_0000:016x}-{0x1f_ffff:016x} (prio 0, ram): guest-memory"
        print(json.dumps({"return": tree}), flush=True)
    else:
        print(json.dumps({"return": {}}), flush=True)
"""


def machine(folder: Path, monkeypatch: pytest.MonkeyPatch, *ends: str) -> Machine:
    def command(made: Machine) -> list[str]:
        console = str(folder / "console")
        return [sys.executable, "-c", QEMU, console, str(made._memory), *ends]

    monkeypatch.setattr(Machine, "_command", command)
    return Machine(folder, folder / "vmlinuz", folder / "initramfs", 1)


def test_a_guest_speaks_and_is_saved_and_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path, monkeypatch) as guest:
        said = guest.said("mark: ", 60)
        assert [next(said), next(said)] == ["one", "two"]
        guest.save(tmp_path / "image")
        assert guest._process.poll() is None
    assert guest._process.returncode == -9
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(guest._memory)
    assert (tmp_path / "image").read_bytes()[0x10_1000:].rstrip(b"\0") == b"kernel"


def test_a_guest_that_ends_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with (
        machine(tmp_path, monkeypatch, "ends") as guest,
        pytest.raises(SystemExit, match=r"^the guest has ended: Kernel panic - no memory$"),
    ):
        heard.extend(line for line in guest.said("mark: ", 60))
    assert heard == ["one", "two"]


def test_a_guest_that_is_silent_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        machine(tmp_path, monkeypatch) as guest,
        pytest.raises(SystemExit, match=r"^the guest is silent for 0\.3 seconds: "),
    ):
        list(guest.said("mark: ", 0.3))
