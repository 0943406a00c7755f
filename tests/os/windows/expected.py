"""All questions to a built scene: for each object type of Windows what must be said of it."""

from __future__ import annotations

from tests.os.windows.expected_kernel import OF_KERNEL
from tests.os.windows.expected_processes import PROCESSES

QUESTIONS = PROCESSES | OF_KERNEL
