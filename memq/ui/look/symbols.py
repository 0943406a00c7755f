"""Symbols of the kernel and of its modules, by name, address or pattern: what `.symbol` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.lang.hints import did_you_mean
from memq.output.cells import clean
from memq.ui.look.addresses import Places
from memq.ui.look.arguments import Arguments
from memq.ui.look.usages import SYMBOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.os.kernel import Kernel
    from memq.symbols.tables import Symbol

MAX_SYMBOLS = 200
"""Symbols that a pattern lists."""
MAX_ALIASES = 64

_PATTERNS = "`.symbol *NAME*` lists the symbols that have it in their names."
_NOWHERE = " in no symbol's range: neither the kernel's image nor a module is there"


def symbol(kernel: Kernel, text: str) -> Iterator[str]:
    """Yield the lines of `.symbol`; QueryError, raised at once, says what is wrong with the text.

    A name gives each address that has it; an address the nearest symbol at or below it; a pattern
    with `*` or `?` the kernel's own symbols that fit. Modules' symbols are found by address and by
    their whole names.
    """
    arguments = Arguments(text, SYMBOL)
    (word,) = arguments.words
    places = Places(kernel)
    fits = arguments.pattern(word)
    if fits is not None:
        found = kernel.symbols.matching(fits)
        if not found:
            raise arguments.error(f"no symbol is called like `{word.text}`", word)
        return _listed(found)
    if kernel.optional(word.text) is not None:
        return _named(kernel, kernel.symbols.matching(word.text.__eq__))
    if places.is_address(word.text):
        return _at(kernel, places, places.read(arguments, word))
    others = places.ranges.named(word.text)
    if others:
        return _in_modules(word.text, others)
    if places.ranges.cut is not None:
        message = f"no symbol `{word.text}` was found: {places.ranges.cut.text}"
        raise arguments.error(message, word)
    near = did_you_mean(places.alike(word.text))
    raise arguments.error(f"there is no symbol `{word.text}`", word, near or _PATTERNS)


def _listed(found: Sequence[Symbol]) -> Iterator[str]:
    for one in found[:MAX_SYMBOLS]:
        yield clean(f"{one.address:#018x} {one.text}")
    if len(found) > MAX_SYMBOLS:
        yield f"... and {len(found) - MAX_SYMBOLS:,} more: a longer pattern lists fewer"


def _named(kernel: Kernel, found: Sequence[Symbol]) -> Iterator[str]:
    """Yield what is known of each address that has the name."""
    for one in found[:MAX_SYMBOLS]:
        yield clean(f"{one.address:#018x} {one.text}{_measure(kernel, one.address)}")
        yield from _aliases(kernel, one.address, one.name)
    if len(found) > MAX_SYMBOLS:
        yield f"... and {len(found) - MAX_SYMBOLS:,} more of this name"


def _measure(kernel: Kernel, address: int) -> str:
    """Return how far the next symbol is, and in which section the address is."""
    following, section = kernel.symbols.after(address), kernel.section_of(address)
    parts = [] if following is None else [f"{following - address:,} bytes to the next symbol"]
    parts += [] if section is None else [f"in {section}"]
    return f", {', '.join(parts)}" if parts else ""


def _aliases(kernel: Kernel, address: int, name: str) -> Iterator[str]:
    """Yield a line of the other names of an address, if there are any."""
    others = [one for one in kernel.symbols.all_at(address) if one.name != name]
    if others:
        shown = ", ".join(f"{one.text}" for one in others[:MAX_ALIASES])
        more = len(others) - MAX_ALIASES
        yield clean(f"  also {shown}{f', and {more:,} more' if more > 0 else ''}")


def _at(kernel: Kernel, places: Places, address: int) -> Iterator[str]:
    """Yield what is at an address."""
    exact = kernel.symbols.all_at(address)
    if exact:
        yield from _named(kernel, exact[:1])
        return
    near, module = places.near(address), places.module(address)
    inside = f" in module {module}" if module is not None else ""
    if near is None:
        where = f"{inside}, which names nothing before it" if module else _nowhere(places)
        yield clean(f"{address:#018x} is{where}")
        return
    name, distance = near
    shown = f"{name}+{distance:#x}" if distance else name
    yield clean(f"{address:#018x} is {shown}{inside}")
    if module is None:
        yield from _named(kernel, kernel.symbols.all_at(address - distance)[:1])


def _nowhere(places: Places) -> str:
    """Say that an address is in no range that is known."""
    cut = places.ranges.cut
    return _NOWHERE if cut is None else f" in no range that is known: {cut.text}"


def _in_modules(name: str, found: Sequence[tuple[str, int]]) -> Iterator[str]:
    for module, address in found[:MAX_SYMBOLS]:
        yield clean(f"{address:#018x} {name}, in module {module}")
    if len(found) > MAX_SYMBOLS:
        yield f"... and {len(found) - MAX_SYMBOLS:,} more of this name"
