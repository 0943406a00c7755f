"""The registry as the kernel has it in memory: hives, their cells, keys and values."""
