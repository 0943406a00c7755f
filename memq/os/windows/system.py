"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.callback import Callback
from memq.os.windows.device import Device
from memq.os.windows.driver import DriverObject
from memq.os.windows.interrupt import Interrupt
from memq.os.windows.major_function import MajorFunction
from memq.os.windows.process import ProcessObject
from memq.os.windows.syscall import SystemCall
from memq.os.windows.thread import Thread
from memq.os.windows.timer import DeferredCall, Timer
from memq.os.windows.unloaded_driver import UnloadedDriver
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
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
    },
    "Windows",
    ignores_case=True,
)
