"""A system made of plain data, so that queries run without a dump.

A World is a list of processes, each a dictionary: fields by name, `vad` and `handle` as lists of
dictionaries, `children` and `parent` as numbers of processes in the list, `cut` as the reason why a
collection is not whole. A value that is a Reason is unknown, None is null; what is not said is the
default of its type. The world counts what is walked and computed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from memq.column import Column, Text, text_column
from memq.errors import Reason
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.output import json
from memq.run import Limits, Run
from memq.schema.batch import Context, Cut, ObjectType, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, System, field, many, shared, single
from memq.schema.kinds import Address, Boolean, Flags, Name, NamesBy, Number, Size, String, Time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.eval.plan import Plan

Data: TypeAlias = dict[str, Any]


@dataclass
class World:
    """The data of one system; `portion` is how many processes are found at once."""

    processes: list[Data]
    portion: int = 2
    cut: Reason | None = None
    """Why the list of processes ends too early."""
    counts: Counter[str] = made_by(default_factory=Counter)
    """How many portions were found, parents walked, and values computed, by name."""

    def children_of(self, parents: Sequence[int], name: str) -> tuple[list[Any], list[int]]:
        """What the processes hold in a collection, and the row of the parent of each."""
        items = [self.processes[number].get(name, []) for number in parents]
        owner = [row for row, of_one in enumerate(items) for _ in of_one]
        return [item for of_one in items for item in of_one], owner


class Thing(ObjectType):
    """What all types of this world have in common: their data are found by one number."""

    @property
    def world(self) -> World:
        found: World = self.context.kernel
        return found

    def data(self) -> list[Data]:
        raise NotImplementedError

    def values(self, name: str, default: object = None) -> list[Any]:
        self.world.counts[f"{self.type_name}.{name}"] += len(self)
        return [item.get(name, default) for item in self.data()]

    def numbers(self, name: str, default: object = 0, dtype: type = np.int64) -> Column:
        values = self.values(name, default)
        known = [0 if v is None or isinstance(v, Reason) else v for v in values]
        return Column(np.array(known, dtype), reasons(values))

    def texts(self, name: str) -> Text:
        values = self.values(name)
        return text_column([v if isinstance(v, str) else None for v in values], reasons(values))


def reasons(values: Sequence[object]) -> Any:
    """Return the status of values: None where all are known, as most columns have it."""
    found = [Reason.NULL if v is None else v if isinstance(v, Reason) else 0 for v in values]
    return np.array(found, np.uint8) if any(found) else None


class Process(Thing, name="process", principal="process_object", identity=("number",)):
    """A process of the world; `number` is its place in the list."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        world: World = context.kernel
        count = len(world.processes)
        for start in range(0, count, world.portion):
            world.counts["portions"] += 1
            numbers = np.arange(start, min(start + world.portion, count), dtype=np.int64)
            yield Portion(cls(context, {"number": numbers}))
        if world.cut is not None:
            nobody = cls(context, {"number": np.zeros(0, np.int64)})
            yield Portion(nobody, Cut(world.cut, "the list of processes is cut short"))

    def data(self) -> list[Data]:
        return [self.world.processes[number] for number in self.rows["number"].tolist()]

    @field(aliases=("pid",), shown=True)
    def process_id(self) -> Number:
        """Its number."""
        return self.numbers("pid")

    @field(shown=True)
    def name(self) -> Name:
        """What it is called."""
        return self.texts("name")

    @field()
    def x(self) -> Number:
        """A number."""
        return self.numbers("x")

    @field(Cost.USER_MEMORY)
    def dear(self) -> Number:
        """A number that takes long to compute."""
        return self.numbers("dear")

    @field()
    def odd(self) -> Boolean:
        """A truth value."""
        return self.numbers("odd", default=False, dtype=bool)

    @field()
    def base(self) -> Address:
        """An address."""
        return self.numbers("base", dtype=np.uint64)

    @field(names=(("F_READ", 1), ("F_WRITE", 2), ("F_EXEC", 4)))
    def flags(self) -> Flags:
        """Some flags."""
        return self.numbers("flags")

    @field(
        names=(("CAT_PURR", 1), ("DOG_BARK", 1), ("SLEEP", 8)),
        names_by=NamesBy("name", (("CAT_", ("cat", "lion")), ("DOG_", ("dog",)))),
    )
    def can(self) -> Flags:
        """What it can do, which depends on its name."""
        return self.numbers("can")

    @field()
    def born(self) -> Time:
        """A time."""
        return self.numbers("born")

    @shared()
    def ghost(self) -> Number:
        """A field that this system does not have."""
        return self.absent()

    @field(choices=("running", "sleeping"))
    def state(self) -> String:
        """One of few words."""
        return self.texts("state")

    def collected(self, name: str, type_: type[Thing], rows: dict[str, Any]) -> Collection:
        """Make a collection of the rows, and count the walk."""
        self.world.counts[f"walk {name}"] += len(self)
        owner = rows.pop("owner")
        cuts = [process.get("cut", {}).get(name, Reason.KNOWN) for process in self.data()]
        owners = Reference(self, owner) if type_.owner_type else None
        children = type_(self.context, rows, parents=owners)
        status = np.array(cuts, np.uint8) if any(cuts) else None
        return Collection(children, owner, len(self), status)

    def owned(self, name: str, type_: type[Thing]) -> Collection:
        """Make a collection of what only this process has."""
        numbers = self.rows["number"].tolist()
        _, owner = self.world.children_of(numbers, name)
        index = np.array(owner, np.int64)
        place = np.arange(len(owner)) - np.searchsorted(index, index)
        rows = {"process": self.rows["number"][index], "place": place, "owner": index}
        return self.collected(name, type_, rows)

    @many("vad")
    def vad_object(self) -> Collection:
        """Its mappings."""
        return self.owned("vad", Vad)

    @many("handle")
    def handle_object(self) -> Collection:
        """What it has open."""
        return self.owned("handle", Handle)

    @many("process")
    def children(self) -> Collection:
        """Its children."""
        numbers, owner = self.world.children_of(self.rows["number"].tolist(), "children")
        rows = {"number": np.array(numbers, np.int64), "owner": np.array(owner, np.int64)}
        return self.collected("children", type(self), rows)

    @single("process")
    def parent(self) -> Reference:
        """The one that made it."""
        found = [process.get("parent") for process in self.data()]
        there = reasons(found) is None or reasons(found) == 0
        numbers = np.where(there, [0 if n is None else int(n) for n in found], -1)
        distinct = sorted(set(numbers.tolist()) - {-1})
        index = [distinct.index(n) if n >= 0 else -1 for n in numbers.tolist()]
        batch = type(self)(self.context, {"number": np.array(distinct, np.int64)})
        return Reference(batch, np.array(index, np.int64), reasons(found))


