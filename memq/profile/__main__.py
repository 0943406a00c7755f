"""python -m memq.profile: the command memq-profile, where it is not installed."""

from __future__ import annotations

import sys

from memq.profile.cli import main

if __name__ == "__main__":
    sys.exit(main())
