"""Linux: its kernel found in a dump, and its objects as batches of columns."""

from __future__ import annotations
