"""How wide each column of a table is, and which have no room, where a width is given.

What gives way first: long titles that have a shorter form; then texts, as long as they can be read;
then columns that nobody asked for by name, the last first; then titles, texts and numbers, cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

_READABLE = 16
"""No text is made narrower than this before a whole column is left out."""
_NARROWEST = 8
"""No column is made narrower than this; a table of many may be wider than the terminal."""


@dataclass(slots=True)
class Need:
    """What one column needs, in columns of a terminal."""

    title: int
    short: int
    """Of the shortest title under which it may stand."""
    is_text: bool
    is_default: bool
    """Whether nobody asked for it by name."""
    content: int = 0
    """Of the widest cell."""

    @property
    def wish(self) -> int:
        """With nothing cut and nothing shortened."""
        return max(self.title, self.content)

    @property
    def enough(self) -> int:
        """With nothing cut."""
        return max(self.short, self.content)

    @property
    def readable(self) -> int:
        """With long texts, and long titles, cut."""
        content = min(self.content, _READABLE) if self.is_text else self.content
        return max(min(self.short, _READABLE), content)


def kept(needs: Sequence[Need], limit: int, gap: int) -> list[int]:
    """Return the numbers of the columns that there is room for: at least one, in their order."""
    numbers = list(range(len(needs)))
    for number in reversed(range(len(needs))):
        total = sum(needs[each].readable + gap for each in numbers) - gap
        if total <= limit or len(numbers) == 1:
            break
        if needs[number].is_default:
            numbers.remove(number)
    return numbers


def fitted(needs: Sequence[Need], limit: int, gap: int) -> list[int]:
    """Return the width of each column."""
    room = limit - gap * (len(needs) - 1)
    wishes = [need.wish for need in needs]
    if sum(wishes) <= room:
        return wishes
    widths = [need.enough for need in needs]
    texts = [0 if need.is_text else need.content for need in needs]
    for floors in (
        [need.readable for need in needs],
        [need.content for need in needs],
        texts,
        [0] * len(needs),
    ):
        _shrink(widths, [max(_NARROWEST, floor) for floor in floors], room)
    return widths


def _shrink(widths: list[int], floors: Sequence[int], room: int) -> None:
    """Make the widest column narrower, down to the next widest, until all fit or none can."""
    while sum(widths) > room:
        able = [number for number, width in enumerate(widths) if width > floors[number]]
        if not able:
            return
        widest = max(able, key=lambda number: widths[number])
        others = [widths[number] for number in able if number != widest]
        enough = widths[widest] - (sum(widths) - room)
        least = max(enough, floors[widest], min(max(others, default=0), widths[widest] - 1))
        widths[widest] = least
