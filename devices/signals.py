"""Signals by which those above learn what happened here."""

from django.dispatch import Signal

enrollment_ended = Signal()
"""Sent with ``enrollment`` in the transaction that ends it."""

identity_unknown = Signal()
"""Sent with the ``certificate`` of a caller nobody knows, and its ``body``, unread.

Who answers True has made an Identity of it. ProtocolError refuses the caller.
"""

owner_assigned = Signal()
"""Sent with ``owner``, a user, when staff says whose a device is."""

signed_in = Signal()
"""Sent with ``enrollment_id`` when the person of an expelled device signed in again."""
