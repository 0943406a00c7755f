"""Profiles: what memq has to know of kernels that do not say it themselves, and how it is made."""
