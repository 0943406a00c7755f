"""Write rule.schema.json anew, after a change of the format: python -m memq.hunt.build_schema."""

from __future__ import annotations

from pathlib import Path

from memq.hunt.rule_format import json_schema

SCHEMA = Path(__file__).with_name("rule.schema.json")


def main() -> None:
    """Write the schema beside this module."""
    SCHEMA.write_text(json_schema(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
