"""Names of access rights (winnt.h): those of all objects, and those of each type's own.

The lower 16 bits of an access mask mean something else for each type; the names say which type they
belong to by how they begin.
"""

from __future__ import annotations

from memq.schema.kinds import NamesBy

_ANY = (
    ("DELETE", 0x10000), ("READ_CONTROL", 0x20000), ("WRITE_DAC", 0x40000),
    ("WRITE_OWNER", 0x80000), ("SYNCHRONIZE", 0x100000), ("ACCESS_SYSTEM_SECURITY", 0x1000000),
)  # fmt: skip

_OWN = (
    ("PROCESS_", ("Process",), (
        ("TERMINATE", 0x1), ("CREATE_THREAD", 0x2), ("SET_SESSIONID", 0x4), ("VM_OPERATION", 0x8),
        ("VM_READ", 0x10), ("VM_WRITE", 0x20), ("DUP_HANDLE", 0x40), ("CREATE_PROCESS", 0x80),
        ("SET_QUOTA", 0x100), ("SET_INFORMATION", 0x200), ("QUERY_INFORMATION", 0x400),
        ("SUSPEND_RESUME", 0x800), ("QUERY_LIMITED_INFORMATION", 0x1000),
        ("SET_LIMITED_INFORMATION", 0x2000), ("ALL_ACCESS", 0x1FFFFF),
    )),
    ("THREAD_", ("Thread",), (
        ("TERMINATE", 0x1), ("SUSPEND_RESUME", 0x2), ("ALERT", 0x4), ("GET_CONTEXT", 0x8),
        ("SET_CONTEXT", 0x10), ("SET_INFORMATION", 0x20), ("QUERY_INFORMATION", 0x40),
        ("SET_THREAD_TOKEN", 0x80), ("IMPERSONATE", 0x100), ("DIRECT_IMPERSONATION", 0x200),
        ("SET_LIMITED_INFORMATION", 0x400), ("QUERY_LIMITED_INFORMATION", 0x800),
        ("RESUME", 0x1000), ("ALL_ACCESS", 0x1FFFFF),
    )),
    ("FILE_", ("File",), (
        ("READ_DATA", 0x1), ("LIST_DIRECTORY", 0x1), ("WRITE_DATA", 0x2), ("ADD_FILE", 0x2),
        ("APPEND_DATA", 0x4), ("ADD_SUBDIRECTORY", 0x4), ("CREATE_PIPE_INSTANCE", 0x4),
        ("READ_EA", 0x8), ("WRITE_EA", 0x10), ("EXECUTE", 0x20), ("TRAVERSE", 0x20),
        ("DELETE_CHILD", 0x40), ("READ_ATTRIBUTES", 0x80), ("WRITE_ATTRIBUTES", 0x100),
        ("ALL_ACCESS", 0x1F01FF),
    )),
    ("KEY_", ("Key",), (
        ("QUERY_VALUE", 0x1), ("SET_VALUE", 0x2), ("CREATE_SUB_KEY", 0x4),
        ("ENUMERATE_SUB_KEYS", 0x8), ("NOTIFY", 0x10), ("CREATE_LINK", 0x20),
        ("WOW64_64KEY", 0x100), ("WOW64_32KEY", 0x200), ("READ", 0x20019), ("WRITE", 0x20006),
        ("ALL_ACCESS", 0xF003F),
    )),
    ("SECTION_", ("Section",), (
        ("QUERY", 0x1), ("MAP_WRITE", 0x2), ("MAP_READ", 0x4), ("MAP_EXECUTE", 0x8),
        ("EXTEND_SIZE", 0x10), ("MAP_EXECUTE_EXPLICIT", 0x20), ("ALL_ACCESS", 0xF001F),
    )),
    ("TOKEN_", ("Token",), (
        ("ASSIGN_PRIMARY", 0x1), ("DUPLICATE", 0x2), ("IMPERSONATE", 0x4), ("QUERY", 0x8),
        ("QUERY_SOURCE", 0x10), ("ADJUST_PRIVILEGES", 0x20), ("ADJUST_GROUPS", 0x40),
        ("ADJUST_DEFAULT", 0x80), ("ADJUST_SESSIONID", 0x100), ("ALL_ACCESS", 0xF01FF),
    )),
    ("EVENT_", ("Event",), (
        ("QUERY_STATE", 0x1), ("MODIFY_STATE", 0x2), ("ALL_ACCESS", 0x1F0003),
    )),
    ("MUTANT_", ("Mutant",), (("QUERY_STATE", 0x1), ("ALL_ACCESS", 0x1F0001))),
    ("SEMAPHORE_", ("Semaphore",), (
        ("QUERY_STATE", 0x1), ("MODIFY_STATE", 0x2), ("ALL_ACCESS", 0x1F0003),
    )),
    ("TIMER_", ("Timer",), (
        ("QUERY_STATE", 0x1), ("MODIFY_STATE", 0x2), ("ALL_ACCESS", 0x1F0003),
    )),
    ("JOB_OBJECT_", ("Job",), (
        ("ASSIGN_PROCESS", 0x1), ("SET_ATTRIBUTES", 0x2), ("QUERY", 0x4), ("TERMINATE", 0x8),
        ("SET_SECURITY_ATTRIBUTES", 0x10), ("IMPERSONATE", 0x20), ("ALL_ACCESS", 0x1F003F),
    )),
    ("DESKTOP_", ("Desktop",), (
        ("READOBJECTS", 0x1), ("CREATEWINDOW", 0x2), ("CREATEMENU", 0x4), ("HOOKCONTROL", 0x8),
        ("JOURNALRECORD", 0x10), ("JOURNALPLAYBACK", 0x20), ("ENUMERATE", 0x40),
        ("WRITEOBJECTS", 0x80), ("SWITCHDESKTOP", 0x100),
    )),
    ("WINSTA_", ("WindowStation",), (
        ("ENUMDESKTOPS", 0x1), ("READATTRIBUTES", 0x2), ("ACCESSCLIPBOARD", 0x4),
        ("CREATEDESKTOP", 0x8), ("WRITEATTRIBUTES", 0x10), ("ACCESSGLOBALATOMS", 0x20),
        ("EXITWINDOWS", 0x40), ("ENUMERATE", 0x100), ("READSCREEN", 0x200),
    )),
    ("DIRECTORY_", ("Directory",), (
        ("QUERY", 0x1), ("TRAVERSE", 0x2), ("CREATE_OBJECT", 0x4), ("CREATE_SUBDIRECTORY", 0x8),
        ("ALL_ACCESS", 0xF000F),
    )),
    ("SYMBOLIC_LINK_", ("SymbolicLink",), (("QUERY", 0x1), ("SET", 0x2))),
    ("PORT_", ("ALPC Port", "Port"), (("CONNECT", 0x1), ("ALL_ACCESS", 0x1F0001))),
    ("IO_COMPLETION_", ("IoCompletion",), (
        ("QUERY_STATE", 0x1), ("MODIFY_STATE", 0x2), ("ALL_ACCESS", 0x1F0003),
    )),
    ("WORKER_FACTORY_", ("TpWorkerFactory",), (
        ("RELEASE_WORKER", 0x1), ("WAIT", 0x2), ("SET_INFORMATION", 0x4),
        ("QUERY_INFORMATION", 0x8), ("READY_WORKER", 0x10), ("SHUTDOWN", 0x20),
        ("ALL_ACCESS", 0xF00FF),
    )),
    ("KEYEDEVENT_", ("KeyedEvent",), (("WAIT", 0x1), ("WAKE", 0x2))),
    ("DEBUG_", ("DebugObject",), (
        ("READ_EVENT", 0x1), ("PROCESS_ASSIGN", 0x2), ("SET_INFORMATION", 0x4),
        ("QUERY_INFORMATION", 0x8),
    )),
)  # fmt: skip
"""How names begin, the types that they are of, and the rights. PROCESS_ALL_ACCESS and
THREAD_ALL_ACCESS are those of Vista and later."""

RIGHTS = (
    *_ANY,
    *((start + name, bits) for start, _, rights in _OWN for name, bits in rights),
)
"""All names, with their bits."""

RIGHTS_BY_TYPE = NamesBy("type", tuple((start, types) for start, types, _ in _OWN))
"""Which types a name stands for something of."""
