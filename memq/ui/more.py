"""The pager of memq's own, for where there is no other: a pause after each screenful."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

_QUESTION = "-- more: space, line: enter, all: a, quit: q --"
_PAGE = (" ", "f", "pagedown", "c-f")
_LINE = ("c-m", "c-j", "j", "down")
_QUIT = ("q", "Q", "c-c", "c-d", "escape")


class More:
    """Room on a screen, which the user gives anew; `rows` are taken already."""

    def __init__(
        self, stream: TextIO, rows: int, key: Callable[[Callable[[], None]], str] | None = None
    ) -> None:
        """`key` calls what it is given, waits for one key, and names it as prompt_toolkit does."""
        self._stream = stream
        self._taken = rows
        self._key = key or pressed_key
        self._is_all = False

    def make_room(self, rows: int, room: int) -> bool:
        """Wait until there is room for a line of so many rows; return False to end."""
        if not self._is_all and self._taken and self._taken + rows > room:
            answer = self._asked()
            if answer in _QUIT:
                return False
            self._is_all = answer == "a"
            # One more line moves the others up by its rows, and the screen is full again.
            self._taken = max(0, room - rows) if answer in _LINE else 0
        self._taken += rows
        return True

    def _asked(self) -> str:
        try:
            while True:
                key = self._key(self._ask)
                if key == "a" or key in _PAGE + _LINE + _QUIT:
                    return key
        finally:
            self._stream.write("\r" + " " * len(_QUESTION) + "\r")
            self._stream.flush()

    def _ask(self) -> None:
        self._stream.write("\r" + _QUESTION)
        self._stream.flush()


def pressed_key(ask: Callable[[], None]) -> str:
    """Ask, and wait for one key; where no more can come, that is `q`."""
    return asyncio.run(_next_key(ask))


async def _next_key(ask: Callable[[], None]) -> str:
    from prompt_toolkit.input import create_input  # noqa: PLC0415 - few answers need it

    pressed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    source = create_input()

    def read() -> None:
        # What is flushed is an escape that begins no longer key.
        keys = [press.key for press in (*source.read_keys(), *source.flush_keys())]
        if source.closed:
            keys.append("q")
        if keys and not pressed.done():
            pressed.set_result(keys[0])

    if source.closed:
        return "q"
    with source.raw_mode(), source.attach(read):
        ask()  # from now on no key is shown, and Ctrl-C is one
        return await pressed
