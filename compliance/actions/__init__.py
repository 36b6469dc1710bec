"""What happens because a device stops complying, and is taken back when it complies.

``plan`` turns verdicts into rows of Action, ``run`` does what waits. Both find their
work in the database and may run twice, or end at any point.
"""

from .planning import forget, plan
from .running import again, run

__all__ = ["again", "forget", "plan", "run"]
