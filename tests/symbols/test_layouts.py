"""Types as the profile pack keeps them: the same as in the table that they come from."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import SymbolError
from memq.profile.written import layout_lines
from memq.symbols.layouts import Layouts
from tests.profile.small import STRUCTS, held, struct, table
from tests.symbols.alike import shown_struct


def text_of(head: str, lines: dict[str, str]) -> str:
    return "\n".join([head, *lines.values()])


TEXT = text_of(*layout_lines(table().types))


def test_structs_are_those_of_the_table() -> None:
    types, real = Layouts(TEXT), table().types
    assert types.names() == ["_EPROCESS", "_ETHREAD", "_HELD", "_LIST_ENTRY"]
    for name in types.names():
        assert shown_struct(types.struct(name)) == shown_struct(real.struct(name))
    flags = types.required("_EPROCESS").member("u.Flags.High")
    assert (flags.offset, flags.bit_offset, flags.bit_size) == (49, 5, 19)


def test_what_is_only_pointed_to_is_not_known() -> None:
    outer = Layouts(TEXT).required("_EPROCESS").member("Unknown").type.target()
    inner = outer.target() if outer is not None else None
    assert inner is not None
    assert (str(inner), inner.size, inner.layout()) == ("struct _SOMETHING_ELSE", 0, None)


def test_pointers_lead_to_structs() -> None:
    target = Layouts(TEXT).required("_LIST_ENTRY").member("Flink").type.target()
    assert target is not None
    layout = target.layout()
    assert layout is not None
    assert layout.offset("Blink") == 8


def test_enums_and_numbers() -> None:
    types, real = Layouts(TEXT), table().types
    assert types.enum_names() == ["_KIND", "_POOL_TYPE"]
    assert types.enum("_POOL_TYPE") == real.enum("_POOL_TYPE")
    assert types.enumerator("Last") == 7
    assert types.required("_EPROCESS").member("Kind").type.constants() == {"First": 0, "Last": 7}
    assert types.named("unsigned long") == real.named("unsigned long")
    assert types.struct("_NEVER_ASKED_FOR") is None
    assert types.enum("_NONE") is None
    assert types.named("long") is None
    assert types.pointer_size == 8


def test_an_overlay_replaces_adds_and_removes() -> None:
    overlay = "memq overlay 1\nown 1\n- _ETHREAD\ns _HELD 4 One 0 .unsigned_long\n"
    types = Layouts(TEXT, overlay)
    assert types.required("_HELD").size == 4
    assert types.struct("_ETHREAD") is None
    assert types.borrowed == {"_HELD", "_LIST_ENTRY"}
    assert types.lines().keys() >= {"s _EPROCESS", "e _KIND"}
    assert "s _LIST_ENTRY" not in types.lines()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "memq layout 9 8\n",
        "memq layout 1 8\nq _A 8\n",
        "memq layout 1 8\ns _A\n",
        "memq layout 1 8\ns _A x\n",
        "memq layout 1 8\ns _A 8 One 0\n",
        "memq layout 1 8\ns _A 8 One 0 .long\n",
        "memq layout 1 8\ns _A 8 One 0 e_NONE\n",
        "memq layout 1 8\ns _A 8 One 0 s{8 Two 0 f\n",
        "memq layout 1 8\ns _A 8 One 0 ?\n",
        "memq layout 1 8\ns _A 8 One -1 f\n",
        "memq layout 1 8\ns _A 99999999999 One 0 f\n",
        "memq layout 1 8\nb l int 8 0\ns _A 8 One 0 [999999999].l\n",
        "memq layout 1 8\nb l int 99 0\ns _A 8 One 0 .l\n",
        "memq layout 1 8\nb l int 8 0\ns _A 8 One 0 :0:0:.l\n",
        "memq layout 1 8\ns _A 8 " + "One 0 s{8 " * 40 + "} " * 40,
    ],
)
def test_what_does_not_hold_is_refused(text: str) -> None:
    with pytest.raises(SymbolError):
        Layouts(text).struct("_A")


def test_overlays_that_do_not_hold_are_refused() -> None:
    for overlay in ("x", "memq overlay 1\nown z\n", "memq overlay 1\nown 1\nq _A 8\n"):
        with pytest.raises(SymbolError, match="malformed"):
            Layouts(TEXT, overlay)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.sampled_from(" \n-*[]{}:.sue09x\x7f"))
def test_any_letter_may_be_wrong(at: int, letter: str) -> None:
    with contextlib.suppress(SymbolError):
        types = Layouts(TEXT[:at] + letter + TEXT[at + 1 :])
        for name in types.names():
            shown_struct(types.struct(name))
        for name in types.enum_names():
            types.enum(name)


def test_names_that_no_line_can_hold_are_refused() -> None:
    structs = {**STRUCTS, "_ETHREAD": struct(8, **{"a b": (0, held("_HELD"))})}
    with pytest.raises(SymbolError, match="no profile can hold"):
        layout_lines(table(structs=structs).types)
