"""Commands that look at the kernel's own: types, symbols, bytes, structures."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.eval.domain import Domain, Slot
from memq.eval.flows import flows
from memq.eval.places import Root
from memq.eval.raw import RawBatch
from memq.eval.series import Series, StageSeries
from memq.eval.stage_nodes import ObjectItem, SelectStage, ValueItem
from memq.eval.terms import RawTerm, Term
from memq.output.records import Objects, Records
from memq.ui.look.addresses import Places
from memq.ui.look.hexdump import hexdump
from memq.ui.look.layouts import layout as layout_lines
from memq.ui.look.symbols import symbol as symbol_lines
from memq.ui.nodes import Node, node_of, record_nodes, tree_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.places import Place
    from memq.eval.result import Result
    from memq.image import Answer
    from memq.ui.session import Session

_FOUND = 1000
"""Elements that are opened at once; each is a line to begin with."""


def layout(session: Session, text: str) -> None:
    """Show a type's layout; at an address, with the values there."""
    session.page(layout_lines(session.dump.kernel, text))


def symbol(session: Session, text: str) -> None:
    """Tell where symbols are."""
    session.page(symbol_lines(session.dump.kernel, text))


def dump(session: Session, text: str) -> None:
    """Show memory as bytes."""
    session.page(hexdump(session.dump, text))


def browse(session: Session, text: str) -> None:
    """Open what a query gives level by level: structures, and other records as trees."""
    answer = session.answer(session.bind(session.given(text)))
    with session.interruptible(answer.run):
        found = _nodes(session, answer)
        nodes = list(islice(found, _FOUND))
        rest = next(found, None)
    if rest is not None:
        nodes.append(Node("...", f"there are more than {_FOUND:,}: `Take` or `Where` chooses"))
    session.tell(answer.run)
    if not nodes:
        session.say("There is nothing to open.")
        return
    if session.terminal.is_dumb:
        session.page(tree_lines(nodes, depth=2))
        return
    from memq.ui.browse import browse as open_viewer  # noqa: PLC0415 - prompt_toolkit, if needed

    open_viewer(nodes)


def outline(session: Session, answer: Answer) -> Iterator[str]:
    """Yield structures as trees, what is within theirs closed; `.browse` opens it."""
    for number, node in enumerate(_nodes(session, answer)):
        answer.run.matched = number + 1
        yield from tree_lines([node], depth=1)


def _nodes(session: Session, answer: Answer) -> Iterator[Node]:
    """Yield what to open: the kernel's structures where the result is some, else its records."""
    found = _raw_slots(answer.result)
    first = next(found, None)
    if first is None or not isinstance(first.batch, RawBatch):
        yield from record_nodes(answer.rows())
        return
    places = Places(session.dump.kernel)
    for slot in chain([first], found):
        for row, place in enumerate(slot.index.tolist()):
            if place >= 0:
                yield node_of(places, slot.batch.take(np.array([place])))
            else:
                reason = Reason.NULL if slot.status is None else Reason(int(slot.status[row]))
                yield Node("", "null" if reason <= Reason.NULL else f"? {reason.text}")


def _raw_slots(result: Result) -> Iterator[Slot]:
    """Yield what elements are as the kernel has it; of plain values and records, something else."""
    found, engine = result.plan.result, result.engine
    if not isinstance(found, Series):
        place = _place_of(found)
        if place is not None:
            yield _as_raw(Domain.unit(engine).slot(place))
        return
    place, root = _selected(found)
    series = found if place is None or not isinstance(found, StageSeries) else found.inner
    for flow in flows(series, engine):
        domain = Domain.over(root, flow.batch, engine)
        if len(flow.batch):
            yield _as_raw(domain.slot(place or root))


def _selected(series: Series) -> tuple[Place | None, Place]:
    """Return what a last Select takes of each element, if that is one thing of the kernel's own."""
    stage = series.stage if isinstance(series, StageSeries) else None
    if not isinstance(stage, SelectStage) or len(stage.items) != 1:
        return None, Root(0, series.shape)
    what = stage.items[0].what
    if isinstance(what, ObjectItem):
        return what.place, stage.root
    return _place_of(what.term) if isinstance(what, ValueItem) else None, stage.root


def _place_of(found: Term | Place) -> Place | None:
    """Return where something is, if it is no plain value."""
    if not isinstance(found, Term):
        return found
    return found.place if isinstance(found, RawTerm) and not found.is_address else None


def _as_raw(slot: Slot) -> Slot:
    """Return objects, or those in the only column of records, as the structures that they are."""
    batch, index, status = slot.batch, slot.index, slot.status
    if isinstance(batch, Records) and len(batch.columns) == 1:
        (column,) = batch.columns
        if isinstance(column, Objects):
            batch, index, status = column.batch, column.index[index], column.status
    structs = getattr(batch, "raw", None)
    return Slot(batch if structs is None else RawBatch.of_structs(structs), index, status)
