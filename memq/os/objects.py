"""A system's object types by name, none of them imported before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import ObjectType


class ObjectTypes(Mapping[str, "type[ObjectType]"]):
    """Object types by name. Each is imported when it is asked for: a query speaks of few."""

    def __init__(self, package: str, classes: Mapping[str, str]) -> None:
        """`classes` has module and class of each, below the package."""
        self._package = package
        self._classes = classes

    def __getitem__(self, name: str) -> type[ObjectType]:
        module, _, class_name = self._classes[name].rpartition(".")
        found: type[ObjectType] = getattr(import_module(f"{self._package}.{module}"), class_name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)
