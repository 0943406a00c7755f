"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from memq.schema.declare import System

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import ObjectType


class _ObjectTypes(Mapping[str, "type[ObjectType]"]):
    """Object types by name. Each is imported when it is asked for: a query speaks of few."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        self._classes = classes

    def __getitem__(self, name: str) -> type[ObjectType]:
        module, _, class_name = self._classes[name].rpartition(".")
        found: type[ObjectType] = getattr(import_module(f"memq.os.windows.{module}"), class_name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


WINDOWS = System(
    "windows",
    _ObjectTypes(
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
        }
    ),
    "Windows",
    ignores_case=True,
)
