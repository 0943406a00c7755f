"""python -m memq."""

from __future__ import annotations

import sys

from memq.cli import main

if __name__ == "__main__":
    sys.exit(main())
