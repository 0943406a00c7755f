"""The system service tables, in both encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.truth import Hex, ServiceTruth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.synthetic.windows.kernel import Kernel

COUNT = 400
SHADOW_COUNT = 32


def service_names(kernel: Kernel) -> list[str | None]:
    """Return functions for the table: the kernel's Nt functions, as many as there are."""
    rvas = kernel.image.rvas
    names = [name for name in rvas if name.startswith("Nt") and name[2:3].isupper()]
    code = sorted(name for name in names if not name.startswith(("NtBuild", "NtGlobal", "NtVhd")))
    found: list[str | None] = list(code[:COUNT])
    return found + [None] * (COUNT - len(found))


def write_services(kernel: Kernel, hooks: Mapping[int, int], shadow_base: int | None) -> None:
    """Write KiServiceTable and both descriptor tables; `hooks` gives other targets by index."""
    image = kernel.image
    table = image.address("KiServiceTable", 4 * COUNT)
    arguments = image.address("KiArgumentTable", COUNT)
    if table is None:
        return
    targets = []
    for index, name in enumerate(service_names(kernel)):
        made_up = image.base + 0x8000 + index * 0x40
        target = hooks.get(index) or (made_up if name is None else image.function(name))
        targets.append(target)
        shown = None if index in hooks else name
        kernel.truth.ssdt.append(ServiceTruth(index, shown, Hex(target), index in hooks))
    _write_table(kernel, table, targets)
    image.set("KiServiceLimit", COUNT, size=4)
    native = (table, 0, COUNT, arguments or 0)
    image.set("KeServiceDescriptorTable", *native)
    graphic = (0,) * 4
    if shadow_base is not None:
        place = shadow_base + 0x2000
        kernel.space.map(place)
        _write_table(kernel, place, [shadow_base + 0x1000 + 32 * i for i in range(SHADOW_COUNT)])
        graphic = (place, 0, SHADOW_COUNT, place + 4 * SHADOW_COUNT)
    image.set("KeServiceDescriptorTableShadow", *native, *graphic)


def _write_table(kernel: Kernel, table: int, targets: list[int]) -> None:
    """Write targets: addresses on x86; on x64 distances, with the count of stacked arguments."""
    data = b""
    for number, target in enumerate(targets):
        arguments = number % 5
        if kernel.word == 4:
            entry = target
        elif kernel.options.is_vista:
            entry = (target - table) << 4 | arguments
        else:  # the distance itself, whose lowest four bits are free
            entry = (target - table) & ~15 | arguments
        data += (entry & 0xFFFF_FFFF).to_bytes(4, "little")
    kernel.space.write(table, data)
