"""Two small systems that declare the same object each in its own way."""

from __future__ import annotations

from typing import Any

from memq.schema.batch import ObjectType
from memq.schema.declare import Cost, System, field, many, shared, single
from memq.schema.kinds import Flags, Name, Number, String


class Thing(ObjectType, name="thing", principal="thing_object", example="thing.Where(size > 4)"):
    """Something that
    both have.

    More of it.
    """

    @shared(("n",), shown=True)
    def name(self) -> Name:
        """What it is called."""
        return self.absent()

    @shared()
    def size(self) -> Number:
        """How large it is."""
        return self.absent()

    @shared()
    def rights(self) -> Flags:
        """What may be done with it."""
        return self.absent()

    @shared()
    def color(self) -> Number:
        """What neither has."""
        return self.absent()


class RedThing(Thing, identity=("table", "place")):
    """Something that
    both have.
    """

    @field()
    def name(self) -> Name:
        return self.absent()

    @field(Cost.WALK)
    def size(self) -> Number:
        return self.absent()

    @field(choices=("new", "a|b"))
    def state(self) -> String:
        """How it
        does.
        """
        return self.absent()

    @many("thing", aliases=("below",))
    def child_object(self) -> Any:
        """Those below it."""


class BlueThing(Thing, example="thing.Where(size > 5)"):
    """Something blue."""

    @field()
    def name(self) -> Name:
        return self.absent()

    @field()
    def size(self) -> Number:
        return self.absent()

    @field(names=(("READ", 1), ("WRITE", 2)))
    def rights(self) -> Flags:
        return self.absent()

    @single("thing")
    def above(self) -> Any:
        """The one above it."""


class Sound(ObjectType, name="sound", owner="thing", example="sound"):
    """What only the blue system has."""

    @field()
    def address(self) -> Number:
        """Where it is."""
        return self.absent()


RED = System("red", {"thing": RedThing}, "Red")
BLUE = System("blue", {"thing": BlueThing, "sound": Sound}, "Blue", ignores_case=True)
