"""What may stand where a value begins: names, what may be equal, words of the grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import Span
from memq.eval import checks, functions
from memq.eval.functions import FUNCTIONS
from memq.eval.places import RecordShape
from memq.eval.raw_types import find_type, place_of
from memq.eval.scope import Function, Partial
from memq.eval.series import Series
from memq.eval.shapes import text_keys
from memq.eval.terms import Constant, FieldTerm, Term
from memq.lang import ast
from memq.lang.printer import quoted
from memq.output.cells import clean
from memq.schema.flags import names_of
from memq.schema.kinds import Kind
from memq.ui.matching import Entry, Group
from memq.ui.members import columns, has_structure, of_structure, own_names, parts_of
from memq.ui.phrases import of_found, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.eval.scene import Probe, Scene
    from memq.eval.scope import Found, Frame
    from memq.ui.values import KnownValues

_NOWHERE = Span(0, 0)
_WORDS = ("TRUE", "FALSE", "NULL", "NOT")
"""Terminals that begin a value, and are written as they are called."""
_UNORDERED = (Kind.STRING, Kind.BOOLEAN, Kind.NULL, Kind.FLAGS, Kind.ENUM)
"""Kinds whose values nobody means to put in an order."""


# Names


def names(scene: Scene) -> Iterator[Group]:
    """Yield all that a bare name may mean, the nearest first; each is looked up as a query's is."""
    probe = scene.binder
    candidates = _candidates(probe, scene.frame)
    if isinstance(scene.beside, Term):
        candidates = _alike_first(candidates, scene, scene.beside)
    groups = [
        Group(candidates, lambda name: _resolved(scene, name)),
        Group(list(FUNCTIONS), _function),
        Group(list(probe.system.objects), lambda name: _resolved(scene, name)),
    ]
    # Within brackets all objects are seldom meant; elsewhere one begins with them.
    yield from groups if scene.frame is not None else (groups[2], groups[0], groups[1])
    words = [word.lower() for word in _WORDS if word in scene.accepts]
    if scene.begins_statement:
        words.append("let")
    yield Group(words, lambda word: Entry(word, word, "", "keyword"))


def _alike_first(candidates: list[str], scene: Scene, other: Term) -> list[str]:
    """Put those first that can be compared with something: of the others, a part may be."""
    probe = scene.binder

    def is_other(name: str) -> bool:
        found = probe.attempt(_meaning, probe, scene.frame, name)
        return not isinstance(found, Term) or not checks.are_alike(found.type.kind, other.type.kind)

    return sorted(candidates, key=is_other)


def constants(scene: Scene) -> Iterator[Group]:
    """Yield names of whole numbers, where nothing else can be written but a number."""
    lets = scene.binder.names.lets
    found = [name for name, one in lets.items() if isinstance(getattr(one, "value", None), int)]
    yield Group(found, lambda name: of_found(name, lets[name], scene.binder.system))


def _candidates(probe: Probe, frame: Frame | None) -> list[str]:
    """Return names that may mean something in a frame; which ones do, the binder says."""
    frames = list(frame.chain()) if frame else []
    found: list[str] = []
    for one in frames:
        found += [*one.values, one.parameter or ""]
    for number, one in enumerate(frames):
        if one.has_bare_names:
            found += _of_element(probe, one, is_current=not number)
        found.append(one.name if one.parameter is None else "")
    found += [one.type.owner_type for one in frames if one.type is not None]
    found += probe.names.lets
    return [name for name in dict.fromkeys(found) if name and name.isprintable()]


def _of_element(probe: Probe, frame: Frame, *, is_current: bool) -> list[str]:
    place, type_ = frame.place, frame.type
    if place is None:
        return []
    if type_ is None:
        keys = text_keys(place.shape) if isinstance(place.shape, RecordShape) else ()
        raw = ["raw"] if is_current and functions.is_raw(place) else []
        return [*columns(probe, Partial(place)).names, *sorted(keys), *raw] if is_current else []
    if not is_current:
        return [*(part for part in parts_of(type_) if part not in type_.fields), *own_names(type_)]
    own = [*probe.names.extras.get(place, {}), *parts_of(type_)]
    if has_structure(probe, place):
        own.append("raw")
    return [*own, *own_names(type_)]


def _resolved(scene: Scene, name: str) -> Entry | None:
    """Return the entry of what a name means at the cursor; None where it means nothing."""
    probe, frame = scene.binder, scene.frame
    found = probe.attempt(_meaning, probe, frame, name)
    if found is None:
        return None
    entry = of_found(name, found, probe.system)
    is_called = isinstance(found, Function) and scene.call is None
    return entry._replace(text=f"{name}(") if is_called else entry


def _meaning(probe: Probe, frame: Frame | None, name: str) -> Found | None:
    if frame is not None and frame.place is not None and not name.isidentifier():
        return probe.names.column(Partial(frame.place), name, _NOWHERE)
    found = probe.names.bare(frame, name, _NOWHERE)
    if found is None and name == "raw":
        return probe.find(ast.Name(name), frame)
    return found


