"""Findings as people, and programs of others, read them: a module for each form."""
