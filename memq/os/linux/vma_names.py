"""What /proc/PID/maps calls mappings: the file, [heap], [stack], [vdso], names that programs gave.

The order of the questions is that of show_map_vma (fs/proc/task_mmu.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Array, Indexes, Text, worst
from memq.errors import Reason
from memq.os.common import distinct_addresses, joined_text, known_pointers

if TYPE_CHECKING:
    from memq.os.linux.files import FileColumn
    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.structs import Structs

MAX_NAME = 256

Part = tuple[Array, Text]


def names(kernel: LinuxKernel, mappings: Structs, spaces: Addresses, files: FileColumn) -> Text:
    """Return the names of mappings (vm_area_struct); null where maps shows none."""
    file, operations = mappings["vm_file"], mappings["vm_ops"]
    status = np.maximum(file.statuses, operations.statuses)
    known = status == 0
    lost = np.flatnonzero(~known)
    mapped = np.flatnonzero(known & (file.values != 0))
    bare = np.flatnonzero(known & (file.values == 0))
    special = np.flatnonzero(known & (file.values == 0) & (operations.values != 0))
    # What comes later in this list goes before.
    parts: list[Part] = [
        (lost, Text(np.zeros(len(lost), np.int64), status[lost], ("",))),
        _given(kernel, mappings, bare, "[anon:{}]"),
        _by_place(kernel, mappings, spaces, bare),
        _special(kernel, mappings, special),
        (mapped, files.take(mapped).names),
    ]
    if _files_have_names(kernel):
        parts.append(_given(kernel, mappings, mapped, "[anon_shmem:{}]"))
    return joined_text(len(mappings), parts)


def _by_place(kernel: LinuxKernel, mappings: Structs, spaces: Addresses, rows: Indexes) -> Part:
    """Find the heap and the stack by the places that the address space remembers."""
    found, index = distinct_addresses(spaces[rows])
    space = kernel.structs("mm_struct", found)
    low, high, stack = (space[name].take(index) for name in ("start_brk", "brk", "start_stack"))
    start, end = mappings["vm_start"].values[rows], mappings["vm_end"].values[rows]
    # A mapping that only touches the heap counted as heap until 6.6 (fix of 0db0c01b53a1). Types do
    # not show that; the nearest that they show is backing_file, new in 6.5.
    if kernel.types.struct("backing_file") is None:
        is_heap = (start <= high.values) & (end >= low.values)
    else:
        is_heap = (start < high.values) & (end > low.values)
    is_stack = ~is_heap & (start <= stack.values) & (end >= stack.values)
    status = worst(low.status, high.status, stack.status)
    unknown = np.zeros(len(rows), bool) if status is None else status != 0
    there = np.flatnonzero(is_heap | is_stack | unknown)
    values = is_stack[there].astype(np.int64)
    text = Text(values, None if status is None else status[there], ("[heap]", "[stack]"))
    return rows[there], text


def _special(kernel: LinuxKernel, mappings: Structs, rows: Indexes) -> Part:
    """Name what the kernel mapped: its operations have a function for that.

    The one that all of [vdso], [vvar] and [uprobes] share is special_mapping_name; of others that a
    driver may bring along nothing is known.
    """
    operations, places = distinct_addresses(mappings["vm_ops"].values[rows])
    function, status = known_pointers(kernel.structs("vm_operations_struct", operations)["name"])
    ours = kernel.optional("special_mapping_name")
    is_ours = (status == 0) & (function == np.uint64(ours or 0))
    status = np.where((status == 0) & ~is_ours, np.uint8(Reason.NOT_IN_KERNEL), status)[places]
    private = mappings["vm_private_data"].values[rows].astype(np.uint64)
    found, index = distinct_addresses(np.where(status == 0, private, np.uint64(0)))
    missing = np.where(found == 0, np.uint8(Reason.NULL), np.uint8(0))
    pointer = kernel.structs("vm_special_mapping", found, missing)["name"]
    found_names = kernel.space.text(pointer.values, MAX_NAME).under(pointer.status)
    text = found_names.take(index).under(status)
    there = np.flatnonzero(text.statuses != Reason.NULL)
    return rows[there], text.take(there)


def _files_have_names(kernel: LinuxKernel) -> bool:
    """Whether memory files can be given names too.

    Before d09e8ca6cb93 (6.2) `anon_name` shares its place with `shared`, which files use.
    """
    mapping = kernel.types.required("vm_area_struct")
    name, shared = mapping.find("anon_name"), mapping.find("shared")
    return name is not None and (shared is None or not shared.offset <= name.offset < shared.end)


def _given(kernel: LinuxKernel, mappings: Structs, rows: Indexes, form: str) -> Part:
    """Return the names that programs gave by PR_SET_VMA_ANON_NAME, in the form that maps shows."""
    if not mappings.has("anon_name"):
        return rows[:0], Text(np.zeros(0, np.int64), None, ("",))
    pointer = mappings["anon_name"].take(rows)
    there = np.flatnonzero((pointer.statuses > Reason.NULL) | (pointer.values != 0))
    addresses, status = known_pointers(pointer.take(there))
    offset = kernel.types.required("anon_vma_name").offset("name")
    text = kernel.space.text(addresses + np.uint64(offset), MAX_NAME).under(status)
    return rows[there], text.map(form.format)
