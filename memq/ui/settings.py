"""What a user can set for a session, each declared once: name, choices, what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memq.errors import QueryError
from memq.lang import hints
from memq.printing import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

_SWITCH = ("on", "off")


class Setting(NamedTuple):
    """One thing that can be set; the first choice is what holds without."""

    name: str
    choices: tuple[str, ...]
    doc: str

    @property
    def listed(self) -> str:
        """What it can be, in a sentence."""
        *others, last = self.choices
        return f"It can be {', '.join(others)} or {last}."


SETTINGS: Mapping[str, Setting] = {
    one.name: one
    for one in (
        Setting("format", FORMATS, "How results are written."),
        Setting("pager", _SWITCH, "Whether what does not fit on the screen goes to a pager."),
        Setting("time", _SWITCH, "Whether the line below a result says how long it took."),
        Setting("exact", ("off", "on"), "Whether tables show sizes and times to the last digit."),
        Setting(
            "background",
            ("auto", "dark", "light"),
            "What the colours are chosen for; auto asks the terminal's $COLORFGBG.",
        ),
    )
}


class Settings:
    """The values of one session."""

    def __init__(self) -> None:
        self._values = {name: one.choices[0] for name, one in SETTINGS.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self._values[name] == "on"

    def set(self, name: str, value: str) -> None:
        """Set one; QueryError says what there is instead."""
        setting = SETTINGS.get(name)
        if setting is None:
            near = hints.did_you_mean(hints.nearest(name, SETTINGS))
            raise QueryError(
                f"Nothing to set is called `{name}`.",
                hint=near or f"There are {', '.join(SETTINGS)}.",
            )
        if value not in setting.choices:
            near = hints.did_you_mean(hints.nearest(value, setting.choices))
            raise QueryError(f"`{name}` cannot be `{value}`.", hint=near or setting.listed)
        self._values[name] = value
