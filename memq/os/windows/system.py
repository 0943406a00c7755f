"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.big_pool import BigPool
from memq.os.windows.callback import Callback
from memq.os.windows.crash import Crash
from memq.os.windows.device import Device
from memq.os.windows.driver import DriverObject
from memq.os.windows.environment import EnvironmentVariable
from memq.os.windows.file import FileObject
from memq.os.windows.group import Group
from memq.os.windows.handle import HandleObject
from memq.os.windows.interrupt import Interrupt
from memq.os.windows.kernel_object import KernelObject
from memq.os.windows.major_function import MajorFunction
from memq.os.windows.module import LoadedModule
from memq.os.windows.mutant import MutantObject
from memq.os.windows.privilege import Privilege
from memq.os.windows.process import ProcessObject
from memq.os.windows.registry.hive import Hive
from memq.os.windows.registry.keys import RegistryKey
from memq.os.windows.registry.value import RegistryValue
from memq.os.windows.service import Service
from memq.os.windows.socket import Socket
from memq.os.windows.symlink import SymlinkObject
from memq.os.windows.syscall import SystemCall
from memq.os.windows.thread import Thread
from memq.os.windows.timer import DeferredCall, Timer
from memq.os.windows.token import Token
from memq.os.windows.unloaded_driver import UnloadedDriver
from memq.os.windows.vad import VadObject
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
        "module": LoadedModule,
        "token": Token,
        "group": Group,
        "privilege": Privilege,
        "environment": EnvironmentVariable,
        "vad": VadObject,
        "kernel": KernelObject,
        "crash": Crash,
        "handle": HandleObject,
        "symlink": SymlinkObject,
        "mutant": MutantObject,
        "file": FileObject,
        "big_pool": BigPool,
        "thread": Thread,
        "driver": DriverObject,
        "major_function": MajorFunction,
        "device": Device,
        "unloaded_driver": UnloadedDriver,
        "syscall": SystemCall,
        "callback": Callback,
        "timer": Timer,
        "dpc": DeferredCall,
        "interrupt": Interrupt,
        "registry": RegistryKey,
        "value": RegistryValue,
        "hive": Hive,
        "service": Service,
        "socket": Socket,
    },
    "Windows",
    ignores_case=True,
)
