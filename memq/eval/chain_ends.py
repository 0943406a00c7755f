"""Methods that end a series in one element or one value, and what every declaration says."""

from __future__ import annotations

from memq.node import dataclass


@dataclass(frozen=True, slots=True)
class SeriesMethod:
    """A method of series: how many arguments it takes, what they are, and what binds it."""

    name: str
    arguments: str
    """The arguments as the help shows them."""
    counts: tuple[int, int]
    doc: str
    example: str
    """A query that runs on the sample."""
    bind: str
    """The name of the method of memq.eval.chain.Chain."""


ENDS = (
    SeriesMethod(
        "First",
        "condition?",
        (0, 1),
        "The first; as a query's last step it fails where there is none.",
        'process.First(name == "kthreadd").pid',
        "first",
    ),
    SeriesMethod(
        "FirstOrNull",
        "condition?",
        (0, 1),
        "The first, or null.",
        "process.FirstOrNull(pid == 999999)",
        "first_or_null",
    ),
    SeriesMethod(
        "Last",
        "condition?",
        (0, 1),
        "The last; as a query's last step it fails where there is none.",
        "process.Last().name",
        "last",
    ),
    SeriesMethod(
        "Single",
        "condition?",
        (0, 1),
        "The only one; as a query's last step it fails where there is none, or more.",
        "process.Single(pid == 1).name",
        "only",
    ),
    SeriesMethod(
        "ElementAt",
        "index",
        (1, 1),
        "The one at a place, counted from 0; also written `[index]`.",
        "process.ElementAt(2).name",
        "element_at",
    ),
    SeriesMethod(
        "MinBy",
        "key",
        (1, 1),
        "The one with the least key.",
        "process.MinBy(create_time).name",
        "min_by",
    ),
    SeriesMethod(
        "MaxBy",
        "key",
        (1, 1),
        "The one with the greatest key.",
        "process.MaxBy(vad.Count()).name",
        "max_by",
    ),
    SeriesMethod(
        "Any",
        "condition?",
        (0, 1),
        "Whether there is one: any, or one of which a condition is true.",
        'process.Any(name == "sshd")',
        "any",
    ),
    SeriesMethod(
        "All",
        "condition",
        (1, 1),
        "Whether a condition is true of each.",
        "process.All(pid > 0)",
        "all",
    ),
    SeriesMethod(
        "None",
        "condition?",
        (0, 1),
        "Whether there is none: at all, or none of which a condition is true.",
        "process.None(pid == 0)",
        "none",
    ),
    SeriesMethod(
        "Count",
        "condition?",
        (0, 1),
        "How many there are: all, or those of which a condition is true.",
        "process.Count(is_kernel_thread)",
        "count",
    ),
    SeriesMethod(
        "Contains",
        "value",
        (1, 1),
        "Whether a value is among them.",
        "process.Select(pid).Contains(1)",
        "contains",
    ),
    SeriesMethod(
        "Sum",
        "value?",
        (0, 1),
        "The sum; null is left out, 0 of nothing.",
        "process.Sum(vad.Count())",
        "sum",
    ),
    SeriesMethod(
        "Min",
        "value?",
        (0, 1),
        "The least; null is left out, null of nothing.",
        "process.Min(pid)",
        "min",
    ),
    SeriesMethod(
        "Max",
        "value?",
        (0, 1),
        "The greatest; null is left out, null of nothing.",
        "process.Max(pid)",
        "max",
    ),
    SeriesMethod(
        "Average",
        "value?",
        (0, 1),
        "The mean, a real number; null is left out.",
        "process.Average(thread_count)",
        "average",
    ),
    SeriesMethod(
        "Aggregate",
        "seed, (so_far, element) => value",
        (2, 2),
        "One value: the seed, then what a function makes of the value so far and each element.",
        "process.Take(4).Aggregate(0, (sum, p) => sum + p.pid)",
        "aggregate",
    ),
)
"""In the order in which the help shows them."""
