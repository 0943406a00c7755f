"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.process import ProcessObject
from memq.os.windows.thread import Thread
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
        "thread": Thread,
    },
    "Windows",
    ignores_case=True,
)
