"""What the object types of all systems have in common: they are structures of a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from memq.column import Column
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from memq.symbols.structs import Structs


class StructureType(ObjectType):
    """A batch of structures of the kernel, at the addresses in `rows`.

    Among the bases of a class it comes last, behind the type whose name and identity are inherited.
    """

    struct: ClassVar[str] = ""
    """The kernel's name of the structure."""

    @property
    def kernel(self) -> Any:
        """The kernel that the objects belong to."""
        return self.context.kernel

    @property
    def raw(self) -> Structs:
        """The structures themselves; what was read of them is kept."""
        return self.kept("raw", self._open)

    def _open(self) -> Structs:
        found: Structs = self.kernel.structs(
            self.struct, self.rows["address"], self.rows.get("status")
        )
        found.check = self.context.check
        return found

    def address_column(self) -> Column:
        """Return the addresses of the structures as a field."""
        return Column(self.rows["address"], self.rows.get("status"))
