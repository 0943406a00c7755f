"""What a machine shall be like, and what follows from its build."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.symbols.tables import Identity

BOOT = datetime(2026, 3, 14, 8, 12, 5, 250000, tzinfo=UTC)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

VERSIONS = {2600: (5, 1), 3790: (5, 2), 7601: (6, 1), 9200: (6, 2), 9600: (6, 3)}
"""Major and minor version by build, before 10."""


def filetime(time: datetime | None) -> int:
    """Return a time as Windows counts it: units of 100 ns since 1601; 0 for None."""
    return 0 if time is None else (time - _EPOCH) // timedelta(microseconds=1) * 10


@dataclass(frozen=True)
class Options:
    """A machine; all but `build` has a default that does."""

    build: int
    paging: str = "x64"
    """x64, x86 or pae."""
    seed: int = 1
    kernel_base: int | None = None
    large_pages: bool = False
    """The kernel's image in pages of 2 MB (x64, pae), else of 4 KB, each its own."""
    kdbg: str = "plain"
    """plain, encoded (as a kernel without a debugger keeps it) or wiped."""
    identity: Identity | None = None
    """GUID and age in the image's debug record; None: those of the table."""
    low_stub: bool = True
    processors: int = 2
    boot: datetime = BOOT
    snapshot: datetime = BOOT + timedelta(hours=1)
    version: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", VERSIONS.get(self.build, (10, 0)))

    @property
    def is_64_bit(self) -> bool:
        """Whether pointers have 8 bytes."""
        return self.paging == "x64"

    @property
    def has_cookie(self) -> bool:
        """Whether type indexes in object headers are encoded: since 10 (10240)."""
        return self.build >= 10240

    @property
    def is_vista(self) -> bool:
        """Whether the build is Vista or later."""
        return self.build >= 6000

    @property
    def bases(self) -> tuple[int, int, int]:
        """Return where the kernel, the nonpaged and the paged pool begin."""
        step = (self.seed * 0x2F) % 0x3F
        if not self.is_64_bit:
            return self.kernel_base or 0x82A0_0000 + step * 0x1000, 0x8500_0000, 0x8B00_0000
        kernel = self.kernel_base or 0xFFFF_F800_0260_0000 + step * (
            0x20_0000 if self.large_pages else 0x1000
        )
        if self.build < 9200:
            return kernel, 0xFFFF_FA80_0000_0000, 0xFFFF_F8A0_0000_0000
        if not self.has_cookie:
            return kernel, 0xFFFF_E000_0000_0000, 0xFFFF_C000_0000_0000
        return kernel, 0xFFFF_8000_2460_0000 | step << 40, 0xFFFF_C78E_41A0_0000 | step << 32

    @property
    def self_reference(self) -> int:
        """Index of the entry of x64's root that refers to the root: 0x1ed before 14393."""
        return 0x1ED if self.build < 14393 else 0x180 + (self.seed * 0x37) % 0x60
