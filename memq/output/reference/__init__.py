"""The reference of the objects, made of their declarations: JSON, text for a terminal, a page."""

from __future__ import annotations
