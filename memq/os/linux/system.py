"""The object types of Linux by the names that queries use."""

from __future__ import annotations

from memq.os.objects import ObjectTypes
from memq.schema.declare import System

LINUX = System(
    "linux",
    ObjectTypes(
        "memq.os.linux",
        {
            "process": "process.Task",
            "vad": "vma.Vma",
            "handle": "descriptor.Descriptor",
            "driver": "module.Module",
            "syscall": "syscall.SystemCall",
            "kernel": "kernel_object.KernelObject",
        },
    ),
    "Linux",
)
