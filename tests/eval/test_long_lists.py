"""`in` a list of many literals: looked up all at once, answered as if one by one."""

from __future__ import annotations

import pytest

from memq.errors import Reason
from tests.eval.world import FOLDING, SYSTEM, World, value

WORLD = World(
    [
        {"pid": 1, "x": 3, "name": "Sh", "dear": 2, "base": 1 << 63},
        {"pid": 2, "x": None, "name": None, "dear": Reason.PAGED_OUT, "base": 8},
        {"pid": 3, "x": -4, "name": "ssh", "dear": -1, "base": 1},
    ],
    portion=2,
)
NUMBERS = ", ".join(str(number) for number in range(100, 130))
TEXTS = ", ".join(f'"word {number}"' for number in range(30))


@pytest.mark.parametrize("field", ["pid", "x", "dear", "base", "pid + 1"])
@pytest.mark.parametrize("extra", ["", ", 3", ", -4, 2", ", null", ", x", ", 9223372036854775808"])
def test_numbers(field: str, extra: str) -> None:
    few = extra.removeprefix(", ") or "100"
    wanted = value(WORLD, f"process.Select(p => p.{field} in [{few}])")
    assert value(WORLD, f"process.Select(p => p.{field} in [{NUMBERS}{extra}])") == wanted


@pytest.mark.parametrize(
    "query", ["process.Select(name in [{}])", "process.Where(!(name in [{}]))"]
)
@pytest.mark.parametrize("extra", ["", ', "sh"', ', "Sh", "ssh"', ", null", ", name"])
def test_texts(extra: str, query: str) -> None:
    few = extra.removeprefix(", ") or '"word 1"'
    for system in (SYSTEM, FOLDING):
        wanted = value(WORLD, query.format(few), system)
        assert value(WORLD, query.format(TEXTS + extra), system) == wanted
