"""Write tables.json anew, after a change of the grammar: python -m memq.lang.build_tables."""

from __future__ import annotations

from memq.lang import tables


def main() -> None:
    """Write the tables beside this module."""
    tables.TABLES.write_text(tables.serialize(tables.read_grammar()), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