class Owned(Thing):
    """Something that one process has: the process's number, and its place there."""

    kept_as = ""

    def data(self) -> list[Data]:
        places = zip(self.rows["process"].tolist(), self.rows["place"].tolist(), strict=True)
        return [self.world.processes[number][self.kept_as][place] for number, place in places]

    @field(shown=True)
    def n(self) -> Number:
        """Its number."""
        return self.numbers("n")

    @field()
    def i(self) -> Number:
        """Its place among those of its process."""
        return Column(self.rows["place"])

    @field()
    def b(self) -> Boolean:
        """A truth value."""
        return self.numbers("b", default=False, dtype=bool)


class Vad(
    Owned, name="vad", principal="vad_object", owner="process", identity=("process", "place")
):
    """A mapping."""

    kept_as = "vad"

    @field()
    def a(self) -> Boolean:
        """A truth value."""
        return self.numbers("a", default=False, dtype=bool)

    @field()
    def c(self) -> Boolean:
        """A truth value."""
        return self.numbers("c", default=False, dtype=bool)

    @field(shown=True)
    def f(self) -> Name:
        """A text."""
        return self.texts("f")

    @field()
    def size(self) -> Size:
        """A length."""
        return self.numbers("size", dtype=np.uint64)

    @field()
    def start(self) -> Address:
        """An address."""
        return self.numbers("start", dtype=np.uint64)


class Handle(
    Owned, name="handle", principal="handle_object", owner="process", identity=("process", "place")
):
    """Something that is open."""

    kept_as = "handle"

    @field(shown=True)
    def f(self) -> Name:
        """A text."""
        return self.texts("f")


class Keyed(Thing, name="keyed", principal="keyed_object", identity=("number",)):
    """A process of the world, which can be looked up by its place in the list."""

    keys = frozenset(("number",))

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        world: World = context.kernel
        world.counts["all keyed"] += 1
        numbers = np.arange(len(world.processes), dtype=np.int64)
        yield Portion(cls(context, {"number": numbers}))

    @classmethod
    def looked_up(cls, context: Context, name: str, value: int) -> Iterator[Portion]:
        world: World = context.kernel
        places = range(value, value + 1) if 0 <= value < len(world.processes) else range(0)
        yield Portion(cls(context, {name: np.array(places, np.int64)}))

    def data(self) -> list[Data]:
        return [self.world.processes[number] for number in self.rows["number"].tolist()]

    @field(shown=True)
    def number(self) -> Number:
        """Its place in the list."""
        return Column(self.rows["number"])

    @field()
    def odd(self) -> Boolean:
        """A truth value."""
        return self.numbers("odd", default=False, dtype=bool)


TYPES: dict[str, type[ObjectType]] = {"process": Process, "vad": Vad, "handle": Handle}
SYSTEM = System("plain", TYPES, "Plain")
FOLDING = System("folding", TYPES, "Folding", ignores_case=True)
WITH_KEYS = System("keyed", {**TYPES, "keyed": Keyed}, "Keyed")


@dataclass
class Outcome:
    """What a query gave, and what the run has to say."""

    value: Any
    """As `memq -o json` would write it."""
    run: Run
    plan: Plan


def ask(world: World, query: str, system: System = SYSTEM, limits: Limits | None = None) -> Outcome:
    """Run a query on the world."""
    plan = bind_query(query, system)
    result = Result(plan, Context(world, Run(limits=limits or Limits())))
    texts = json.array(result.batches(), bare=result.shape.bare)
    if result.is_single:
        texts = json.lines(result.batches(), bare=result.shape.bare)
    return Outcome(orjson.loads("".join(texts)), result.run, plan)


def value(world: World, query: str, system: System = SYSTEM) -> Any:
    """What a query gives."""
    return ask(world, query, system).value
