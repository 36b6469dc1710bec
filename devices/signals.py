"""Signals by which those above learn what happened here."""

from django.dispatch import Signal

enrollment_ended = Signal()
"""Sent with ``enrollment`` in the transaction that ends it."""
