"""The operating systems whose memory can be read: the one list of them."""

from __future__ import annotations

from memq.os.linux.system import LINUX
from memq.os.windows.system import WINDOWS

SYSTEMS = (LINUX, WINDOWS)
