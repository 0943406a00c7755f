"""What of a Windows kernel's symbol table goes into the profile pack: the one list.

Patterns as a shell has them. What these structs hold by value comes along, and so do the enums of
their members. A name that a kernel has not is passed over.
"""

from __future__ import annotations

STRUCTS = (
    # Processes, threads, jobs, scheduling
    *("_EPROCESS*", "_KPROCESS", "_ETHREAD", "_KTHREAD", "_EJOB", "_ESILO", "_ESERVERSILO*"),
    *("_PS_*", "_PSP_*", "_CLIENT_ID*", "_KAPC*", "_KPRCB", "_KPCR", "_KNODE", "_KSTACK_*"),
    *("_EWOW64PROCESS", "_WOW64_PROCESS", "_PAGEFAULT_HISTORY", "_EPARTITION"),
    *("_KSCHEDULING_GROUP", "_KTHREAD_COUNTERS", "_KSCB", "_KWAIT_*", "_KTRAP_FRAME"),
    *("_KSWITCHFRAME", "_KEXCEPTION_FRAME", "_CONTEXT", "_EXCEPTION_R*", "_KSPECIAL_REGISTERS"),
    *("_KPROCESSOR_STATE", "_KDESCRIPTOR", "_DESCRIPTOR", "_KGDTENTRY*", "_KIDTENTRY*", "_KTSS*"),
    *("_KINTERRUPT", "_KUSER_SHARED_DATA", "_KLOCK_ENTRY", "_PROCESSOR_START_BLOCK"),
    *("_PROCESSOR_NUMBER", "_GROUP_AFFINITY", "_KAFFINITY_EX", "_RTL_UMS_*", "_IO_MINI*"),
    # User memory: environment, loader, stacks, heaps
    *("_PEB*", "_TEB*", "_NT_TIB*", "_LDR*", "_KLDR*", "_RTL_USER_*", "_CURDIR", "_ACTIVATION_*"),
    *("_RTL_DRIVE*", "_GDI_TEB_BATCH*", "_UNICODE_STRING", "_STRING*", "_LIST_ENTRY", "_GUID"),
    *("LIST_ENTRY32", "LIST_ENTRY64", "_UNLOADED_DRIVERS", "_HEAP", "_HEAP_*", "_INVERTED_*"),
    *("_API_SET_*", "_FLS_*", "_SILO_USER_SHARED_DATA", "_LEAP_SECOND_DATA"),
    # Memory: VADs, sections, pages, working sets, page files, pool
    *("_MM*", "_MI_*", "_MIPFN*", "_MSUBSECTION*", "_SUBSECTION*", "_CONTROL_AREA", "_SEGMENT*"),
    *(
        "_SECTION*",
        "_LARGE_CONTROL_AREA",
        "_MAPPED_FILE_SEGMENT",
        "_EVENT_COUNTER",
        "_HARDWARE_PTE",
    ),
    *("_PHYSICAL_MEMORY_*", "_POOL_*", "_EX_POOL*", "_EX_HEAP*", "_GENERAL_LOOKASIDE*", "_VI_*"),
    *("_NPAGED_LOOKASIDE_LIST", "_PAGED_LOOKASIDE_LIST", "_PP_LOOKASIDE_LIST", "_MDL", "_VACB*"),
    *("_SHARED_CACHE_MAP*", "_PRIVATE_CACHE_MAP*", "_RTL_A*", "_RTL_B*", "_RTL_RB*", "_RTL_H*"),
    *("_RTL_DYN*", "_RTL_SPARSE*", "_RTLP_HP*", "_RTLP_A*", "_RTL_SPLAY_LINKS", "_HP_*"),
    *("_SEGMENT_HEAP*", "_SLIST_HEADER*", "_SINGLE_LIST*", "_VF_*", "_DBGKD_*", "_KDDEBUGGER_*"),
    # Objects, handles, names, synchronisation
    *("_OBJECT_*", "_OB_*", "_OBP_*", "_HANDLE_*", "_EX_*", "_EXHANDLE", "_GENERIC_MAPPING"),
    *("_DISPATCHER_HEADER", "_KMUTANT", "_KEVENT*", "_KSEMAPHORE", "_KTIMER*", "_ETIMER", "_KDPC*"),
    *("_KQUEUE", "_KPRIQUEUE", "_KGATE", "_KGUARDED_MUTEX", "_FAST_MUTEX", "_ERESOURCE"),
    *(
        "_OWNER_ENTRY",
        "_CALLBACK_OBJECT",
        "_WORK_QUEUE_ITEM",
        "_DEVICE_MAP",
        "_IO_TIMER",
        "_ESWEEP*",
    ),
    *("_KDEVICE_QUEUE*", "_TERMINATION_PORT", "_KEYED_EVENT*", "_DEBUG_OBJECT", "_WNF_*"),
    *("_ALPC_*", "_KALPC_*", "_PORT_MESSAGE*", "_LPCP_*", "_REMOTE_PORT_VIEW", "_PORT_VIEW"),
    *("tagDESKTOP*", "tagWINDOWSTATION*", "tagTHREADINFO", "tagWND", "tagSHAREDINFO"),
    # Security
    *(
        "_TOKEN*",
        "_SID*",
        "_SEP_*",
        "_SE_*",
        "_LUID*",
        "_ACL",
        "_ACE*",
        "_SECURITY_*",
        "_PRIVILEGE_*",
    ),
    *("_AUTHZ*", "_AUX_ACCESS_DATA", "_ACCESS_STATE", "_KNOWN_ACE", "_OBJECT_TYPE_LIST"),
    # Devices, drivers, files
    *("_DRIVER_*", "_DEVICE_*", "_DEVOBJ_*", "_FILE_*", "_IRP*", "_IO_*", "_VPB", "_FAST_IO_*"),
    *("_IOP_*", "_SHUTDOWN_PACKET", "_BUS_*", "_FS_FILTER_*", "_WAIT_CONTEXT_BLOCK", "_KREQUEST*"),
    *("_NOTIFICATION_PACKET", "_CM_FULL_RESOURCE_DESCRIPTOR", "_PNP_*", "_PO_*", "_POP_*"),
    *("_DUMP_*", "_IMAGE_*", "_HAL_CALLBACKS", "HAL_PRIVATE_DISPATCH", "_LOADER_PARAMETER_*"),
    *("_KBUGCHECK_*", "_KSERVICE_TABLE_DESCRIPTOR", "_SYSTEM_POWER_*", "_VERIFIER*"),
    # Registry
    *(
        "_CM_*",
        "_CMHIVE",
        "_CMP_*",
        "_CMSI_*",
        "_HHIVE",
        "_HBASE_BLOCK",
        "_HBIN",
        "_HCELL",
        "_HMAP_*",
    ),
    *("_HV_*", "_HVP_*", "_HIVE_*", "_CHILD_LIST", "_DUAL", "_CELL_DATA", "_HENTRY", "_VALUE_*"),
    # Traces
    *("_ETW*", "_WMI_*", "_TRACE_ENABLE_*", "_TRACE_LOGFILE*", "_EVENT_*", "_PERFINFO_GROUPMASK"),
)

