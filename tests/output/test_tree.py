"""Trees: a line for each value, nested ones indented, unknown ones with the reason."""

from __future__ import annotations

import numpy as np

from memq.column import Column, text_column
from memq.errors import Reason
from memq.output.records import Lists, RecordField, Records
from memq.output.tree import trees
from memq.schema.kinds import Kind, ValueType

NUMBER, STRING = ValueType(Kind.NUMBER), ValueType(Kind.STRING)

EXPECTED = """\
comm: a\\x1b[2J
se:
  weight: 5
  on: null
mm: ? paged out
cpus: [1, 2]
threads:
  - pid: 7
    tid: 8
  ... beyond the limit of the walk

comm: b
se:
  weight: 6
  on: true
mm: 9
cpus: []
threads: []
"""


def test_a_tree_of_each_record() -> None:
    status = np.array([Reason.PAGED_OUT, 0], np.uint8)
    null = np.array([Reason.NULL, 0], np.uint8)
    cpus = Records(2, (RecordField((), NUMBER),), (Column(np.array([1, 2])),))
    threads = Records(
        1,
        (RecordField(("pid",), NUMBER), RecordField(("tid",), NUMBER)),
        (Column(np.array([7])), Column(np.array([8]))),
    )
    cut = np.array([Reason.LIMIT, 0], np.uint8)
    fields = (
        RecordField(("comm",), STRING),
        RecordField(("se", "weight"), NUMBER),
        RecordField(("se", "on"), ValueType(Kind.BOOLEAN)),
        RecordField(("mm",), NUMBER),
        RecordField(("cpus",), None),
        RecordField(("threads",), None),
    )
    columns = (
        text_column(["a\x1b[2J", "b"]),
        Column(np.array([5, 6])),
        Column(np.array([True, True]), null),
        Column(np.array([0, 9]), status),
        Lists(np.array([0, 2, 2]), cpus, bare=True),
        Lists(np.array([0, 1, 1]), threads, cut=cut),
    )
    assert "".join(trees([Records(2, fields, columns)])) == EXPECTED


def test_a_long_list_is_counted() -> None:
    items = Records(40, (RecordField((), NUMBER),), (Column(np.arange(40)),))
    records = Records(
        1, (RecordField(("a",), None),), (Lists(np.array([0, 40]), items, bare=True),)
    )
    (text,) = trees([records])
    assert text.endswith("30, 31, +8]\n")
