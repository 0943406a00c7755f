"""Text as HTML: the one way by which anything of a dump or a rule gets into a page."""

from __future__ import annotations

import html

from memq.hunt.reports.evidence import flowing
from memq.output.cells import clean


def text(value: str) -> str:
    """Return a text as a browser shows it, within an element or an attribute in quotes."""
    return html.escape(clean(value), quote=True)


def element(name: str, value: str, kind: str = "") -> str:
    """Return an element that holds a text, on lines that flow; nothing where that is empty."""
    attribute = f' class="{kind}"' if kind else ""
    inner = text(flowing(value))
    return f"<{name}{attribute}>{inner}</{name}>\n" if inner else ""
