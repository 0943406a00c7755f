"""memq run as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.lab import ROOT

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "memq", *map(str, arguments)]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
