"""The interpreter's parts: what is completed, shown and commanded."""
