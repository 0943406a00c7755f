"""Paths as they were written."""

from __future__ import annotations

from memq.lang import ast


def spelled(node: ast.Expression) -> tuple[str, ...] | None:
    """Return the names of a path as they were written; None if it is not a path."""
    names: list[str] = []
    while isinstance(node, ast.Member):
        names.append(node.name)
        node = node.target
    if not isinstance(node, ast.Name):
        return None
    return (node.name, *reversed(names))
