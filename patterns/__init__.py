"""Patterns to copy: one folder each, grouped by concept."""
