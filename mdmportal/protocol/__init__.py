"""Apple's MDM protocol: bytes in, frozen dataclasses out.

Nothing in this package knows Django, a database, the network or a clock. The server
and the simulated device both stand on it.
"""


class ProtocolError(ValueError):
    """What the peer sent is not what the protocol allows."""
