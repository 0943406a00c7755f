"""Benchmarks: python -m benchmarks [DUMP ...] prints what queries cost."""
