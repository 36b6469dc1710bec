"""Signals by which those above learn what happened here."""

from django.dispatch import Signal

devices_regrouped = Signal()
"""Sent with ``device_ids``, a list, when the groups of changed devices are settled."""

enrollment_ended = Signal()
"""Sent with ``enrollment`` in the transaction that ends it."""

identity_unknown = Signal()
"""Sent with the ``certificate`` of a caller nobody knows, and its ``body``, unread.

Who answers True has made an Identity of it. ProtocolError refuses the caller.
"""

owner_assigned = Signal()
"""Sent with ``owner``, a user, when staff says whose a device is."""

owners_assigned = Signal()
"""Sent with ``owners`` when it is said of many devices at once."""

signed_in = Signal()
"""Sent with ``enrollment_id`` when the person of an expelled device signed in again."""

password_known = Signal()
"""Sent with ``user`` and ``password`` when they sign in by it or it is set.

It must be neither kept nor logged as it is.
"""

secret_revealed = Signal()
"""Sent with ``secret`` and ``by``, the person who was shown its value."""
