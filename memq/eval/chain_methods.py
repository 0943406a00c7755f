"""Methods of series, declared once: names, arguments, help, an example, and what binds each.

A series is all objects of a type, a collection of an element, a list, or what another method gave.
Those that end one are declared in memq.eval.chain_ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.chain_ends import ENDS, SeriesMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECLARED = (
    SeriesMethod(
        "Where",
        "condition",
        (1, 1),
        "The elements of which a condition is true.",
        "process.Where(pid < 10).Select([pid, name])",
        "where",
    ),
    SeriesMethod(
        "Select",
        "what",
        (1, 1),
        "Something of each element: `[fields]`, `{name: value}`, or one value.",
        "process.Take(3).Select({number: pid, called: name})",
        "select",
    ),
    SeriesMethod(
        "SelectMany",
        "collection",
        (1, 1),
        "Every element of a collection of each element.",
        "process.Take(3).SelectMany(vad).Select([process.name, start])",
        "select_many",
    ),
    SeriesMethod(
        "Flatten",
        "",
        (0, 0),
        "One element for each item of the lists that elements are, or have.",
        "process.Take(3).Select([name, vad.start]).Flatten()",
        "flatten",
    ),
    SeriesMethod(
        "Let",
        "{name: value}",
        (1, 1),
        "The same elements, each with more values, by their names.",
        "process.Let({mapped: vad.size.Sum()}).Where(mapped > 100MB).Select([name, mapped])",
        "let",
    ),
    SeriesMethod(
        "OrderBy",
        "key",
        (1, 1),
        "Sorted by a key; null first, unknown last.",
        "process.OrderBy(name).Select(name)",
        "order",
    ),
    SeriesMethod(
        "OrderByDescending",
        "key",
        (1, 1),
        "Sorted by a key, the greatest first; unknown last.",
        "process.OrderByDescending(vad.Count()).Take(3).Select([name, vad.Count()])",
        "order_descending",
    ),
    SeriesMethod(
        "ThenBy",
        "key",
        (1, 1),
        "After `OrderBy`: what is equal so far is sorted by one more key.",
        "process.OrderBy(ppid).ThenBy(name).Select([ppid, name])",
        "then",
    ),
    SeriesMethod(
        "ThenByDescending",
        "key",
        (1, 1),
        "As `ThenBy`, the greatest first.",
        "process.OrderBy(ppid).ThenByDescending(pid).Select([ppid, pid])",
        "then_descending",
    ),
    SeriesMethod(
        "Tree",
        "",
        (0, 0),
        "Children behind their parent, each with its `depth`; a table draws the lines.",
        "process.Where(pid > 190).Tree().Select([pid, name])",
        "tree",
    ),
    SeriesMethod(
        "Reverse",
        "",
        (0, 0),
        "From the last to the first.",
        "process.Reverse().Take(3).Select(name)",
        "reverse",
    ),
    SeriesMethod(
        "Take",
        "count",
        (1, 1),
        "The first elements; no more are looked for.",
        "process.Take(3)",
        "take",
    ),
    SeriesMethod(
        "Skip",
        "count",
        (1, 1),
        "All but the first elements.",
        "process.Skip(100).Select(pid)",
        "skip",
    ),
    SeriesMethod(
        "TakeWhile",
        "condition",
        (1, 1),
        "The elements before the first of which a condition is not true.",
        "process.TakeWhile(pid < 10).Select(pid)",
        "take_while",
    ),
    SeriesMethod(
        "SkipWhile",
        "condition",
        (1, 1),
        "The elements from the first on of which a condition is not true.",
        "process.SkipWhile(pid < 300).Select(pid)",
        "skip_while",
    ),
    SeriesMethod(
        "Chunk",
        "size",
        (1, 1),
        "Lists of so many elements each, the last one of the rest.",
        "process.Select(pid).Take(10).Chunk(4)",
        "chunk",
    ),
    SeriesMethod(
        "Distinct",
        "",
        (0, 0),
        "Each once: objects by identity, records and values by equality.",
        "process.Select(name).Distinct()",
        "distinct",
    ),
    SeriesMethod(
        "DistinctBy",
        "key",
        (1, 1),
        "The first of those with equal keys.",
        "process.DistinctBy(ppid).Select([ppid, name])",
        "distinct_by",
    ),
    SeriesMethod(
        "GroupBy",
        "key",
        (1, 1),
        "Records `{key, items}`, in order of first appearance.",
        "process.GroupBy(ppid).Select([key, items.Count()])",
        "group",
    ),
    SeriesMethod(
        "CountBy",
        "key",
        (1, 1),
        "Records `{key, count}`, in order of first appearance.",
        "process.CountBy(state)",
        "count_by",
    ),
    SeriesMethod(
        "Join",
        "other, key, other's key, result?",
        (3, 4),
        "What a function makes of each pair of equal keys; without one `{left, right}`.",
        (
            "process.Join(process, p => p.pid, q => q.ppid, (p, q) => {parent: p.name, "
            "child: q.name}).Take(5)"
        ),
        "join",
    ),
    SeriesMethod(
        "LeftJoin",
        "other, key, other's key, result?",
        (3, 4),
        "As `Join`; what has no partner is there too, with null beside it.",
        "process.LeftJoin(process, p => p.ppid, q => q.pid, (p, q) => [p.name, q.name]).Take(3)",
        "left_join",
    ),
    SeriesMethod(
        "AntiJoin",
        "other, key, other's key",
        (3, 3),
        "The elements whose key equals no key of the other collection.",
        "process.AntiJoin(process, p => p.pid, q => q.ppid).Count()",
        "anti_join",
    ),
    SeriesMethod(
        "Zip",
        "other, result?",
        (1, 2),
        "What a function makes of two at equal places; without one `{left, right}`.",
        "process.Zip(process.Skip(1), (p, q) => [p.pid, q.pid]).Take(3)",
        "zip",
    ),
    SeriesMethod(
        "Union",
        "other",
        (1, 1),
        "What is in one or the other, each once.",
        "process.Where(pid == 1).Union(process.Where(pid < 3)).Select(pid)",
        "union",
    ),
    SeriesMethod(
        "Except",
        "other",
        (1, 1),
        "What is not in the other.",
        "process.Except(process.Where(is_kernel_thread)).Take(3).Select(name)",
        "except_",
    ),
    SeriesMethod(
        "Intersect",
        "other",
        (1, 1),
        "What is in both.",
        "process.Where(pid < 9).Intersect(process.Where(ppid == 2)).Select(pid)",
        "intersect",
    ),
    SeriesMethod(
        "Concat",
        "other",
        (1, 1),
        "The elements of the one, then those of the other.",
        "process.Take(1).Concat(process.Take(1)).Select(pid)",
        "concat",
    ),
    *ENDS,
    SeriesMethod(
        "ToList",
        "",
        (0, 0),
        "The same collection: it is a list already.",
        "process.Take(2).ToList()",
        "same",
    ),
)

SERIES_METHODS: Mapping[str, SeriesMethod] = {one.name.lower(): one for one in _DECLARED}
"""By their names in small letters."""
