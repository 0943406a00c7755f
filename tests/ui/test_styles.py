"""Colours are those that terminals have, so that they look as they were chosen."""

from __future__ import annotations

import re

import pytest
from pyte.graphics import FG_BG_256

from memq.ui.styles import style_for
from memq.ui.terminal import Terminal


@pytest.mark.parametrize("background", ["dark", "light"])
def test_colours_are_among_the_256(background: str) -> None:
    rules = style_for(Terminal(), background).style_rules
    colours = {one for _, rule in rules for one in re.findall(r"#(\w{6})", rule)}
    assert len(colours) > 5
    assert colours <= set(FG_BG_256[16:])
