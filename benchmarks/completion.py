"""Measure completion and highlighting: what each key costs while queries are typed.

    python -m benchmarks.completion [DUMP]

Types the examples of all methods and functions, a letter at a time, and prints the median, the 99th
percentile and the slowest of all keys, in milliseconds of processor time; the first list of names,
types or symbols is told apart, as it is made but once.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.works import SAMPLE
from memq.eval.callables import callables
from memq.image import Image
from memq.ui.complete import suggest
from memq.ui.highlight import pieces
from memq.ui.session import Session
from memq.ui.terminal import Terminal
from memq.ui.world import SessionWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FIRST = ('process.Where(name == "', 'cast("task', 'symbol("init', "process.")
"""Texts behind which a list is made."""


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.completion", description=__doc__)
    parser.add_argument("dump", nargs="?", type=Path, default=SAMPLE)
    with Image(parser.parse_args().dump) as image:
        session = Session(image, Terminal())
        world = SessionWorld(session)
        for text in _FIRST:
            _print(f"first: {text}", [_cost(partial(suggest, text, world))])
        texts = list(_prefixes())
        _print("completion", [_cost(partial(suggest, text, world)) for text in texts])
        _print("highlighting", [_cost(partial(pieces, text, session.parser)) for text in texts])
    return 0


def _prefixes() -> list[str]:
    called = callables()
    examples = [one.example for one in (*called.series_methods, *called.value_methods)]
    examples += [one.example for one in called.functions]
    return [text[:end] for text in examples for end in range(1, len(text) + 1)]


def _cost(what: Callable[[], object]) -> float:
    started = time.process_time()
    what()
    return 1000 * (time.process_time() - started)


def _print(title: str, costs: Sequence[float]) -> None:
    ordered = sorted(costs)
    middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    sys.stdout.write(
        f"{title:32}{len(costs):6} keys{middle:9.2f} ms{late:9.2f} ms{ordered[-1]:9.2f} ms\n"
    )


if __name__ == "__main__":
    sys.exit(main())
