"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.handle import HandleObject
from memq.os.windows.process import ProcessObject
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
        "handle": HandleObject,
    },
    "Windows",
    ignores_case=True,
)
