"""The object types of Windows by the names that queries use."""

from __future__ import annotations

from memq.os.windows.handle import HandleObject
from memq.os.windows.mutant import MutantObject
from memq.os.windows.process import ProcessObject
from memq.os.windows.symlink import SymlinkObject
from memq.schema.declare import System

WINDOWS = System(
    "windows",
    {
        "process": ProcessObject,
        "handle": HandleObject,
        "symlink": SymlinkObject,
        "mutant": MutantObject,
    },
    "Windows",
    ignores_case=True,
)
