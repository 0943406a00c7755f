"""Colours of the prompt, for dark and for light backgrounds; none where none are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.styles import Style

if TYPE_CHECKING:
    from memq.ui.terminal import Terminal

# Colours in hex are some of the 256 that terminals have: others turn into what is near by number,
# which may be another hue.
_DARK = {
    "query.keyword": "ansimagenta",
    "query.method": "ansicyan",
    "query.function": "ansicyan",
    "query.parameter": "italic",
    "query.number": "ansiyellow",
    "query.text": "ansigreen",
    "query.regex": "ansibrightred",
    "query.time": "ansiyellow",
    "query.comment": "ansibrightblack",
    "query.command": "ansibrightblue",
    "query.error": "ansired underline",
    "prompt": "ansicyan",
    "auto-suggestion": "ansibrightblack",
    "matching-bracket.cursor": "bold underline",
    "matching-bracket.other": "bold underline",
    "completion-menu.completion": "bg:#303030 #d0d0d0",
    "completion-menu.completion.current": "bg:#005f87 #ffffff noreverse",
    "completion-menu.meta.completion": "bg:#262626 #9e9e9e",
    "completion-menu.meta.completion.current": "bg:#005f87 #e4e4e4",
    "scrollbar.background": "bg:#262626",
    "scrollbar.button": "bg:#585858",
}
_LIGHT = _DARK | {
    "query.keyword": "ansimagenta bold",
    "query.method": "ansiblue",
    "query.function": "ansiblue",
    "query.number": "ansimagenta",
    "query.regex": "ansired",
    "query.time": "ansimagenta",
    "query.command": "ansiblue",
    "prompt": "ansiblue",
    "completion-menu.completion": "bg:#e4e4e4 #262626",
    "completion-menu.completion.current": "bg:#5f87af #ffffff noreverse",
    "completion-menu.meta.completion": "bg:#eeeeee #585858",
    "completion-menu.meta.completion.current": "bg:#5f87af #ffffff",
    "scrollbar.background": "bg:#e4e4e4",
    "scrollbar.button": "bg:#a8a8a8",
}


def style_for(terminal: Terminal, background: str) -> Style:
    """Return the style for a background: dark, light, or auto."""
    is_light = background == "light" or (background == "auto" and terminal.is_light)
    return Style.from_dict(_LIGHT if is_light else _DARK)


def depth_for(terminal: Terminal) -> ColorDepth | None:
    """Return how many colours there are; None: as many as the terminal says."""
    return None if terminal.has_colours else ColorDepth.DEPTH_1_BIT