ENUMS = (
    *("_POOL_TYPE", "_KTHREAD_STATE", "_KPROCESS_STATE", "_KWAIT_REASON", "_KWAIT_STATE"),
    *("_SECURITY_IMPERSONATION_LEVEL", "_TOKEN_TYPE", "_TOKEN_INFORMATION_CLASS", "_MI_VAD_TYPE"),
    *(
        "_MMLISTS",
        "_OB_OPEN_REASON",
        "_KOBJECTS",
        "_EVENT_TYPE",
        "_TIMER_TYPE",
        "_MI_SYSTEM_VA_TYPE",
    ),
    *("_SID_NAME_USE", "_MEMORY_CACHING_TYPE", "_LDR_DLL_LOAD_REASON", "_LDR_DDAG_STATE"),
    *("_PS_PROTECTED_TYPE", "_PS_PROTECTED_SIGNER", "_SYSTEM_DLL_TYPE", "_NT_PRODUCT_TYPE"),
    *("_MODE", "_KINTERRUPT_MODE", "_KINTERRUPT_POLARITY", "_IRPLOCK", "_DEVICE_RELATION_TYPE"),
    *(
        "_KBUGCHECK_CALLBACK_REASON",
        "_EXCEPTION_DISPOSITION",
        "_KPROFILE_SOURCE",
        "_KAPC_ENVIRONMENT",
    ),
    *("_PROCESS_VA_TYPE", "_PROCESS_SECTION_TYPE", "_MI_STORE_BIT_TYPE", "_FILE_INFORMATION_CLASS"),
    *("_JOBOBJECTINFOCLASS", "_IO_SESSION_STATE", "_REG_NOTIFY_CLASS", "_KHETERO_CPU_QOS"),
    *("_MANDATORY_LEVEL", "_SYSTEM_PROCESS_CLASSIFICATION", "_THREAD_WORKLOAD_CLASS"),
)
"""Those that no member of a struct above is declared with may be wanted all the same."""

_OPEN = "Nt|Zw|Ps|Ob|Cm|Mm|Ki|Ke|Kd|Io|Ex|Se|Etw|Hal|Hali|Lpc|Tm|Alpc|Dbgk|Init|Pool"
"""Prefixes of what the kernel exports, and of what interrupts, system calls and tables lead to."""
_INNER = (
    "Psp|Obp|Cmp|Mi|Iop|Exp|Sep|Po|Pop|Etwp|Cc|FsRtl|Rtl|Wmip|Pp|Pi|Pnp|Hvl|Hvlp|Halp|Vf|Hvp|Kdp"
)
"""Prefixes of what they keep to themselves; of these, only what looks like data."""
_DATA = (
    "List|Head|Table|Array|Callback|Cookie|State|Database|Pool|Tree|BitMap|Hive|Root|Globals?|Block|"
    "Tag|Type|Count|Lock|Mutex|Event|Queue|Directory|InvalidDeviceRequest|Routines?|Object|Descriptor"
)
SYMBOLS = (
    rf"(?:{_OPEN})[A-Z]\w*",
    rf"(?:{_INNER})[A-Z]\w*?(?:{_DATA})[A-Z]?[a-z]{{0,8}}",
    "CallbackListHead|MiState|MiFlags|RtlpDebugPrintCallbackList|ExpHostList",
)
"""Of the names of functions and variables. (Nt*: the names of system calls.)"""
