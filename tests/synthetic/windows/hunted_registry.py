"""Keys and values by which programs are started that should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.truth import ValueTruth

if TYPE_CHECKING:
    from tests.synthetic.windows.machine import Machine
    from tests.synthetic.windows.registry import Values

VERSION = "Microsoft\\Windows\\CurrentVersion"
NT_VERSION = "Microsoft\\Windows NT\\CurrentVersion"
OPTIONS = f"{NT_VERSION}\\Image File Execution Options\\sethc.exe"
CONTROL = "ControlSet001\\Control\\Lsa"
SERVICES = "ControlSet001\\Services"
CONFIG = "\\SystemRoot\\System32\\Config\\"


def plant(machine: Machine) -> None:
    """Mount two hives."""
    owner = None
    if machine.options.build >= 17134:
        owner = machine.process(92, "Registry", session=None)
    for name, keys in (("SOFTWARE", _software()), ("SYSTEM", _system())):
        machine.registry.hive(
            f"\\REGISTRY\\MACHINE\\{name}", with_parents(keys), file=CONFIG + name, process=owner
        )


def _software() -> dict[str, Values]:
    return {
        f"{VERSION}\\Run": {
            "Updater": text("C:\\Users\\Public\\u.exe -s"),
            "OneDrive": text(
                "C:\\Users\\analyst\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe /background"
            ),
            "Health": text("%windir%\\system32\\SecurityHealthSystray.exe"),
        },
        f"{NT_VERSION}\\Winlogon": {
            "Shell": text("explorer.exe, C:\\ProgramData\\shell.exe"),
            "Userinit": text("C:\\Windows\\system32\\userinit.exe,"),
        },
        f"{NT_VERSION}\\Windows": {"AppInit_DLLs": text("C:\\ProgramData\\hook.dll")},
        OPTIONS: {"Debugger": text("cmd.exe")},
    }


def _system() -> dict[str, Values]:
    return {
        "Select": {"Current": ValueTruth(4, b"\1\0\0\0")},
        CONTROL: {
            "Security Packages": texts("kerberos", "msv1_0", "schannel", "package"),
            "Notification Packages": texts("scecli"),
            "Authentication Packages": texts("msv1_0"),
        },
        f"{SERVICES}\\disk": service(1, 0, "System32\\drivers\\disk.sys"),
        f"{SERVICES}\\Remote": service(0x10, 3, "%COMSPEC% /c start C:\\Windows\\x.exe"),
    }


def service(kind: int, start: int, path: str) -> Values:
    """Return the values of a service's key."""
    return {
        "Type": ValueTruth(4, kind.to_bytes(4, "little")),
        "Start": ValueTruth(4, start.to_bytes(4, "little")),
        "ImagePath": ValueTruth(2, text(path).data),
    }


def text(content: str) -> ValueTruth:
    """Return a value of text (REG_SZ)."""
    return ValueTruth(1, (content + "\0").encode("utf-16-le"))


def texts(*content: str) -> ValueTruth:
    """Return a value of several texts (REG_MULTI_SZ)."""
    return ValueTruth(7, "".join(f"{one}\0" for one in (*content, "")).encode("utf-16-le"))


def with_parents(keys: dict[str, Values]) -> dict[str, Values]:
    """Return keys with all that are above them, those first."""
    found: dict[str, Values] = {}
    for path, values in keys.items():
        parts = path.split("\\")
        for end in range(1, len(parts)):
            found.setdefault("\\".join(parts[:end]), {})
        found[path] = {**found.get(path, {}), **values}
    return found
