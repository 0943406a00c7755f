"""The operators, declared once for help and documentation; the grammar says how they parse."""

from __future__ import annotations

from memq.schema.reference import Operator

OPERATORS = (
    Operator(("x => a",), "a lambda", "[1, 2].Select(x => x * 10)"),
    Operator(
        ("c ? a : b",),
        "a where c is true, else b",
        'process.First().pid == 1 ? "first" : "other"',
    ),
    Operator(("a ?? b",), "b where a is null or unknown", "1 / 0 ?? -1"),
    Operator(("a || b", "a or b"), "whether one is true", "1 > 2 || 2 > 1"),
    Operator(("a && b", "a and b"), "whether both are true", "1 > 2 && 2 > 1"),
    Operator(("not a",), "whether the comparison behind it is not true", "not 1 == 2"),
    Operator(("a == b",), "whether they are equal", '"sshd" == "SSHD"'),
    Operator(("a != b",), "whether they are not", "null != 1"),
    Operator(
        ("a === b", "a !== b"),
        "the same, exact where `==` ignores case",
        '"sshd" === "sshd"',
    ),
    Operator(("<", "<=", ">", ">="), "order of numbers, texts, times", '"a" < "b"'),
    Operator(("a in b",), "whether b holds a: a list,", "2 in [1, 2, 3]"),
    Operator((), "a collection's field,", '"/dev/null" in process.First().handle.name'),
    Operator((), "a range,", "4 in 1..3"),
    Operator((), "or a text, of which a is a part", '"log" in "syslogd"'),
    Operator(("a not in b",), "the opposite", "2 not in [1, 3]"),
    Operator(("a..b",), "a range, both ends included; behind `in`", "1023 in 1..1023"),
    Operator(("a | b",), "bits of either", "0x10 | 0x01"),
    Operator(("a ^ b",), "bits of one of them only", "6 ^ 3"),
    Operator(("a & b",), "bits of both", "6 & 3"),
    Operator(("a << b", "a >> b"), "bits moved", "1 << 12"),
    Operator(("a + b", "a - b"), "sum, difference", "7 - 2 - 1"),
    Operator(
        ("a * b", "a / b"),
        "product, quotient: whole numbers stay whole, cut towards 0",
        "-7 / 2",
    ),
    Operator(("a % b",), "what the division leaves", "-7 % 2"),
    Operator(("-a",), "the negative", "-(1 + 2)"),
    Operator(("~a",), "each bit turned over", "~0"),
    Operator(("!a",), "whether a is not true; of one operand", "!(1 == 2)"),
    Operator(("a.b",), "member", "process.First().name"),
    Operator(("a(b)",), "call", '"sshd".Length()'),
    Operator(("a[b]",), "element at a place, from 0", "[10, 20, 30][1]"),
)
"""From those that bind least to those that bind most."""
