"""Keys at the prompt, on a terminal as a person has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.screen import ALT_ENTER, CTRL_C, CTRL_Z, ENTER, ESCAPE, NEEDS_TERMINAL, TAB, memq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ui.screen import Screen

pytestmark = NEEDS_TERMINAL
_MENU = "The elements of which a condition is true."
"""What stands in the menu beside Where."""


@pytest.fixture(scope="module")
def program(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    state = str(tmp_path_factory.mktemp("state"))
    with memq(sample, XDG_STATE_HOME=state) as screen:
        screen.wait("memq>")
        yield screen


@pytest.fixture
def screen(program: Screen) -> Iterator[Screen]:
    yield program
    program.type(CTRL_C)
    program.prompt()


def test_alt_enter_begins_a_line_while_the_menu_is_open(screen: Screen) -> None:
    screen.type("process.Wh").wait(_MENU)
    screen.type(ALT_ENTER).until(lambda shown: "process.Wh\n    >" in shown)
    assert "error" not in screen.text


def test_escape_closes_the_menu_at_once(screen: Screen) -> None:
    screen.type("process.Wh").wait(_MENU)
    screen.type(ESCAPE).until(lambda shown: _MENU not in shown)
    # Enter is not taken for the rest of Alt-Enter, however soon it comes.
    screen.type(ENTER).wait("error: `process` has no `Wh`")


def test_what_is_completed_may_be_typed_all_the_same(screen: Screen) -> None:
    screen.type("process.Wh").wait(_MENU)
    screen.type(TAB).wait("process.Where(")
    screen.type("(").wait("process_id")
    screen.type('name == "ssh').wait("in this dump")
    screen.type(TAB).wait('"sshd"')
    screen.type('"').type(").Cou").wait("CountBy(key)")
    screen.type(TAB).wait(".Count(")
    screen.type("()" + ENTER).wait("\n1\n_")
    assert 'process.Where(name == "sshd").Count()\n1\n' in screen.text


def test_ctrl_z_is_no_letter_of_the_entry(screen: Screen) -> None:
    screen.type(CTRL_Z).type("2 * 77").wait("2 * 77")
    screen.type(ENTER).wait("\n154\n_")


def test_the_rest_of_a_long_line_is_no_line_of_its_own(screen: Screen) -> None:
    screen.type(f"1 + {'1' * 100}").wait(f"memq> 1 + {'1' * 90}\n      {'1' * 10}\n")
    screen.type(f"{ALT_ENTER}+ 2").wait(f"{'1' * 10}\n    > + 2")


def test_tabs_that_are_pasted_are_shown_as_spaces(screen: Screen) -> None:
    screen.paste("[1,\t2]\n// all\n").wait("memq> [1, 2]\n    > // all\n    >")
    screen.type(ENTER).wait("value\n-----\n    1\n    2\n")
