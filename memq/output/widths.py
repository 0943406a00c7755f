"""How many columns of a terminal a text takes, and texts cut to so many."""

from __future__ import annotations

import re
import unicodedata

_PATH = re.compile(r"(?:/|[A-Za-z]:\\|\\)[^ ]*(?: \(deleted\))?")
"""What looks like a path; one that holds spaces may as well be a command with its arguments."""


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of_character, text))


def _columns_of_character(character: str) -> int:
    # Most are told apart without Unicode's tables: Latin letters, and the lines of trees.
    if character < "\u0300" or "\u2500" <= character <= "\u257f":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def filled(cell: str, width: int, *, to_right: bool) -> str:
    """Return the cell, exactly `width` columns wide."""
    length = columns_of(cell)
    if length > width:
        cell = _end(cell, width) if _PATH.fullmatch(cell) else _cut(cell, width - 1) + "…"
        length = columns_of(cell)
    space = " " * (width - length)
    return space + cell if to_right else cell + space


def _cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into so many columns."""
    if text.isascii():
        return text[:width]
    taken = 0
    for place, character in enumerate(text):
        taken += _columns_of_character(character)
        if taken > width:
            return text[:place]
    return text


def _end(path: str, width: int) -> str:
    """Return the end of a path that is too long, from a separator on where that keeps a third."""
    start = len(path)
    room = width - 1
    while start and (room := room - _columns_of_character(path[start - 1])) >= 0:
        start -= 1
    # A combining mark has lost the letter below it.
    while start < len(path) and not _columns_of_character(path[start]):
        start += 1
    end = path[start:]
    whole = re.search(r"[/\\].", end)
    if whole is not None and 3 * whole.start() <= 2 * len(end):
        end = end[whole.start() :]
    return f"…{end}"


def wrapped(text: str, width: int | None, indent: int) -> list[str]:
    """Return the lines of a text that is broken at spaces, all but the first indented.

    A word that is wider than a line is cut; without a width there is one line.
    """
    if width is None or columns_of(text) <= width:
        return [text]
    lines, line, space = [], "", ""
    for word in text.split(" "):
        taken = columns_of(word)
        fits = columns_of(line) + len(space) + taken <= width
        if line.strip() and not fits and taken <= width - indent:
            lines.append(line.rstrip(" "))
            line, space = " " * indent, ""
        line, space = f"{line}{space}{word}", " "
        while columns_of(line) > width > indent + 1:  # there is room for any character
            piece = _cut(line, width)
            lines.append(piece.rstrip(" "))
            line = " " * indent + line[len(piece) :]
    return [*lines, line.rstrip(" ")]
