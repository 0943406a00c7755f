"""Names of flags, as queries write them."""

from __future__ import annotations

import pytest

from memq.schema.flags import bits_of, names_of
from memq.schema.kinds import Kind, ValueType

MODES = ValueType(
    Kind.FLAGS, names=(("M_READ", 1), ("M_WRITE", 2), ("M_BOTH", 3), ("M_MAY_READ", 16))
)
RIGHTS = ValueType(Kind.FLAGS, names=(("PROCESS_WRITE", 0x20), ("DELETE", 1 << 16)))
CLASH = ValueType(Kind.FLAGS, names=(("A_A_X", 1), ("A_X", 2)))


@pytest.mark.parametrize(
    ("type_", "text", "bits"),
    [
        (MODES, "M_READ", 1),
        (MODES, "READ", 1),
        (MODES, "m_may_read", 16),
        (MODES, "may_READ", 16),
        (MODES, "READ|M_WRITE", 3),
        (MODES, " both | May_Read ", 19),
        (MODES, "EXEC", None),
        (MODES, "READ|EXEC", None),
        (MODES, "READ|", None),
        (MODES, "", None),
        (MODES, "1", None),
        (RIGHTS, "delete", 1 << 16),
        (RIGHTS, "PROCESS_WRITE|DELETE", 0x10020),
        (RIGHTS, "WRITE", None),  # the names have nothing in common
        (CLASH, "A_X", 2),
        (CLASH, "X", 2),
        (ValueType(Kind.FLAGS, names=(("F_ONE", 1),)), "F_ONE", 1),
        (ValueType(Kind.FLAGS, names=(("F_ONE", 1),)), "", None),
        (ValueType(Kind.FLAGS), "READ", None),
    ],
)
def test_bits(type_: ValueType, text: str, bits: int | None) -> None:
    assert bits_of(type_, text) == bits


def test_names_stand_as_declared() -> None:
    assert names_of(MODES) == ("M_READ", "M_WRITE", "M_BOTH", "M_MAY_READ")
    assert names_of(ValueType(Kind.FLAGS)) == ()
