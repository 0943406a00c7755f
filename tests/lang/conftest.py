"""A parser for all tests of the language."""

from __future__ import annotations

import pytest

from memq.lang.parser import Parser


@pytest.fixture(scope="session")
def parser() -> Parser:
    """One parser; it keeps nothing between texts."""
    return Parser()
