"""How large a query may be: a query can come from a stranger's playbook."""

from __future__ import annotations

from memq.errors import QueryError, Span

MAX_BYTES = 256 * 1024
MAX_NESTING = 200
"""Brackets within brackets."""
MAX_DEPTH = MAX_NESTING + 1
"""Nodes of the tree, one below the other; one more, as a method's call stands over its member."""
MAX_STACK = 8 * MAX_NESTING
"""Symbols that wait for what follows them. A node's own are six at most, those before the place
where `{a: 1, b: ...}` goes on, and each bracket is one: no tree within the limits needs more."""
MAX_DIGITS = 100
"""Characters of a number."""


def too_deep(span: Span) -> QueryError:
    """Return the complaint about a tree that would be deeper than those who walk it can go."""
    return QueryError(
        f"This is nested deeper, or chained longer, than {MAX_NESTING}.",
        span=span,
        hint="Name a part of it with `let`, and use the name here.",
    )
