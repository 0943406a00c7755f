"""A dump that is open: layers, kernel and types hang on one Image, and nothing on modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from memq.errors import SymbolError
from memq.layers.opening import open_physical
from memq.os.detect import detect
from memq.os.hints import Hints
from memq.progress import Progress
from memq.run import Run
from memq.schema.batch import Context

# What evaluates queries is imported where it is used: the dump is open, and a prompt there, before.

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from memq.eval.result import Result
    from memq.output.records import Records


class Answer:
    """What a query gives; nothing is read of the dump before rows are pulled."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.run = result.run

    def batches(self) -> Iterator[Records]:
        """Yield batches of records: columns, with the reason of what is not known."""
        return self.result.batches()

    def undecided(self) -> Iterator[Records]:
        """Run the query, and yield the elements that could not be decided, with the reasons."""
        from memq.eval.undecided import undecided  # noqa: PLC0415

        self.run.keeps_undecided = True
        for _ in self.batches():
            pass
        return undecided(self.run)

    def rows(self) -> Iterator[Any]:
        """Yield what JSON output has: a dictionary a record, or the plain values."""
        from memq.output import json  # noqa: PLC0415

        bare, check = self.result.shape.bare, self.run.check
        return json.parsed(self.batches(), bare=bare, check=check)


class Image:
    """One dump; use it as a context manager, or close it."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        progress: Progress | None = None,
        hints: Hints | None = None,
    ) -> None:
        """Raise ImageError for what is no dump, SymbolError where no kernel is found in it."""
        self.progress, hints = progress or Progress(), hints or Hints()
        self.physical = open_physical(Path(path), self.progress, hints.page_files)
        try:
            found = detect(self.physical, self.progress, hints)
        except SymbolError as error:
            self.physical.close()
            # What is odd about the file may be why there is no kernel in it.
            raise SymbolError("; ".join([str(error), *self.physical.warnings])) from error
        except BaseException:
            self.physical.close()
            raise
        self.system = found.system
        self.kernel = found.kernel
        self.warnings = [*self.physical.warnings, *found.warnings]

    def query(self, text: str, run: Run | None = None, /, **parameters: object) -> Answer:
        """Check a query and return its answer; QueryError if it is not right.

        Each parameter is a name in the query, as a `let` before it would give one: text, numbers,
        truth values, None, and lists of these.
        """
        return self.ask(text, parameters, run)

    def ask(self, text: str, parameters: Mapping[str, object], run: Run | None = None) -> Answer:
        """Check a query with parameters of any name and return its answer."""
        from memq.eval.pipeline import bind_query, node_of  # noqa: PLC0415
        from memq.eval.result import Result  # noqa: PLC0415

        values = {name: node_of(value) for name, value in parameters.items()}
        plan = bind_query(text, self.system, self.kernel, values)
        return Answer(Result(plan, Context(self.kernel, run or Run(self.progress))))

    def close(self) -> None:
        """Close the file."""
        self.physical.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_image(
    path: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] | None = None,
    page_files: Iterable[str | os.PathLike[str]] = (),
    directory_table_base: int | None = None,
    kernel_base: int | None = None,
    symbol_server: str | None = None,
) -> Image:
    """Open a dump; `profile` is an ISF or PDB file, or a folder, for types not known otherwise.

    `page_files` are those of the machine, where they were kept: pagefile.sys first. Where a Windows
    kernel is not found by itself: the physical address of a top page table, and the address of the
    kernel's image; the URL of a server that may be asked for its PDB.
    """
    symbols = None if profile is None else Path(profile)
    files = tuple(map(Path, page_files))
    return Image(
        path, hints=Hints(symbols, directory_table_base, kernel_base, files, symbol_server)
    )
