"""How large a query may be: a query can come from a stranger's playbook."""

from __future__ import annotations

MAX_BYTES = 256 * 1024
MAX_NESTING = 200
"""Brackets within brackets."""
MAX_DEPTH = MAX_NESTING + 1
"""Nodes of the tree, one below the other; one more, as a method's call stands over its member."""
MAX_DIGITS = 100
"""Characters of a number."""
