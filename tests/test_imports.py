"""What is imported when: nobody waits for what is not needed."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

from memq.cli import _NUMPYS_MANUAL
from tests.lab import ROOT, windows_sample

_FOR_TERMINALS = ("prompt_toolkit", "rich", "asyncio", "memq.ui", "memq.repl")
_FOR_RULES = ("memq.hunt", "yaml", "zipfile")
_FOR_QUERIES = ("memq.eval", "memq.output.json", "memq.output.records", "orjson", "re2")


def imported(program: str, *names: str) -> list[str]:
    """Run a program, and return which modules it has imported of those, or of within those."""
    more = f"import sys\n{program}\nprint('\\n'.join(['-', *sys.modules]), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", more], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = done.stderr.rpartition("\n-\n")[2].split()
    assert "sys" in modules
    return [one for one in modules if any(f"{one}.".startswith(f"{name}.") for name in names)]


def test_a_query_needs_nothing_of_the_interpreter(sample: Path) -> None:
    asked = [["-e", "process.Take(1)", "-o", form] for form in ("table", "json", "csv")]
    asked += [
        ["-e", "process.Take(1).Select(raw)", "-o", "table"],
        ["-e", "process.Tree()", "-o", "table"],
        ["-e", "process.Where(name == 'x')", "--undecided"],
        ["-e", "process", "--explain"],
    ]
    program = "from memq.cli import main\n"
    for arguments in asked:
        program += f"assert main({[str(sample), *arguments]!r}) == 0\n"
    program += "assert main(['--schema']) == 0\n"
    assert not imported(program, *_FOR_TERMINALS, *_FOR_RULES)


def test_a_dump_is_open_before_queries_can_be_asked(sample: Path) -> None:
    program = (
        "from memq.image import Image\nfrom memq.summary import summary\n"
        "from memq.ui.session import Session\nfrom memq.ui.terminal import Terminal\n"
        f"session = Session(Image({str(sample)!r}), Terminal())\n"
        "session.greet()\nimport memq.ui.commands, memq.repl"
    )
    assert not imported(program, "memq.eval", "orjson", "re2", "rich")


def test_a_query_of_windows_needs_the_object_types_that_it_speaks_of() -> None:
    dump = windows_sample()
    others = ("vad", "handle", "thread", "module", "token", "driver", "timer", "service")
    program = f"from memq.cli import main\nassert main([{str(dump)!r}, '-e', 'process.pid']) == 0"
    assert not imported(program, "numpy.ma", *(f"memq.os.windows.{name}" for name in others))


def test_a_query_needs_no_masked_arrays_of_numpy(sample: Path) -> None:
    query = "process.Select([pid, vad.Count(), handle.Count()])"
    program = f"from memq.cli import main\nassert main([{str(sample)!r}, '-e', {query!r}]) == 0"
    assert not imported(program, "numpy.ma")


def test_a_query_goes_without_the_manual_of_numpy(sample: Path) -> None:
    """The module whose place is taken holds texts for help() alone, and is there to be named."""
    numpys = importlib.util.find_spec(_NUMPYS_MANUAL)
    assert numpys is not None
    assert numpys.origin is not None
    calls = {
        getattr(node.value.func, "id", "")
        for node in ast.parse(Path(numpys.origin).read_text("utf-8")).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    assert calls
    assert all(call.endswith("doc") for call in calls)
    command = [sys.executable, "-m", "memq", str(sample), "-e", "process.Count()", "-o", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 100, done.stderr) == (True, "")


def test_help_needs_no_numpy() -> None:
    program = "from memq.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not imported(program, "numpy", "dataclasses", *_FOR_TERMINALS, *_FOR_QUERIES)
