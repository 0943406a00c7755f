"""The generated tables within pages: what can be called, in Markdown.

Such a region of a page begins with a comment that names it, and ends with another one:

    <!-- generated: functions -->
    ...
    <!-- end -->
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.output.reference import words
from memq.output.reference.page import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memq.schema.reference import Callable, Callables, Operator

_REGION = re.compile(r"(<!-- generated: (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str, tables: Mapping[str, str]) -> str:
    """Return a page, its regions written anew: each holds the table of its name."""
    return _REGION.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n{found[3]}", page)


def language_tables(callables: Callables) -> dict[str, str]:
    """Return the tables of what can be called, by the names of their regions."""
    return {
        "methods of series": _table("method", callables.series_methods),
        "methods of values": _table("method", callables.value_methods),
        "functions": _table("function", callables.functions),
        "operators": _operators(callables.operators),
    }


def _table(title: str, callables: Iterable[Callable]) -> str:
    rows = [
        (f"`{one.signature}`", words.callable_doc(one), f"`{one.example}`") for one in callables
    ]
    return table((title, "what it gives", "for example"), rows)


def _operators(operators: Iterable[Operator]) -> str:
    """Return their table; what the examples give is filled in by whoever can ask them."""
    rows = [
        (", ".join(f"`{sign}`" for sign in one.written), one.doc, f"`{one.example}`", "")
        for one in operators
    ]
    return table(("operator", "is", "example", "gives"), rows)
