"""Names that every kernel exports, as far as the builder's tables have them."""

from __future__ import annotations

TYPE_EXPORTS = {
    "Process": "PsProcessType",
    "Thread": "PsThreadType",
    "Job": "PsJobType",
    "File": "IoFileObjectType",
    "Driver": "IoDriverObjectType",
    "Device": "IoDeviceObjectType",
    "Adapter": "IoAdapterObjectType",
    "Mutant": "ExMutantObjectType",
    "Event": "ExEventObjectType",
    "Semaphore": "ExSemaphoreObjectType",
    "Timer": "ExTimerObjectType",
    "Desktop": "ExDesktopObjectType",
    "WindowStation": "ExWindowStationObjectType",
    "Token": "SeTokenObjectType",
    "Section": "MmSectionObjectType",
    "Key": "CmKeyObjectType",
    "ALPC Port": "LpcPortObjectType",
}
"""Exported variables that hold the address of an object type, by the type's name."""

_VARIABLES = (
    "PsInitialSystemProcess PsLoadedModuleList PsLoadedModuleResource NtBuildNumber NtBuildLab"
    " NtBuildGUID NtGlobalFlag InitSafeBootMode KeNumberProcessors KeServiceDescriptorTable"
    " KeTickCount KeTimeIncrement KdDebuggerEnabled KdDebuggerNotPresent KeLoaderBlock"
    " MmHighestUserAddress MmSystemRangeStart MmUserProbeAddress MmBadPointer NlsMbCodePageTag"
    " PsSystemPartition SeExports SePublicDefaultDacl SeSystemDefaultDacl"
    " FsRtlLegalAnsiCharacterArray"
)
_FUNCTIONS = (
    "NtClose NtCreateFile NtOpenProcess NtReadFile NtWriteFile NtQuerySystemInformation"
    " NtQueryInformationProcess NtSetInformationThread NtAllocateVirtualMemory NtFreeVirtualMemory"
    " NtDuplicateObject NtCreateSection NtMapViewOfSection NtDeviceIoControlFile"
    " ZwClose ZwCreateFile ZwOpenKey ZwReadFile ZwWriteFile ZwQuerySystemInformation"
    " ExAllocatePoolWithTag ExFreePool"
    " ExFreePoolWithTag IoCreateDevice IoDeleteDevice IofCallDriver IofCompleteRequest"
    " IoGetCurrentProcess IoAllocateMdl KeBugCheck KeBugCheckEx KeInitializeDpc KeInsertQueueDpc"
    " KeSetEvent KeWaitForSingleObject KeDelayExecutionThread KeStackAttachProcess MmMapIoSpace"
    " MmGetPhysicalAddress MmIsAddressValid ObReferenceObjectByHandle ObfDereferenceObject"
    " ObOpenObjectByPointer PsGetCurrentProcessId PsLookupProcessByProcessId PsCreateSystemThread"
    " PsSetCreateProcessNotifyRoutine PsSetLoadImageNotifyRoutine RtlInitUnicodeString"
    " RtlCopyUnicodeString RtlGetVersion SeAccessCheck CmRegisterCallback"
    " DbgPrint FsRtlIsNameInExpression"
)
EXPORTS = frozenset((*_VARIABLES.split(), *_FUNCTIONS.split(), *TYPE_EXPORTS.values()))
