"""Times as results and as truth files write them."""

from __future__ import annotations

from datetime import datetime


def moment(text: str | None) -> datetime | None:
    """Return a time of either, to the microsecond."""
    if text is None:
        return None
    return datetime.fromisoformat(text.replace(" UTC", "+00:00"))
