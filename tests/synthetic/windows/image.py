"""A finished image: what is in it, and the files it can be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memq.symbols.tables import Identity
    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.record import Record
    from tests.synthetic.windows.space import Space
    from tests.synthetic.windows.truth import Truth

PAGE = 4096


class WindowsImage:
    """Physical memory with a Windows in it. Records write to it until it is saved."""

    def __init__(self, kernel: Kernel, user_spaces: Sequence[Space]) -> None:
        self.kernel = kernel
        self.user_spaces = user_spaces
        self.options = kernel.options
        self.memory = kernel.memory

    @property
    def truth(self) -> Truth:
        """What a reader must find."""
        return self.kernel.truth

    @property
    def dtb(self) -> int:
        """Physical address of System's page tables."""
        return self.kernel.space.tables.root

    @property
    def kernel_base(self) -> int:
        """Virtual address of the kernel's image."""
        return self.kernel.image.base

    @property
    def rvas(self) -> dict[str, int]:
        """RVAs of the kernel's variables: the table's, and those that were chosen."""
        return self.kernel.image.rvas

    @property
    def identity(self) -> Identity | None:
        """GUID and age that the image's debug record has."""
        return self.kernel.image.identity

    def variable(self, symbol: str, struct: str) -> Record:
        """Return a variable of the kernel's as a structure, to spoil it."""
        return self.kernel.record(struct, self.kernel_base + self.rvas[symbol])

    def runs(self) -> list[tuple[int, int]]:
        """Return [start, end) of the physical memory that is used."""
        return self.memory.extents()

    def save_page_file(self, path: Path, number: int = 0) -> None:
        """Write a page file with the pages that went to it."""
        pages = self.kernel.page_files.get(number, {})
        with path.open("wb") as file:
            for page, data in sorted(pages.items()):
                file.seek(page * PAGE)
                file.write(data)

    def save_raw(self, path: Path) -> None:
        """Write raw memory, sparse where nothing is."""
        self.memory.save_raw(path)

    def save_full_dump(self, path: Path) -> None:
        """Write a full crash dump, whose runs are those of the used memory."""
        dumps.save_full(self, path)

    def save_bitmap_dump(
        self, path: Path, kind: int = dumps.BITMAP, signature: bytes = b"SDMP"
    ) -> None:
        """Write a crash dump with a bitmap of its pages, all or (by `kind`) the kernel's."""
        pages = set(self.memory.pages)
        if kind != dumps.BITMAP:
            pages -= self.user_pages()
        dumps.save_bitmap(self, path, kind, signature, pages)

    def user_pages(self) -> set[int]:
        """Return the numbers of the physical pages that only processes' own memory has."""
        own = {pa for space in self.user_spaces for pa in space.places.values()}
        return {pa // PAGE for pa in own - set(self.kernel.space.places.values())}
