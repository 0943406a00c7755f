"""The object types of Windows are there under their names, and imported when asked for."""

from __future__ import annotations

import pytest

from memq.os.windows.system import WINDOWS
from tests.test_imports import imported


@pytest.mark.parametrize("name", WINDOWS.objects)
def test_every_object_type_has_the_name_that_it_is_listed_under(name: str) -> None:
    type_ = WINDOWS.objects[name]
    assert type_.type_name == name
    assert all(part.item in WINDOWS.objects for part in type_.subobjects.values())
    assert not type_.owner_type or type_.owner_type in WINDOWS.objects


def test_what_is_no_object_type_is_told_apart() -> None:
    assert "bogus" not in WINDOWS.objects
    assert WINDOWS.objects.get("bogus") is None
    assert len(WINDOWS.objects) == len(list(WINDOWS.objects))


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    program = (
        "from memq.os.windows.system import WINDOWS\n"
        "assert 'vad' in WINDOWS.objects and len(WINDOWS.objects) > 20\n"
    )
    assert not imported(program, "memq.os.windows.process", "memq.os.windows.vad")
    asked = program + "WINDOWS.objects['vad']\n"
    assert imported(asked, "memq.os.windows.vad", "memq.os.windows.service") == [
        "memq.os.windows.vad"
    ]
