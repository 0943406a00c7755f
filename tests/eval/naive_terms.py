"""Random worlds, values and conditions, as text for memq and for the naive interpreter.

Within a chain the element is `e`; what is around a chain in an expression is the process `p`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from memq.errors import Reason
from tests.eval import naive
from tests.eval.naive import REST, UNKNOWN, Sequence, Thing
from tests.eval.predicates import UNKNOWN as REASON
from tests.eval.predicates import bits, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Callable

Env: TypeAlias = "dict[str, Any]"
"""The elements that names stand for; `process` is all processes."""

# Worlds

vads = st.fixed_dictionaries({"a": bits, "b": bits, "n": numbers, "f": texts})
cuts = st.sampled_from([{}, {}, {}, {"vad": REASON}])


def _processes(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    parts = {
        "odd": bits,
        "x": numbers,
        "name": texts,
        "vad": st.lists(vads, max_size=4),
        "handle": st.just([]),
        "children": st.lists(st.integers(0, count - 1), max_size=2),
        "parent": st.one_of(st.integers(0, count - 1), st.sampled_from([None, REASON])),
        "cut": cuts,
    }
    return st.lists(st.fixed_dictionaries(parts), min_size=count, max_size=count)


worlds = st.integers(1, 4).flatmap(_processes)


def known(value: Any) -> Any:
    """A value of a world as the naive interpreter has it."""
    return UNKNOWN if isinstance(value, Reason) else value


def things(processes: list[dict[str, Any]], *, cut: bool = False) -> Sequence:
    """The processes of a world as the naive interpreter has them."""
    made: list[Thing] = []
    for number, process in enumerate(processes):
        own = {name: known(process[name]) for name in ("x", "name", "odd")}
        made.append(Thing("process", (number,), own | {"pid": number}))
    for thing, process in zip(made, processes, strict=True):
        inner = [
            Thing("vad", (*thing.key, place), _vad_fields(item) | {"i": place, "process": thing})
            for place, item in enumerate(process["vad"])
        ]
        thing.fields["vad"] = Sequence([(one, True) for one in inner], "vad" in process["cut"])
        parent = known(process["parent"])
        thing.fields["parent"] = made[parent] if isinstance(parent, int) else parent
        children: list[tuple[Any, naive.Truth]] = [(made[n], True) for n in process["children"]]
        thing.fields["children"] = Sequence(children, "children" in process["cut"])
    return Sequence([(one, True) for one in made], cut)


def _vad_fields(item: dict[str, Any]) -> dict[str, Any]:
    return {name: known(value) for name, value in item.items()}


# What elements are


@dataclass(frozen=True)
class Kind:
    """What elements of one shape have, as paths (empty: the element itself)."""

    name: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    bits: tuple[str, ...] = ()
    inner: Kind | None = None
    """What the items of a group, or of a list, are."""

    @property
    def shown(self) -> str:
        """The field by which an element that was picked is shown."""
        return self.numbers[0]


VAD = Kind("vad", ("i", "n", "process.x", "process.pid"), ("f",), ("a", "b"))
PROCESS = Kind("process", ("pid", "x"), ("name",), ("odd",))
NUMBER = Kind("number", ("",))
RECORD = Kind("record", ("k",), ("t",))
PAIR = Kind("pair", ("l", "r"))


def get(element: Any, path: str) -> Any:
    """What stands at a path of an element."""
    for name in path.split(".") if path else ():
        if element is None or element is UNKNOWN or element is REST:
            return element
        element = element.fields[name] if isinstance(element, Thing) else element[name]
    return element


@dataclass(frozen=True)
class Expression:
    """A text, and what it means."""

    text: str
    run: Callable[[Env], Any]


def at(name: str, path: str) -> Expression:
    """A field of what a name stands for."""
    return Expression(f"{name}.{path}" if path else name, lambda env: get(env[name], path))


# Conditions


def values(kind: Kind, name: str, *, outer: bool) -> st.SearchStrategy[Expression]:
    """Numbers: fields, those of the process around, literals."""
    found = [at(name, path) for path in kind.numbers]
    found += [at("p", "x")] if outer else []
    return st.one_of(st.sampled_from(found), st.sampled_from(found[:2]))


literals = st.integers(0, 2).map(lambda number: Expression(str(number), lambda _: number))
_SIGNS: dict[str, Callable[[Any, Any], naive.Truth]] = {
    "==": naive.equal,
    "!=": lambda one, other: naive.opposite(naive.equal(one, other)),
    "<": naive.less,
    ">": lambda one, other: naive.less(other, one),
}


def compare(sign: str, one: Any, other: Any) -> naive.Truth:
    """Compare two values; of what nobody has seen nothing is known."""
    return UNKNOWN if REST in (one, other) else _SIGNS[sign](one, other)


def compared(one: Expression, sign: str, other: Expression) -> Expression:
    """A comparison."""
    return Expression(
        f"{one.text} {sign} {other.text}",
        lambda env: compare(sign, one.run(env), other.run(env)),
    )


def _seen(value: Any) -> Any:
    return UNKNOWN if value is REST else value


def _bare(one: Expression) -> Expression:
    return Expression(one.text, lambda env: naive.truth(_seen(one.run(env))))


def _is_null(one: Expression) -> Expression:
    def run(env: Env) -> naive.Truth:
        value = _seen(one.run(env))
        return UNKNOWN if value is UNKNOWN else value is None

    return Expression(f"{one.text} == null", run)


def _is_known(one: Expression) -> Expression:
    def run(env: Env) -> naive.Truth:
        value = one.run(env)
        return UNKNOWN if value is REST else value is not UNKNOWN

    return Expression(f"is_known({one.text})", run)


def _not(one: Expression) -> Expression:
    return Expression(f"!({one.text})", lambda env: naive.opposite(one.run(env)))


def _combined(sign: str, one: Expression, other: Expression) -> Expression:
    def run(env: Env) -> naive.Truth:
        truths = [one.run(env), other.run(env)]
        return naive.both(*truths) if sign == "&&" else naive.some(truths)

    return Expression(f"({one.text} {sign} {other.text})", run)


def conditions(
    kind: Kind, name: str = "e", *, outer: bool = False
) -> st.SearchStrategy[Expression]:
    """Conditions on an element."""
    number = values(kind, name, outer=outer)
    leaves = [
        st.builds(compared, number, st.sampled_from([*_SIGNS]), st.one_of(literals, number)),
        st.builds(_is_null, number),
        st.builds(_is_known, number),
    ]
    for path in kind.texts:
        word = Expression('"x"', lambda _: "x")
        leaves.append(st.builds(compared, st.just(at(name, path)), st.just("=="), st.just(word)))
    if kind.bits:
        bit = st.sampled_from([_bare(at(name, path)) for path in kind.bits])
        leaves += [bit, bit, bit.map(_not)]
    leaf = st.one_of(leaves)
    signs = st.sampled_from(["&&", "||"])
    return st.one_of(leaf, leaf, leaf, st.builds(_combined, signs, leaf, leaf))


def of(env: Env, element: Any, name: str = "e") -> Env:
    """The names within a lambda."""
    return {**env, name: element}


def maker(one: Expression, env: Env, name: str = "e") -> naive.Made:
    """What an expression makes of an element."""
    return lambda element: one.run(of(env, element, name))
