"""Commands that look at the kernel's own: types, symbols, bytes, structures."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from memq.errors import QueryError
from memq.eval.conversation import LAST
from memq.eval.domain import Domain
from memq.eval.flows import flows
from memq.eval.raw import RawBatch
from memq.eval.series import Series
from memq.eval.terms import Term
from memq.output.records import Objects, Records
from memq.ui.look.hexdump import hexdump
from memq.ui.look.layouts import layout as layout_lines
from memq.ui.look.symbols import symbol as symbol_lines
from memq.ui.nodes import nodes_of, record_nodes, tree_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Answer
    from memq.ui.nodes import Node
    from memq.ui.session import Session

_FOUND = 1000
"""Elements that are opened at once; each is a line to begin with."""


def layout(session: Session, text: str) -> None:
    """Show a type's layout; at an address, with the values there."""
    session.page(layout_lines(session.image.kernel, text))


def symbol(session: Session, text: str) -> None:
    """Tell where symbols are."""
    session.page(symbol_lines(session.image.kernel, text))


def dump(session: Session, text: str) -> None:
    """Show memory as bytes."""
    session.page(hexdump(session.image, text))


def browse(session: Session, text: str) -> None:
    """Open what a query gives level by level: structures, and other records as trees."""
    if not text and not session.conversation.results:
        raise QueryError("There is no result yet.", hint="Give a query behind the command.")
    answer = session.answer(session.bind(text or LAST))
    with session.interruptible(answer.run):
        nodes = list(islice(_nodes(session, answer), _FOUND))
    answer.run.progress.erase()
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
    result = answer.result
    if isinstance(result.plan.result, Series):
        for flow in flows(result.plan.result, result.engine):
            raw = _raw(flow.batch)
            if raw is None:
                break
            yield from nodes_of(session.image.kernel, raw)
        else:
            return
    elif not isinstance(result.plan.result, Term):
        raw = _raw(Domain.unit(result.engine).slot(result.plan.result).used())
        if raw is not None:
            yield from nodes_of(session.image.kernel, raw)
            return
    yield from record_nodes(answer.rows())


def _raw(batch: Any) -> RawBatch | None:
    """Return the structures that elements are: the objects' own, or those in their only column."""
    if isinstance(batch, Records) and len(batch.columns) == 1:
        (column,) = batch.columns
        batch = column.batch.take(column.index) if isinstance(column, Objects) else batch
    structs = getattr(batch, "raw", None)
    if structs is not None:
        return RawBatch.of_structs(structs)
    return batch if isinstance(batch, RawBatch) else None
