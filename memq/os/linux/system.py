"""The object types of Linux by the names that queries use."""

from __future__ import annotations

from memq.os.linux.descriptor import Descriptor
from memq.os.linux.kernel_object import KernelObject
from memq.os.linux.module import Module
from memq.os.linux.process import Task
from memq.os.linux.syscall import SystemCall
from memq.os.linux.vma import Vma
from memq.schema.declare import System

LINUX = System(
    "linux",
    {
        "process": Task,
        "vad": Vma,
        "handle": Descriptor,
        "driver": Module,
        "syscall": SystemCall,
        "kernel": KernelObject,
    },
    "Linux",
)
