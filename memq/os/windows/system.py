"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.crash import Crash
from memq.os.windows.kernel_object import KernelObject
from memq.os.windows.process import ProcessObject
from memq.os.windows.registry.hive import Hive
from memq.os.windows.registry.keys import RegistryKey
from memq.os.windows.registry.value import RegistryValue
from memq.os.windows.service import Service
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
        "kernel": KernelObject,
        "crash": Crash,
        "registry": RegistryKey,
        "value": RegistryValue,
        "hive": Hive,
        "service": Service,
    },
    "Windows",
    ignores_case=True,
)
