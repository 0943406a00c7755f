"""A close look at the kernel: what is behind `.dt`, `.symbol` and `.x`."""
