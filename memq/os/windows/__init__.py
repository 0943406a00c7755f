"""Windows kernels: how they are found, and what their objects are."""
