"""The worked examples of CONTRIBUTING.md do what they say."""

from __future__ import annotations

import re
import struct
import sys
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import ImageError
from memq.layers.file import DumpFile
from memq.layers.opening import open_physical
from memq.os.linux import process
from memq.progress import Progress
from memq.run import Run
from memq.schema.batch import Context
from tests.lab import ROOT, Record
from tests.os.linux.finding import find_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def example(name: str) -> str:
    """Return the Python of one example."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (found,) = re.findall(rf"```python\n# example: {name}\n(.*?)```", text, re.DOTALL)
    return str(found)


def module_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Execute an example that is a whole module."""
    module = ModuleType(f"example_{name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(example(name), vars(module))
    return module


@pytest.fixture(scope="module")
def context(sample: Path) -> Iterator[Context]:
    """The sample's kernel, and a run."""
    physical = open_physical(sample, Progress())
    yield Context(find_kernel(physical, Progress()), Run())
    physical.close()


def test_add_a_field(context: Context, sample_truth: Record) -> None:
    body = "class WithField(Task):\n" + textwrap.indent(example("field"), "    ")
    names = dict(vars(process))
    exec(body, names)
    batches = [portion.batch for portion in names["WithField"].portions(context)]
    told = {
        pid: nice
        for batch in batches
        for pid, nice in zip(
            batch.column("process_id").values.tolist(),
            batch.column("nice").values.tolist(),
            strict=True,
        )
    }
    recorded = {p["pid"]: _nice(sample_truth, p["pid"]) for p in sample_truth.truth["processes"]}
    both = told.keys() & recorded.keys()
    assert len(both) == len(recorded) - 1  # the process that wrote the record has ended
    assert {pid: told[pid] for pid in both} == {pid: recorded[pid] for pid in both}
    assert len(set(told.values())) > 1
    assert names["WithField"].fields["nice"].doc.startswith("How far")


def _nice(record: Record, pid: int) -> int:
    """Field 19 of /proc/PID/stat; the second, the name, may hold blanks."""
    return int(record.text(f"proc/{pid}/stat").rpartition(")")[2].split()[16])


def test_add_an_object(
    context: Context, sample_truth: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = module_of("object", monkeypatch).SuperBlock
    (portion,) = objects.portions(context)
    assert portion.cut is None
    names = portion.batch.column("name").to_list()
    magics = dict(zip(names, portion.batch.column("magic").values.tolist(), strict=True))
    assert (magics["proc"], magics["vda"]) == (0x9FA0, 0xEF53)
    mounted = {line.split()[2] for line in sample_truth.text("sys/mounts").splitlines()}
    assert {"proc", "sysfs", "tmpfs", "devtmpfs", "cgroup2"} <= mounted & set(names)


def test_add_an_image_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of("format", monkeypatch)
    path = tmp_path / "image"
    path.write_bytes(module.MAGIC + struct.pack("<Q", 0x10000) + bytes(range(256)) * 16)
    with DumpFile(path) as file:
        assert module.probe(file.read(0, 4096), file)
        physical = module.open_(file)
        assert physical.read(0x10010, 4) == bytes([16, 17, 18, 19])
        assert physical.read(0xFFFF, 2) is None
        assert physical.holds(np.array([0x10000, 0x11000], np.uint64), 1).tolist() == [True, False]


def test_the_format_refuses_a_short_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of("format", monkeypatch)
    path = tmp_path / "image"
    path.write_bytes(module.MAGIC)
    with DumpFile(path) as file, pytest.raises(ImageError, match="ends within its header"):
        module.open_(file)
