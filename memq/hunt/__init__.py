"""Hunting rules that people write, test and share: their format, and how they are loaded."""
