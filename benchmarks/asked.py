"""The other half of benchmarks.cancel: a process that asks queries, and is interrupted meanwhile.

It reads a line of JSON for each query, and writes what happened as another. A query is run to its
end, to measure how long it goes without asking whether it was cancelled; or it is run until the
signal comes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memq.errors import Cancelled
from memq.image import Image
from memq.printing import write
from memq.run import Run

if TYPE_CHECKING:
    from types import FrameType

_INTERVAL = 0.004
"""Seconds of CPU time from one look at what runs to the next."""
_DEPTH = 4
"""Functions of memq that are told of each place, the innermost first."""


class Watch(Run):
    """A run that remembers the longest time, of the CPU, between two questions."""

    def begin(self) -> None:
        """Start the clock."""
        self.longest = 0.0
        self.places: Counter[str] = Counter()
        self._met: Counter[str] = Counter()
        self._asked = self._seen = time.process_time()

    def check(self) -> None:
        """Note how long nobody has asked."""
        self.end()
        Run.check(self)

    def end(self) -> None:
        """Note how long nobody has asked, up to now."""
        now = time.process_time()
        if now - self._asked > self.longest:
            self.longest, self.places = now - self._asked, self._met
        self._met = Counter()
        self._asked = self._seen = now

    def look(self, _number: int, frame: FrameType | None) -> None:
        """Note where time is spent; a long call is seen when it is over, with all of its time."""
        now = time.process_time()
        self._met[_place(frame)] += int((now - self._seen) * 1e6)
        self._seen = now


def _place(frame: FrameType | None) -> str:
    names: list[str] = []
    while frame is not None and len(names) < _DEPTH:
        path = Path(frame.f_code.co_filename)
        if "memq" in path.parts:
            names.append(f"{path.name}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(names)


def main(dump: str) -> int:
    """Answer what is asked on standard input until there is nothing more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with Image(dump) as image, Path(os.devnull).open("w") as nowhere:
        answers.write("{}\n")
        for line in sys.stdin:
            asked = json.loads(line)
            ask = _interrupted if asked["stop"] else _watched
            answers.write(json.dumps(ask(image, asked, nowhere, answers)) + "\n")
    return 0


def _watched(image: Image, asked: dict[str, Any], nowhere: Any, _answers: Any) -> dict[str, Any]:
    """Run a query to its end."""
    run = Watch()
    answer = image.ask(asked["query"], {}, run)
    if asked["why"]:
        signal.signal(signal.SIGPROF, run.look)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
    start, processor = time.monotonic(), time.process_time()
    run.begin()
    try:
        write(answer, asked["form"], nowhere)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        run.end()
    seconds = {"wall": time.monotonic() - start, "processor": time.process_time() - processor}
    return {**seconds, "longest": run.longest, "places": run.places.most_common(8)}


def _interrupted(image: Image, asked: dict[str, Any], nowhere: Any, answers: Any) -> dict[str, Any]:
    """Run a query until the signal comes, or to its end."""
    run = Run()
    answer = image.ask(asked["query"], {}, run)

    def cancel(_number: int, _frame: FrameType | None) -> None:
        run.cancelled = True

    signal.signal(signal.SIGINT, cancel)
    answers.write("{}\n")
    is_stopped = False
    try:
        write(answer, asked["form"], nowhere)
    except Cancelled:
        is_stopped = True
    return {"stopped": is_stopped, "wall": time.monotonic(), "processor": time.process_time()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
