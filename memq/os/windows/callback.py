"""Callbacks: functions that drivers have asked the kernel to call when something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.callback_lists import KINDS, TITLES
from memq.os.windows.ranges import Code, code_at
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Name, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Array
    from memq.os.windows.callback_lists import Found
    from memq.os.windows.kernel import WindowsKernel


class Callback(
    WindowsObject,
    name="callback",
    principal="callback_object",
    identity=("kind", "block", "address"),
    example="callback.Where(module == null).Select([kind, address, block])",
):
    """A function that is called when processes start, keys are written, the system stops, ..."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give those of each kind; a kind whose place is not known is told of."""
        kernel: WindowsKernel = context.kernel
        found: set[str] = set()
        for kind in KINDS:
            symbols = [name for name in kind.symbols if kernel.optional(name) is not None]
            for symbol in symbols if kind.symbols else [""]:
                found.add(kind.title)
                one = kind.read(kernel, context.run, symbol)
                yield Portion(cls._batch(context, kind.title, one), one.cut)
        missing = [title for title in TITLES if title not in found]
        if missing:
            context.run.note(
                f"no symbols are known that lead to callbacks of: {', '.join(missing)}",
                Reason.NOT_IN_KERNEL,
            )

    @classmethod
    def _batch(cls, context: Context, title: str, found: Found) -> Callback:
        count = len(found.blocks)
        details = found.details.to_list()
        rows: dict[str, Array] = {
            "kind": np.full(count, TITLES.index(title), np.int64),
            "block": found.blocks,
            "address": found.functions.values.astype(np.uint64),
            "status": found.functions.statuses,
            "detail": np.array([detail or "" for detail in details], object),
            "detail status": found.details.statuses,
        }
        return cls(context, rows)

    @field(shown=True, choices=TITLES)
    def kind(self) -> String:
        """What it is called for: process, thread, image, registry, object, bug check, ..."""
        return Text(self.rows["kind"], None, TITLES)

    @field(shown=True)
    def address(self) -> Address:
        """Address of the function."""
        return self.address_column()

    @field(Cost.WALK, shown=True)
    def module(self) -> Name:
        """Name of the loaded module that the function lies in; null for none."""
        return self.code.modules

    @field(Cost.WALK, shown=True)
    def symbol(self) -> String:
        """Symbol at the address (name, or name+distance); null where no symbol is near."""
        return self.code.symbols

    @field(shown=True)
    def detail(self) -> String:
        """What more is known: altitude, component, driver, or type of objects."""
        codes, words = distinct(self.rows["detail"].tolist())
        return Text(codes, self.rows["detail status"], words)

    @field()
    def block(self) -> Address:
        """Address of the structure that leads to the function."""
        return Column(self.rows["block"])

    @property
    def code(self) -> Code:
        """What is at the addresses."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, self.address_column())
        )
