"""Names are asked for once, whatever batches they are in; too many are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, text_column
from memq.errors import Reason
from memq.os.windows import remembered
from memq.os.windows.remembered import Remembered

if TYPE_CHECKING:
    import pytest

    from memq.column import Indexes


class Asked:
    """Knows a name for each address, and notes which it was asked for."""

    def __init__(self) -> None:
        self.names = Remembered()
        self.places: list[int] = []

    def texts(self, *places: int) -> list[str | None]:
        """Return the names at some addresses; odd ones are paged out, and 8 has none."""
        asked = np.array(places, np.uint64)

        def find(rows: Indexes) -> Text:
            wanted = asked[rows].tolist()
            self.places += wanted
            odd = np.array([Reason.PAGED_OUT * (place % 2) for place in wanted], np.uint8)
            return text_column([None if p == 8 else f"name {p // 10}" for p in wanted], odd)

        found = self.names.of(asked, find)
        assert len(found.words) <= max(len(places), 1)
        assert found.statuses.tolist() == [
            Reason.PAGED_OUT if p % 2 else Reason.NULL if p == 8 else 0 for p in places
        ]
        return found.to_list()


def test_each_is_asked_for_once() -> None:
    asked = Asked()
    assert asked.texts(40, 20, 31) == ["name 4", "name 2", None]
    assert asked.texts(20, 42, 8, 31) == ["name 2", "name 4", None, None]
    assert asked.texts() == []
    assert asked.texts(8, 40) == [None, "name 4"]
    assert asked.places == [40, 20, 31, 42, 8]


def test_too_many_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_NAMES", 2)
    asked = Asked()
    assert asked.texts(10, 20, 30) == ["name 1", "name 2", "name 3"]
    assert asked.texts(20, 40) == ["name 2", "name 4"]
    assert asked.places == [10, 20, 30, 20, 40]


def test_too_long_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_LETTERS", 8)
    asked = Asked()
    assert asked.texts(10, 20) == ["name 1", "name 2"]
    assert asked.texts(20) == ["name 2"]
    assert asked.places == [10, 20, 20]
