"""The table of forms is what JSON is written by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from memq.errors import Reason
from memq.output.forms import FORMS, QUOTED
from memq.output.json import rows_of
from memq.schema.kinds import ANNOTATIONS, Kind
from tests.output.made import one

if TYPE_CHECKING:
    from tests.output.made import Cell

PYTHON = {"number": (int, float), "string": (str,), "boolean": (bool,), "null": (type(None),)}

SAMPLES: dict[Kind, Cell] = {Kind.STRING: 'a"b', Kind.NULL: Reason.NULL}
"""A value of each kind that is no number."""


@pytest.mark.parametrize("kind", FORMS)
def test_a_value_has_the_type_of_its_kind(kind: Kind) -> None:
    (row,) = rows_of(one(kind, SAMPLES.get(kind, 1)))
    assert type(json.loads(row)["x"]) in PYTHON[FORMS[kind].type]


@pytest.mark.parametrize("kind", sorted(QUOTED, key=str))
def test_quotes_stand_beside_a_value_that_is_missing(kind: Kind) -> None:
    rows = [json.loads(row)["x"] for row in rows_of(one(kind, 1, Reason.NULL))]
    assert [type(value) for value in rows] == [str, type(None)]


def test_every_type_of_a_field_has_a_form() -> None:
    assert {type_.kind for type_ in ANNOTATIONS.values()} <= FORMS.keys()
    assert FORMS.keys() == set(Kind) - {Kind.REGEX}
