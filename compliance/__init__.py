"""Compliance: what devices must be, whether they are, and what happens if not."""
