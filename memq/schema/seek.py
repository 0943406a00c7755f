"""What is looked for without looking at everything: the beginnings of texts."""

from __future__ import annotations

from memq.node import dataclass


@dataclass(frozen=True, slots=True)
class Prefix:
    """How a text that is sought begins; `is_whole`: there is nothing behind that."""

    text: str
    is_whole: bool

    def __str__(self) -> str:
        return f'"{self.text}"' if self.is_whole else f'"{self.text}..."'
