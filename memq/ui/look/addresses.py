"""Addresses as people write them, and what there is to say of an address."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memq.lang.hints import did_you_mean, nearest
from memq.output.cells import clean
from memq.run import Run

if TYPE_CHECKING:
    from memq.os.kernel import Kernel, ModuleRanges
    from memq.ui.look.arguments import Arguments, Word

LAST = (1 << 64) - 1
MAX_TERMS = 8
_NEAR = 3
"""Letters by which a name that was meant may be longer or shorter."""

_TERM = re.compile(r"([+-]?)\s*([^\s+-]+)\s*")
_HEX = re.compile(r"0[xX]([0-9a-fA-F]{1,16})")
_BARE_HEX = re.compile(r"(?=.*[a-fA-F])[0-9a-fA-F]{8,16}")
"""As other tools print addresses; a symbol of that name comes first."""
_DECIMAL = re.compile(r"[0-9]{1,20}")


class Places:
    """What is where in one kernel, by name."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._labels: dict[int, str] = {}

    # Addresses that people write

    def read(self, arguments: Arguments, word: Word) -> int:
        """Return the address that a word stands for; QueryError if it stands for none.

        A number (`0x...`, decimal, or 8 to 16 hex digits with a letter among them), a symbol, or a
        sum of these.
        """
        terms = _TERM.findall(word.text)
        if "".join(sign + text for sign, text in terms) != "".join(word.text.split()):
            raise arguments.error("this is no address", word, self._forms)
        if len(terms) > MAX_TERMS:
            raise arguments.error(f"a sum has at most {MAX_TERMS} parts", word)
        total = 0
        for sign, text in terms:
            value = self._term(arguments, word, text)
            total += -value if sign == "-" else value
        if not 0 <= total <= LAST:
            raise arguments.error("this is outside of all addresses, which have 64 bits", word)
        return total

    def is_address(self, text: str) -> bool:
        """Whether a word is a number, or a sum, and so no name."""
        is_number = text[:1].isdecimal() or _BARE_HEX.fullmatch(text) is not None
        return is_number or len(_TERM.findall(text)) > 1

    def _term(self, arguments: Arguments, word: Word, text: str) -> int:
        number = number_of(text)
        if number is not None:
            return number
        symbol = self.kernel.optional(text)
        if symbol is not None:
            return symbol
        if _BARE_HEX.fullmatch(text):
            return int(text, 16)
        if text[:1].isdecimal():
            raise arguments.error(f"`{text}` is no number of 64 bits", word, self._forms)
        near = did_you_mean(self.alike(text))
        raise arguments.error(f"there is no symbol `{text}`", word, near or self._forms)

    @property
    def _forms(self) -> str:
        """Say how addresses are written, with a symbol that there is."""
        known = [name for name in _EXAMPLES if self.kernel.optional(name) is not None]
        name = known[0] if known else _EXAMPLES[0]
        return f"An address is `0x...`, a symbol, or a sum: `{name}+0x10`."

    def alike(self, name: str) -> list[str]:
        """Return the symbols that may have been meant.

        Two slips leave one third of a name as it was: only symbols that have one are compared.
        """
        third = max(2, len(name) // 3)
        pieces = [name[at : at + third] for at in range(0, len(name), third)]
        low, high = len(name) - _NEAR, len(name) + _NEAR

        def may_be(other: str) -> bool:
            return low <= len(other) <= high and any(piece in other for piece in pieces)

        return nearest(name, [symbol.name for symbol in self.kernel.symbols.matching(may_be)])

    # Names of addresses

    def label(self, address: int) -> str:
        """Return `name`, `name+0x10` or `name+0x10 [module]`; nothing where nothing is known."""
        if address not in self._labels:
            self._labels[address] = clean(self._name(address))
        return self._labels[address]

    def marked(self, address: int) -> str:
        """Return an address in hex, and where it is in brackets if that is known."""
        label = self.label(address)
        return f"{address:#x} <{label}>" if label else f"{address:#x}"

    def module(self, address: int) -> str | None:
        """Return the name of the module in whose range an address is."""
        return self.ranges.names(np.array([address], np.uint64)).to_list()[0]

    def near(self, address: int) -> tuple[str, int] | None:
        """Return the nearest symbol at or below, the kernel's or its module's, and the distance."""
        asked = np.array([address], np.uint64)
        (own,) = self.kernel.symbols.symbols_at(asked)
        return own or self.ranges.symbols(asked)[0]

    @cached_property
    def ranges(self) -> ModuleRanges:
        """Where the modules are; found out when it is first asked."""
        return self.kernel.module_ranges(Run())

    def _name(self, address: int) -> str:
        if (
            address < self.kernel.space.kernel_start
        ):  # user memory, and small numbers that are no addresses
            return ""
        near, module = self.near(address), self.module(address)
        if near is None:
            return "" if module is None else f"[{module}]"
        name, distance = near
        shown = f"{name}+{distance:#x}" if distance else name
        return shown if module is None else f"{shown} [{module}]"


_EXAMPLES = ("init_task", "PsInitialSystemProcess")
"""Symbols that the kernels of one system have, each."""


def number_of(text: str) -> int | None:
    """Return the number that a word is, `0x...` or decimal; None if it is none of 64 bits."""
    match = _HEX.fullmatch(text)
    if match is not None:
        return int(match[1], 16)
    number = int(text) if _DECIMAL.fullmatch(text) else LAST + 1
    return number if number <= LAST else None
