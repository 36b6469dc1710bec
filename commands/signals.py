"""Signals by which others learn what a device answered."""

from django.dispatch import Signal

answered = Signal()
"""Sent with ``said``, a results.said.Said, for every answer that is read, in the
transaction that reads it and before the reader of its RequestType.

``said`` has ``delivery`` (with its command, channel, enrollment and device loaded),
``request_type``, ``answer``, ``at``, ``channel``, ``enrollment``, ``device``,
``user_id`` and ``is_acknowledged``, False for Error and CommandFormatError; the state
of the delivery says so too, and whether the answer came too late. What is
secret in an answer is kept by who listens here: the inventory drops it. Who raises
leaves the answer raw, with the reason.
"""
