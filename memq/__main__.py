"""python -m memq."""

from __future__ import annotations

from memq.cli import run

if __name__ == "__main__":
    run()
