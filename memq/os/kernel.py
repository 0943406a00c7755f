"""What a kernel is to those who look at it without knowing which system it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memq.column import Addresses, Statuses, Text
    from memq.errors import Reason
    from memq.layers.physical import PhysicalMemory
    from memq.layers.space import AddressSpace
    from memq.run import Run
    from memq.schema.batch import Cut
    from memq.symbols.structs import Structs
    from memq.symbols.tables import Symbol
    from memq.symbols.types import Types


class Symbols(Protocol):
    """The symbols of a kernel's image."""

    def __len__(self) -> int: ...

    def addresses(self, names: Iterable[str], /) -> dict[str, int]:
        """Return the addresses of those names that there are."""

    def with_prefix(self, prefix: str, /) -> list[tuple[str, int]]:
        """Return (name, address) of the symbols whose names begin so, sorted by name."""

    def matching(self, fits: Callable[[str], bool], /) -> Sequence[Symbol]:
        """Return the symbols whose names fit, by address."""

    def symbols_at(self, addresses: Addresses, /) -> list[tuple[str, int] | None]:
        """Return for each address the last symbol at or before it, and the distance."""

    def all_at(self, address: int, /) -> Sequence[Symbol]:
        """Return all symbols at exactly this address."""

    def after(self, address: int, /) -> int | None:
        """Return the address of the next symbol behind, None if it is the last."""


class ModuleRanges(Protocol):
    """Which module an address lies in, and which of its symbols is near."""

    @property
    def cut(self) -> Cut | None:
        """Why not all modules are known."""

    @property
    def elsewhere(self) -> Reason:
        """What the module is of an address that lies in none: null, or not known."""

    def names(self, addresses: Addresses, /) -> Text:
        """Return the name of the module that each address lies in; null for none."""

    def symbols(self, addresses: Addresses, /) -> list[tuple[str, int] | None]:
        """Return the last symbol of its module at or before each address, and the distance."""

    def named(self, name: str, /) -> list[tuple[str, int]]:
        """Return module and address of each symbol of that name, in the order of the modules."""


class Kernel(Protocol):
    """A kernel that has proven itself."""

    @property
    def physical(self) -> PhysicalMemory:
        """The dump's physical memory."""

    @property
    def space(self) -> AddressSpace:
        """The kernel's address space."""

    @property
    def types(self) -> Types:
        """The layouts of its structures."""

    @property
    def symbols(self) -> Symbols:
        """The symbols of its image."""

    def optional(self, name: str, /) -> int | None:
        """Return a symbol's address, None if this kernel has none such."""

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        """Return the structures of one type at the addresses."""

    def module_ranges(self, run: Run, /) -> ModuleRanges:
        """Return where its modules are."""

    def section_of(self, address: int, /) -> str | None:
        """Return the section of its image that an address is in, None for no known one."""
