r"""Names of files that are open (_FILE_OBJECT): the device's, then the path on it.

`\Device\HarddiskVolume3\Windows\System32\ntdll.dll`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.common import distinct_structs, joined_text
from memq.os.windows.object_names import SEPARATOR
from memq.os.windows.objects import Objects, joined_paths
from memq.os.windows.strings import unicode_text

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs


def file_names(kernel: WindowsKernel, run: Run, files: Structs) -> Text:
    """Return the names of file objects; of one without a path, its device's."""
    devices = device_names(kernel, run, files["DeviceObject"])
    own = _paths_on_device(kernel, run, files)
    is_bare = own.statuses == Reason.NULL
    rows = np.flatnonzero(~is_bare)
    full = joined_paths(devices.take(rows), own.take(rows).map(_without_separator))
    # A device without a name, as those of file systems, says nothing.
    plain = devices.take(rows).statuses == Reason.NULL
    bare = np.flatnonzero(is_bare)
    parts = [
        (bare, devices.take(bare)),
        (rows, full),
        (rows[plain], own.take(rows[plain])),
    ]
    return joined_text(len(files), parts)


def device_names(kernel: WindowsKernel, run: Run, devices: Column) -> Text:
    """Return the full names of devices (_DEVICE_OBJECT); null where one has none."""
    found = distinct_structs(kernel, "_DEVICE_OBJECT", devices, run.check)
    places = Column(found.structs.addresses, found.structs.status)
    return Objects(kernel, run, places).paths.take(found.index)


def _paths_on_device(kernel: WindowsKernel, run: Run, files: Structs) -> Text:
    """Return the paths of files; one that was opened from another is joined to that one's."""
    own = unicode_text(kernel.space, files, "FileName")
    starts = own.test(lambda name: name.startswith(SEPARATOR))
    related = files["RelatedFileObject"]
    rows = np.flatnonzero(own.known & ~starts.values & related.known & (related.values != 0))
    if not len(rows):
        return own
    others = distinct_structs(kernel, "_FILE_OBJECT", related.take(rows), run.check)
    above = unicode_text(kernel.space, others.structs, "FileName").take(others.index)
    full = joined_paths(above, own.take(rows))
    return joined_text(len(files), [(np.arange(len(files)), own), (rows, full)])


def _without_separator(name: str) -> str:
    return name.removeprefix(SEPARATOR)
