"""Command lines: arguments and titles in the memory of many processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import Reason
from tests.os.linux.processes import TYPES, Tasks, values, whole
from tests.os.linux.small import BASE, PAGE, SmallKernel, SmallTypes
from tests.os.linux.spaces import CONSTANTS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(SmallKernel(SmallTypes(TYPES, CONSTANTS), tmp_path))


def user(tasks: Tasks, pid: int, arguments: bytes, environment: bytes = b"", **members: int) -> int:
    """Put a process whose arguments stand in its memory, the environment behind them."""
    root = 0x1000_0000 + pid * 0x1_0000
    tasks.kernel.write(BASE + root, bytes(PAGE))
    start = 0x7FFC_0000_0F80
    tasks.kernel.map_user(root, start, arguments + environment)
    end = start + len(arguments)
    space = tasks.spaces.space([], **{
        "pgd": BASE + root, "arg_start": start, "arg_end": end, "env_start": end,
        "env_end": end + len(environment) or 1, **members,
    })  # fmt: skip
    return tasks.task(pid, mm=space)


def test_command_lines_of_many_processes(tasks: Tasks) -> None:
    user(tasks, 1, b"/sbin/init\0--verbose\0\0x y\0")
    tasks.task(2, flags=0x0020_0000)
    user(tasks, 3, b"k\xe4se\0" + "größe".encode() + b"\0")
    user(tasks, 4, b"a\0" * 3000)
    user(tasks, 5, b"title\0\0\0\0\0")
    user(tasks, 6, b"early\0", env_end=0)
    tasks.link()
    found = whole(tasks)
    assert values(found.command_line) == [
        "/sbin/init --verbose  x y", Reason.NULL, "k\\xe4se größe", " ".join("a" * 3000), "title",
        "",
    ]  # fmt: skip
    roots = [0x1000_0000 + pid * 0x1_0000 for pid in (1, 3, 4, 5, 6)]
    assert values(found.directory_table_base) == [roots[0], Reason.NULL, *roots[1:]]


def test_title_written_over_arguments_and_environment(tasks: Tasks) -> None:
    user(tasks, 1, b"nginx: master pr", b"ocess /usr/sbin/nginx\0LEFT=over\0")
    user(tasks, 2, b"sh\0-c\0y", b"\0A=b\0")
    user(tasks, 3, b"z" * 5000, b"\0")
    tasks.link()
    assert values(whole(tasks).command_line) == [
        "nginx: master process /usr/sbin/nginx", "sh", "z" * 4096,
    ]  # fmt: skip


def test_arguments_that_cannot_be_read(tasks: Tasks) -> None:
    user(tasks, 1, b"here\0")
    user(tasks, 2, b"out\0", arg_end=0x7FFC_0000_3000)
    user(tasks, 3, b"x\0", arg_start=0x1000, arg_end=0xFFFF_FFFF_FFFF)
    user(tasks, 4, b"x\0", arg_start=0x9000, arg_end=0x8000)
    user(tasks, 5, b"x\0", pgd=BASE + 0x3F00_0000)
    tasks.link()
    reasons = ["here", Reason.PAGED_OUT, Reason.LIMIT, "", Reason.NOT_IN_DUMP]
    assert values(whole(tasks).command_line) == reasons
