"""Tables in files of data/, beside the modules that read them."""

from __future__ import annotations

from pathlib import Path


def data_text(system: str, name: str) -> str:
    """Return the text of a file in the data/ of one system."""
    return (Path(__file__).parent / system / "data" / name).read_text("ascii")
