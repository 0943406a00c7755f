"""What people call a playbook: a path, or a name of the set that comes with memq."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.lang.hints import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT = "default"
"""The name of the whole set."""
FOLDER = Path(__file__).parents[1] / "playbooks"
_SUFFIX = ".yml"


def playbook_paths(names: Iterable[str]) -> list[Path]:
    """Return the files and folders that are meant; QueryError for what is neither.

    A path goes before a name: `./linux` is never the set's.
    """
    return [_path(name) for name in names]


def playbook_names() -> list[str]:
    """Return what the set has: all of it, the rules for a system, each rule."""
    files = sorted(FOLDER.rglob(f"*{_SUFFIX}"))
    rules = [file.relative_to(FOLDER).with_suffix("").as_posix() for file in files]
    return [DEFAULT, *sorted({rule.partition("/")[0] for rule in rules}), *rules]


def _path(name: str) -> Path:
    path = Path(name)
    if path.exists():
        return path
    names = playbook_names()
    if name in names:
        if name == DEFAULT:
            return FOLDER
        return FOLDER / (f"{name}{_SUFFIX}" if "/" in name else name)
    sets = ", ".join(one for one in names if "/" not in one)
    hint = did_you_mean(nearest(name, names)) or f"Names of the set that comes with memq: {sets}."
    raise QueryError(f"There is no file, folder or playbook {name!r}.", hint=hint)
