"""How the kernel of a Windows image is found, in each form, with nothing told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from memq.image import open_image
from memq.os.windows.structural import structural_symbols
from memq.symbols.store import ProfileStore
from tests.conftest import NO_LAB
from tests.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from memq.os.windows.kernel import WindowsKernel
    from tests.os.windows.images import WindowsImage

SYMBOLS = (
    "PsActiveProcessHead", "PspCidTable", "ObTypeIndexTable", "CmpHiveListHead",
    "KeServiceDescriptorTable", "KiServiceTable", "MmUnloadedDrivers", "MmPhysicalMemoryBlock",
    "KiProcessorBlock",
)  # fmt: skip


@pytest.mark.parametrize("form", ["raw", "full.dmp", "bitmap.dmp"])
def test_found_without_hints(windows: WindowsImage, form: str) -> None:
    truth = windows.truth["image"]
    with open_image(windows.path(form)) as image:
        kernel = cast("WindowsKernel", image.kernel)
        assert (kernel.root, kernel.image.base) == tuple(
            int(truth[key], 16) for key in ("dtb", "kernel_base")
        )
        assert (kernel.build, kernel.choice.is_exact) == (truth["build"], True)
        assert kernel.identity is not None
        assert kernel.identity[1] == (truth["pdb"]["guid"], truth["pdb"]["age"])
        assert not image.warnings
        for name, address in truth["symbols"].items():
            assert kernel.optional(name) == int(address, 16), name


def test_structure_gives_the_same_symbols(opened: Image) -> None:
    kernel = cast("WindowsKernel", opened.kernel)
    found = structural_symbols(kernel)
    assert {name: found.get(name) for name in SYMBOLS} == {
        name: kernel.choice.rvas[name] for name in SYMBOLS
    }


def test_a_kernel_without_a_table(windows: WindowsImage, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pack has the tables of other kernels of the same build only, as for most kernels.
    monkeypatch.setattr(ProfileStore, "table", lambda _store, _identity: None)
    with open_image(windows.path()) as image:
        kernel = cast("WindowsKernel", image.kernel)
        assert not kernel.choice.is_exact
        assert any("no profile of this kernel" in warning for warning in image.warnings)
        query = "process.Select([pid, name])"
        rows = list(image.query(query).rows())
    with open_image(windows.path()) as image:
        assert list(image.query(query).rows()) == rows


@pytest.fixture(scope="module")
def lab() -> Lab:
    """The lab with Windows' dumps."""
    found = Lab.find()
    if found is None or not (found.folder / "windows").is_dir():
        pytest.skip(NO_LAB)
    return found


@pytest.fixture(scope="module")
def nt52(lab: Lab) -> Path:
    """A real dump: NT 5.2 on x86, without an RSDS record."""
    return lab.unpacked("windows/nt52/nt52-x86.raw.xz")


def test_a_real_x86_kernel_is_found_without_hints(nt52: Path) -> None:
    with open_image(nt52) as image:
        kernel = cast("WindowsKernel", image.kernel)
        assert (kernel.root, kernel.image.base) == (0xC4D000, 0x80800000)
        assert kernel.optional("PsActiveProcessHead") == 0x809F16C4
        assert list(image.query("process.Count()").rows()) == [18]


def test_a_real_x86_kernel_with_its_own_table(lab: Lab, nt52: Path) -> None:
    table = lab.folder / "windows/nt52/nt52-x86.isf.json.xz"
    with open_image(nt52, profile=table) as image:
        assert list(image.query("process.Count()").rows()) == [18]
