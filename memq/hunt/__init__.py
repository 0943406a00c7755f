"""Hunting rules: what people look for in dumps, written down, tested and shared."""
