"""How a kernel lays out its structures and where its symbols are: BTF, kallsyms, symbol tables."""
