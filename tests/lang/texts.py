"""Texts that more than one test of the language uses."""

from __future__ import annotations

SEED = """\
process
.Where(
    process.process_object.parent_process_id == 1 &&
    process.vad_object.file_name == "/usr/sbin/agetty"
)
.Select([
    process.handle_object.name,
    process.process_object.directory_table_base,
    process.process_object.process_id,
    process.vad_object.file_name,
])
"""
"""The query that started it, as the documents have it."""

OPERATORS = [
    *("||", "&&", "==", "!=", "===", "!==", "<", "<=", ">", ">=", "|", "^", "&", "<<", ">>", "+"),
    *("-", "*", "/", "%", "..", "??", "and", "or", "in"),
]
"""All that stand between two values."""

WORDS = [
    *OPERATORS,
    *("(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "?", "=>", "=", "!", "not", "let", "true"),
    *("null", "a", "b", "p", "process", "Where", "1", "1.5", "0x1", "4KB", "5m"),
    *(
        "\n",
        "\n\n",
        "# c\n",
        "// c\n",
        '"s"',
        "'s",
        '@"r"',
        '@"',
        "/re/i",
        "/",
        't"2026-11-21"',
        "“",
        "@",
        "é",
    ),
]
"""Pieces of queries, right and wrong ones."""