def _function(name: str) -> Entry:
    declared = FUNCTIONS[name]
    shown = f"{name}({declared.arguments})"
    return Entry(f"{name}(", shown, sentence(declared.doc), "function")


# Values


def values(scene: Scene, known: KnownValues, *, is_text: bool) -> Iterator[Group]:
    """Yield what is written out beside something: what that may be equal to, or holds.

    `is_text`: within quotes, where only texts can be.
    """
    beside = scene.beside
    if beside is None:
        return
    if isinstance(beside, Partial):
        yield _texts(columns(scene.binder, beside).names, "column")
        return
    if isinstance(beside, Series):
        element = scene.binder.element(beside)
        whole = scene.binder.attempt(scene.binder.names.whole, element, _NOWHERE)
        beside = whole if isinstance(whole, Term) else None
    elif not isinstance(beside, Term):
        beside = functions.raw_value(beside, _NOWHERE)
    if isinstance(beside, Term):
        yield from _of_term(beside, known, is_text=is_text)


def _of_term(term: Term, known: KnownValues, *, is_text: bool) -> Iterator[Group]:
    type_ = term.type
    if type_.kind is Kind.BOOLEAN and not is_text:
        yield Group(("true", "false"), lambda word: Entry(word, word, "", "keyword"))
        return
    yield _texts([*type_.choices, *names_of(type_)], "")
    if isinstance(term, FieldTerm) and term.place.type is not None and not type_.choices:
        found = known.of(term.place.type, term.field)
        numbers = [str(one) for one in found if isinstance(one, int) and not is_text]
        yield _texts([one for one in found if isinstance(one, str)], "in this dump")
        yield Group(numbers, lambda one: Entry(one, one, "in this dump", "value"))


def _texts(texts: Sequence[str], meta: str) -> Group:
    """Return texts as a query writes them; by themselves they are known without the quotes."""
    return Group(texts, lambda one: Entry(_quoted(one), clean(one), meta, "value"))


def _quoted(text: str) -> str:
    """Return a text as a query writes it; most need no look at each character."""
    return f'"{text}"' if text.isascii() and text.isidentifier() else quoted(text)


# Texts that functions take


def written_out(scene: Scene, known: KnownValues) -> Iterator[Group]:
    """Yield the names of symbols, types and members that a function takes in quotes."""
    wanted = scene.wanted.partition(" ")[0].strip('"')
    if not scene.wanted.startswith('"') or scene.call is None:
        return
    if wanted == "type":
        tag, space, name = scene.partial.rpartition(" ")
        types = [f"{tag}{space}{one}" for one in known.types(name)]
        yield Group(types, lambda one: Entry(_quoted(one), clean(one), "", "type"))
    elif wanted == "name":
        symbols = known.symbols(scene.partial)
        yield Group(symbols, lambda one: Entry(_quoted(one), clean(one), "", "symbol"))
    elif wanted == "member":
        yield from _members_of(scene, scene.call.arguments[-2:])


def _members_of(scene: Scene, arguments: tuple[ast.Expression, ...]) -> Iterator[Group]:
    """Yield the members of the type in the argument before, behind those already named."""
    types = getattr(scene.binder.kernel, "types", None)
    written = arguments[0].value if isinstance(arguments[0], ast.Text) else ""
    type_ = None if types is None else find_type(types, written)
    path, dot, _ = scene.partial.rpartition(".")
    if type_ is not None and path:
        place = place_of(type_, path)
        type_ = place.type if place is not None and place.type.kind != "pointer" else None
    if type_ is None:
        return
    inner = of_structure(type_)

    def make(name: str) -> Entry | None:
        entry = inner.make(name[len(path) + len(dot) :])
        return entry and entry._replace(text=quoted(name), shown=clean(name))

    yield Group([f"{path}{dot}{name}" for name in inner.names], make)


# Operators


def operators(scene: Scene) -> Iterator[Group]:
    """Yield the operators that make a condition of what stands before."""
    found: list[str] = []
    is_pair = isinstance(scene.beside, Term) and scene.beside.type.kind is Kind.BOOLEAN
    if scene.partial:
        found = ["and", "or", "in", "not in"]
    elif is_pair:
        found = ["&&", "||"]
    elif scene.beside is not None:
        found = _comparisons(scene.beside)
    yield Group(found, lambda sign: Entry(sign, sign, "", "keyword"))


def _comparisons(found: Found) -> list[str]:
    raw = found if isinstance(found, Term) else functions.raw_value(found, _NOWHERE)
    if raw is None or isinstance(raw, Constant):
        return []
    is_ordered = raw.type.kind not in _UNORDERED
    return ["==", "!=", *(("<", "<=", ">", ">=") if is_ordered else ()), "in"]
