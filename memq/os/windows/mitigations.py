"""What Windows lets nobody do to a process: protection and mitigations (_PS_PROTECTION)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct
from memq.errors import Reason
from memq.os.common import words_by_number

if TYPE_CHECKING:
    from memq.symbols.structs import Structs

LEVELS = ("none", "light", "full")
"""PS_PROTECTED_TYPE, from 0 on."""
SIGNERS = (
    "none", "Authenticode", "CodeGen", "Antimalware", "Lsa", "Windows", "WinTcb", "WinSystem",
    "App",
)  # fmt: skip
"""PS_PROTECTED_SIGNER, from 0 on."""
_TYPE_BITS, _SIGNER_SHIFT = 7, 4

PROCESS_FLAGS = (
    ("CreateReported", 0x1), ("NoDebugInherit", 0x2), ("ProcessExiting", 0x4),
    ("ProcessDelete", 0x8), ("VmDeleted", 0x20), ("OutswapEnabled", 0x40), ("Outswapped", 0x80),
    ("Wow64VaSpace4Gb", 0x200), ("SetTimerResolution", 0x1000), ("BreakOnTermination", 0x2000),
    ("DeprioritizeViews", 0x4000), ("WriteWatch", 0x8000), ("ProcessInSession", 0x1_0000),
    ("OverrideAddressSpace", 0x2_0000), ("HasAddressSpace", 0x4_0000),
    ("LaunchPrefetched", 0x8_0000), ("VmTopDown", 0x20_0000), ("ImageNotifyDone", 0x40_0000),
    ("PdeUpdateNeeded", 0x80_0000), ("VdmAllowed", 0x100_0000), ("ProcessInserted", 0x400_0000),
    ("ProcessSelfDelete", 0x4000_0000), ("SetTimerResolutionLink", 0x8000_0000),
)  # fmt: skip
"""Bits of EPROCESS.Flags that have one meaning from 7601 to 22000; others are asked by number."""

MITIGATIONS = (
    ("ControlFlowGuardEnabled", 0x1), ("ControlFlowGuardExportSuppressionEnabled", 0x2),
    ("ControlFlowGuardStrict", 0x4), ("DisallowStrippedImages", 0x8),
    ("ForceRelocateImages", 0x10), ("HighEntropyASLREnabled", 0x20),
    ("StackRandomizationDisabled", 0x40), ("ExtensionPointDisable", 0x80),
    ("DisableDynamicCode", 0x100), ("DisableDynamicCodeAllowOptOut", 0x200),
    ("DisableDynamicCodeAllowRemoteDowngrade", 0x400), ("AuditDisableDynamicCode", 0x800),
    ("DisallowWin32kSystemCalls", 0x1000), ("AuditDisallowWin32kSystemCalls", 0x2000),
    ("EnableFilteredWin32kAPIs", 0x4000), ("AuditFilteredWin32kAPIs", 0x8000),
    ("DisableNonSystemFonts", 0x1_0000), ("AuditNonSystemFontLoading", 0x2_0000),
    ("PreferSystem32Images", 0x4_0000), ("ProhibitRemoteImageMap", 0x8_0000),
    ("AuditProhibitRemoteImageMap", 0x10_0000), ("ProhibitLowILImageMap", 0x20_0000),
    ("AuditProhibitLowILImageMap", 0x40_0000), ("SignatureMitigationOptIn", 0x80_0000),
    ("AuditBlockNonMicrosoftBinaries", 0x100_0000),
    ("AuditBlockNonMicrosoftBinariesAllowStore", 0x200_0000),
    ("LoaderIntegrityContinuityEnabled", 0x400_0000),
    ("AuditLoaderIntegrityContinuity", 0x800_0000),
    ("EnableModuleTamperingProtection", 0x1000_0000),
    ("EnableModuleTamperingProtectionNoInherit", 0x2000_0000),
    ("RestrictIndirectBranchPrediction", 0x4000_0000), ("IsolateSecurityDomain", 0x8000_0000),
)  # fmt: skip
"""Bits of EPROCESS.MitigationFlags, from 17763 to 22000."""

MORE_MITIGATIONS = (
    ("EnableExportAddressFilter", 0x1), ("AuditExportAddressFilter", 0x2),
    ("EnableExportAddressFilterPlus", 0x4), ("AuditExportAddressFilterPlus", 0x8),
    ("EnableRopStackPivot", 0x10), ("AuditRopStackPivot", 0x20), ("EnableRopCallerCheck", 0x40),
    ("AuditRopCallerCheck", 0x80), ("EnableRopSimExec", 0x100), ("AuditRopSimExec", 0x200),
    ("EnableImportAddressFilter", 0x400), ("AuditImportAddressFilter", 0x800),
    ("DisablePageCombine", 0x1000), ("SpeculativeStoreBypassDisable", 0x2000),
    ("CetUserShadowStacks", 0x4000), ("AuditCetUserShadowStacks", 0x8000),
    ("AuditCetUserShadowStacksLogged", 0x1_0000), ("UserCetSetContextIpValidation", 0x2_0000),
    ("AuditUserCetSetContextIpValidation", 0x4_0000),
    ("AuditUserCetSetContextIpValidationLogged", 0x8_0000),
    ("CetUserShadowStacksStrictMode", 0x10_0000), ("BlockNonCetBinaries", 0x20_0000),
    ("BlockNonCetBinariesNonEhcont", 0x40_0000), ("AuditBlockNonCetBinaries", 0x80_0000),
    ("AuditBlockNonCetBinariesLogged", 0x100_0000), ("XtendedControlFlowGuard", 0x200_0000),
    ("AuditXtendedControlFlowGuard", 0x400_0000), ("PointerAuthUserIp", 0x800_0000),
    ("AuditPointerAuthUserIp", 0x1000_0000), ("AuditPointerAuthUserIpLogged", 0x2000_0000),
    ("CetDynamicApisOutOfProcOnly", 0x4000_0000),
    ("UserCetSetContextIpValidationRelaxedMode", 0x8000_0000),
)  # fmt: skip
"""Bits of EPROCESS.MitigationFlags2, from 17763 to 22000; the later ones were reserved before."""


def levels(processes: Structs) -> Text:
    """Return how far processes are protected."""
    # 9600 replaced the one bit of 6000 by a type and a signer.
    if not processes.has("Protection"):
        bit = processes["ProtectedProcess"]
        return Text(np.where(bit.values != 0, 2, 0), bit.status, LEVELS)
    found = _protection(processes)
    return words_by_number(Column(found.values & _TYPE_BITS, found.status), LEVELS)


def signers(processes: Structs) -> Text:
    """Return for whose programs they are protected."""
    found = _protection(processes)
    return words_by_number(Column(found.values >> _SIGNER_SHIFT, found.status), SIGNERS)


def texts(processes: Structs) -> Text:
    """Return protections as Microsoft's own tools write them; null where there is none."""
    if not processes.has("Protection"):
        level = levels(processes)
        protected = level.map(lambda _: "PsProtected")
        return protected.but(level.known & (level.values == 0), Reason.NULL)
    found = _protection(processes)
    codes, words = distinct(_written(number) for number in range(256))
    text = Text(codes[found.values], found.status, words)
    return text.but(text.known & (found.values & _TYPE_BITS == 0), Reason.NULL)


def _protection(processes: Structs) -> Column:
    """Return the byte of which type, audit and signer are parts."""
    data, status = processes.bytes_of("Protection")
    if not data.shape[1]:
        return Column(np.zeros(len(processes), np.int64), status)
    return Column(data[:, 0].astype(np.int64), status)


def _written(number: int) -> str:
    """Write one protection: PsProtectedSignerWinTcb-Light."""
    signer, level = number >> _SIGNER_SHIFT, number & _TYPE_BITS
    name = SIGNERS[signer] if signer < len(SIGNERS) else str(signer)
    ending = {1: "-Light", 2: ""}.get(level, f"-{level}")
    return f"PsProtectedSigner{name}{ending}"
