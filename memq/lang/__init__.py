"""The query language: text to syntax tree and back; it knows no object types."""
