"""Ctrl-Z while a pager runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from memq.ui.pager import Shown
from tests.program import POSIX
from tests.ui.test_pager import Stream, screen, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["stream"]


@POSIX
@pytest.mark.parametrize(("name", "handled"), [("less", signal.SIG_IGN), ("more", signal.SIG_DFL)])
def test_ctrl_z_does_not_stop_memq_alone_where_the_pager_ignores_it(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, handled: object
) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\ncat > /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setenv("MEMQ_PAGER", str(program))
    seen = []

    def pieces() -> Iterator[str]:
        yield "a\n" * 9
        seen.append(signal.getsignal(signal.SIGTSTP))

    assert screen(stream).show(pieces()) == Shown(9)
    assert seen == [handled]
    assert signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL
