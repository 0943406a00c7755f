"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.objects import ObjectTypes
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    ObjectTypes(
        "memq.os.windows",
        {
            "process": "process.ProcessObject",
            "module": "module.LoadedModule",
            "token": "token.Token",
            "group": "group.Group",
            "privilege": "privilege.Privilege",
            "environment": "environment.EnvironmentVariable",
            "vad": "vad.VadObject",
            "kernel": "kernel_object.KernelObject",
            "crash": "crash.Crash",
            "handle": "handle.HandleObject",
            "symlink": "symlink.SymlinkObject",
            "mutant": "mutant.MutantObject",
            "file": "file.FileObject",
            "big_pool": "big_pool.BigPool",
            "thread": "thread.Thread",
            "driver": "driver.DriverObject",
            "major_function": "major_function.MajorFunction",
            "device": "device.Device",
            "unloaded_driver": "unloaded_driver.UnloadedDriver",
            "syscall": "syscall.SystemCall",
            "callback": "callback.Callback",
            "timer": "timer.Timer",
            "dpc": "timer.DeferredCall",
            "interrupt": "interrupt.Interrupt",
            "processor": "processor.Processor",
            "registry": "registry.keys.RegistryKey",
            "value": "registry.value.RegistryValue",
            "hive": "registry.hive.Hive",
            "service": "service.Service",
            "socket": "socket.Socket",
        },
    ),
    "Windows",
    ignores_case=True,
)
