"""What shows that the rules for Windows find what they speak of.

`hunted-19041` is built by tests/synthetic/windows/hunted.py; the other two are the lab's synthetic
images, of which the first one is a sample of this repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.playbooks.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HUNTED = "hunted-19041"
LAB = ("win10-19041", "win7-7601")
RUN = "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"
NT = "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\"
ANALYST = "S-1-5-21-3623811015-3361044348-30300820-1001"

Rows = tuple["Mapping[str, Any]", ...]

BUILT: dict[str, tuple[str, Rows]] = {
    "autorun-from-user-folder": (
        "a Run key that starts a program of C:\\Users\\Public, beside two that are harmless",
        ({"key": RUN, "name": "Updater", "data": "C:\\Users\\Public\\u.exe -s"},),
    ),
    "callback-outside-modules": (
        "a callback for processes in a driver that is on no list, beside one in a driver that is",
        ({"kind": "process"},),
    ),
    "changed-program-path": (
        "a program of C:\\PerfLogs whose PEB says that it is of System32",
        ({"pid": 2008, "own_path": "C:\\Windows\\System32\\calc.exe"},),
    ),
    "credential-store-opened": (
        "handles of rundll32.exe to the file SAM and to a key in it",
        (
            {"pid": 2016, "type": "File"},
            {
                "pid": 2016,
                "type": "Key",
                "name": "\\REGISTRY\\MACHINE\\SAM\\SAM\\Domains\\Account",
            },
        ),
    ),
    "debug-privilege": (
        "SeDebugPrivilege switched on in a user's token",
        ({"pid": 2016, "process": "rundll32.exe", "integrity": "high"},),
    ),
    "deferred-call-outside-modules": (
        "a deferred call that waits, with its function in a driver that is on no list",
        ({"processor": 0},),
    ),
    "document-starts-shell": (
        "cmd.exe with WINWORD.EXE as its parent",
        ({"pid": 2020, "process": "cmd.exe", "parent": "WINWORD.EXE"},),
    ),
    "dotnet-events-off": (
        "COMPlus_ETWEnabled=0 in an environment",
        ({"pid": 2056, "name": "COMPlus_ETWEnabled", "value": "0"},),
    ),
    "dotnet-profiler": (
        "COR_PROFILER_PATH in an environment",
        ({"pid": 2056, "name": "COR_PROFILER_PATH", "value": "C:\\ProgramData\\p.dll"},),
    ),
    "double-extension": (
        "a program invoice.pdf.exe",
        ({"pid": 2036, "parent": "explorer.exe"},),
    ),
    "driver-from-user-folder": (
        "a driver of C:\\Users\\Public",
        ({"driver": "vuln.sys", "path": "\\??\\C:\\Users\\Public\\vuln.sys"},),
    ),
    "driver-function-hooked": (
        "a function of disk.sys in a driver that is on no list",
        ({"driver": "disk.sys", "function": "IRP_MJ_DEVICE_CONTROL"},),
    ),
    "event-log-cleared": (
        "wevtutil.exe that was told to clear a log",
        ({"pid": 2028, "command_line": "wevtutil cl Security"},),
    ),
    "forged-privilege": (
        "a privilege that is switched on in a token and not held",
        ({"privilege": "SeLockMemoryPrivilege", "pids": [2064]},),
    ),
    "hidden-driver": (
        "a driver with an object that is on no list",
        ({"driver": "hidden", "devices": ["hiddenDevice0"]},),
    ),
    "hidden-powershell": (
        "PowerShell with an encoded command",
        ({"pid": 2060, "process": "powershell.exe"},),
    ),
    "hidden-process": (
        "a process that was taken off the list",
        ({"pid": 2048, "process": "rootkit.exe", "threads": 1},),
    ),
    "hollowed-process": (
        "a PEB with another base than that at which the kernel mapped the program",
        ({"pid": 2044, "kernel_base": "0x400000", "own_base": "0x1200000"},),
    ),
    "interrupt-outside-modules": (
        "a gate of a processor's table that leads into a driver that is on no list",
        ({"processor": 0, "vector": 0x31, "object": None},),
    ),
    "library-in-all-programs": (
        "AppInit_DLLs with a library",
        ({"name": "AppInit_DLLs", "data": "C:\\ProgramData\\hook.dll"},),
    ),
    "library-in-lsass": (
        "a library of C:\\ProgramData in lsass.exe",
        ({"pid": 540, "mapped": "\\ProgramData\\package.dll"},),
    ),
    "logon-program": (
        "Winlogon's Shell with a second program, beside an ordinary Userinit",
        (
            {
                "key": f"{NT}Winlogon",
                "name": "Shell",
                "data": "explorer.exe, C:\\ProgramData\\shell.exe",
            },
        ),
    ),
    "lookalike-name": (
        "a process svch0st.exe",
        ({"pid": 2004, "process": "svch0st.exe"},),
    ),
    "lsass-dump-file": (
        "an open file lsass.dmp",
        ({"pid": 2016, "file": "\\Device\\HarddiskVolume3\\Users\\Public\\lsass.dmp"},),
    ),
    "lsass-opened": (
        "a handle to lsass.exe that may read its memory, beside that of csrss.exe",
        ({"pid": 2016, "process": "rundll32.exe", "access": 0x1410, "lsass": 540},),
    ),
    "odd-service-program": (
        "a service that runs %COMSPEC%",
        ({"service": "Remote", "image_path": "%COMSPEC% /c start C:\\Windows\\x.exe"},),
    ),
    "private-executable-memory": (
        "private memory reserved as executable and writable, and other that page tables make so",
        (
            {"pid": 2032, "start": "0x1e900000000", "executable_pages": 2, "has_pe_header": True},
            {"pid": 2032, "start": "0x1e900100000", "protection": "PAGE_READWRITE"},
        ),
    ),
    "program-debugger": (
        "a debugger for sethc.exe",
        ({"key": f"{NT}Image File Execution Options\\sethc.exe", "data": "cmd.exe"},),
    ),
    "program-from-user-folder": (
        "programs of C:\\Users\\Public, Downloads and C:\\PerfLogs",
        ({"pid": 2000}, {"pid": 2008}, {"pid": 2036}),
    ),
    "program-in-private-memory": (
        "private memory that is executable and begins with a program's headers",
        ({"pid": 2032, "process": "notepad.exe", "start": "0x1e900000000"},),
    ),
    "program-without-file": (
        "a program whose file is to be deleted",
        ({"pid": 2040, "process": "ghost.exe", "is_deleted": [True]},),
    ),
    "proxy-execution": (
        "rundll32.exe that was told to dump memory by comsvcs.dll",
        ({"pid": 2016, "process": "rundll32.exe"},),
    ),
    "quiet-program-on-network": (
        "a connection of notepad.exe",
        ({"pid": 2032, "remote_address": "203.0.113.7", "remote_port": 443},),
    ),
    "recovery-inhibited": (
        "cmd.exe that was told to delete shadow copies",
        ({"pid": 2020, "command_line": "cmd.exe /c vssadmin delete shadows /all /quiet"},),
    ),
    "reversed-name": (
        "an open file with U+202E in its name",
        ({"path": "\\Device\\HarddiskVolume3\\Users\\analyst\\Downloads\\photo\u202egpj.exe"},),
    ),
    "second-system-process": (
        "two processes lsass.exe",
        ({"process": "lsass.exe", "pids": [540, 2012]},),
    ),
    "security-package": (
        "a security package that is not of Windows, among those that are",
        ({"name": "Security Packages", "data": "kerberos; msv1_0; schannel; package"},),
    ),
    "service-not-in-registry": (
        "a record of services.exe that runs and has no key",
        ({"service": "Ghost", "process_id": 700},),
    ),
    "shared-token": (
        "a process with the token of System",
        ({"user": "S-1-5-18", "pids": [4, 2052]},),
    ),
    "system-call-hooked": (
        "a system call that leads into a driver that is on no list",
        ({"table": "kernel", "index": 7, "module": None},),
    ),
    "system-name-elsewhere": (
        "svchost.exe of C:\\Users\\Public, beside one of System32",
        ({"pid": 2000, "process": "svchost.exe"},),
    ),
    "system-thread-outside-drivers": (
        "a thread of System that begins in a driver that is on no list, beside one of disk.sys",
        ({"pid": 4, "tid": 12},),
    ),
    "thread-in-private-memory": (
        "a thread that begins in private memory",
        ({"pid": 2032, "tid": 2035, "start": "0x1e900001000"},),
    ),
    "timer-outside-modules": (
        "a timer with its function in a driver that is on no list, beside one of disk.sys",
        ({"processor": 0, "period": 0},),
    ),
    "unlisted-library": (
        "a library that is in one of the loader's lists and not in the other",
        ({"pid": 2032, "in_load_list": False, "in_memory_list": True, "is_mapped": True},),
    ),
    "unusual-parent": (
        "svchost.exe and lsass.exe that explorer.exe has started",
        (
            {"pid": 2000, "process": "svchost.exe", "parent": "explorer.exe"},
            {"pid": 2012, "process": "lsass.exe", "parent": "explorer.exe"},
        ),
    ),
}
"""What is planted in HUNTED for each rule, and its rows."""

IN_LAB: dict[str, tuple[str, Rows]] = {
    "autorun-from-user-folder": (
        "Run keys that start a program of AppData and an encoded command",
        ({"key": RUN, "name": "nvsrvc"}, {"name": "Updater"}),
    ),
    "callback-outside-modules": (
        "callbacks for processes and threads in a driver that is on no list",
        ({"kind": "process"}, {"kind": "thread"}),
    ),
    "debug-privilege": (
        "SeDebugPrivilege switched on in a user's token",
        ({"pid": 4520, "process": "powershell.exe", "user": ANALYST},),
    ),
    "driver-function-hooked": (
        "a function of tcpip.sys in a driver that is on no list",
        ({"driver": "tcpip.sys", "function": "IRP_MJ_DEVICE_CONTROL"},),
    ),
    "forged-privilege": (
        "a privilege that is switched on in a token and not held",
        ({"pids": [4520], "privilege": "SeCreatePermanentPrivilege"},),
    ),
    "hidden-driver": (
        "a driver that was taken off the list",
        ({"driver": "rkhid", "devices": ["RkHid0"]},),
    ),
    "hidden-powershell": (
        "PowerShell with a hidden window and an encoded command",
        ({"pid": 4520, "process": "powershell.exe"},),
    ),
    "hidden-process": (
        "a process that was taken off the list, beside one that has ended",
        ({"pid": 5572, "process": "nvsrvcx.exe"},),
    ),
    "hollowed-process": (
        "svchost.exe with another program at another place",
        ({"pid": 5320, "process": "svchost.exe", "own_base": "0x400000"},),
    ),
    "lsass-opened": (
        "a handle to lsass.exe that may read its memory, beside that of csrss.exe",
        ({"pid": 4520, "process": "powershell.exe", "access": 0x1010},),
    ),
    "odd-service-program": (
        "a driver's service with its file in a folder of temporary files",
        ({"service": "rkhid", "image_path": "\\??\\C:\\Windows\\Temp\\rkhid.sys"},),
    ),
    "private-executable-memory": (
        "injected programs in two processes, and private executable memory of PowerShell",
        (
            {"pid": 3412},
            {"pid": 4520, "size": 0x10000},
            {"pid": 4520, "size": 0x2000},
            {"pid": 5320},
        ),
    ),
    "program-from-user-folder": (
        "programs of Downloads and AppData",
        ({"pid": 4988, "process": "setuptool.exe"}, {"pid": 5572, "process": "nvsrvcx.exe"}),
    ),
    "program-in-private-memory": (
        "injected programs in two processes",
        ({"pid": 3412, "process": "explorer.exe"}, {"pid": 5320, "process": "svchost.exe"}),
    ),
    "system-call-hooked": (
        "a system call that leads into a driver that is on no list",
        ({"name": "NtQuerySystemInformation", "module": None},),
    ),
    "system-thread-outside-drivers": (
        "a thread of System that begins in a driver that is on no list",
        ({"pid": 4, "process": "System"},),
    ),
    "thread-in-private-memory": (
        "threads that begin in injected programs",
        ({"pid": 3412}, {"pid": 5320, "start": "0x401000"}),
    ),
    "unlisted-library": (
        "a library that is in one list only, and one of C:\\Users\\Public that is in none",
        (
            {"pid": 3412, "mapped": "\\Users\\Public\\shhook.dll"},
            {"pid": 4388, "in_load_list": False, "in_memory_list": True},
        ),
    ),
    "unusual-parent": (
        "svchost.exe that explorer.exe has started",
        ({"pid": 5320, "process": "svchost.exe", "parent": "explorer.exe"},),
    ),
}
"""What is planted in both images of LAB, and the rows of each rule that finds it."""


def _proofs() -> Iterator[Proof]:
    for image, planted in ((HUNTED, BUILT), *((name, IN_LAB) for name in LAB)):
        for rule, (what, rows) in planted.items():
            yield Proof(f"windows/{rule}", image, rows, what, is_real=False)


PROOFS: tuple[Proof, ...] = tuple(_proofs())
