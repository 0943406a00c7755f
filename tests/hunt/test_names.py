"""What people call a playbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from memq.errors import QueryError
from memq.hunt.names import DEFAULT, FOLDER, playbook_names, playbook_paths


def test_the_set_and_its_parts_have_names() -> None:
    names = playbook_names()
    assert names[:3] == [DEFAULT, "linux", "windows"]
    paths = playbook_paths(names)
    assert paths[0] == FOLDER
    assert all(path.is_dir() for path in paths[:3])
    assert all(path.is_file() for path in paths[3:])


def test_a_path_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "linux").write_text("")
    assert playbook_paths(["linux", "windows"]) == [Path("linux"), FOLDER / "windows"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("linus", "Did you mean `linux`?"),
        ("none/such.yml", "Names of the set that comes with memq:"),
    ],
)
def test_what_is_neither_is_refused(name: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        playbook_paths([name])
    assert name in caught.value.message
    assert (caught.value.hint or "").startswith(hint)
