"""What people may say of a dump that is hard to open, and where else symbols may be looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Hints(NamedTuple):
    """All of it optional; what is given is taken, and proven as what is found would be."""

    profile: Path | None = None
    """A file of types and symbols: an ISF file, or for Windows a PDB."""
    directory_table_base: int | None = None
    """Windows: physical address of a top page table."""
    kernel_base: int | None = None
    """Windows: address at which the kernel's image begins."""
    page_files: tuple[Path, ...] = ()
    """The machine's page files, in the order of their numbers."""
    symbol_server: str | None = None
    """Windows: URL of a server that may be asked for the PDB; None: nobody is asked."""

    @property
    def is_of_windows(self) -> bool:
        """Whether something was said that only Windows has."""
        return self.directory_table_base is not None or self.kernel_base is not None
