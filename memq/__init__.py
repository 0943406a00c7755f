"""memq answers questions about memory dumps.

import memq

with memq.open("dump.lime") as image:
    for row in image.query("process.Where(name == 'sshd').Select([pid])").rows():
        ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.image import Image
    from memq.image import open_image as open

__all__ = ["Image", "__version__", "open"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import what opens dumps when it is first asked for: `memq --help` needs none of it."""
    if name in ("Image", "open"):
        from memq import image  # noqa: PLC0415 - see above

        return image.Image if name == "Image" else image.open_image
    raise AttributeError(f"module 'memq' has no attribute {name!r}")
