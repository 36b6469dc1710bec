"""Context: what the nodes of one form share: inputs, words, devices, suggestions."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from mdmportal import catalogue
from mdmportal.protocol import schema
from mdmportal.protocol.schema import Command, Key

from ..targets import Targets
from .sent import Sent
from .suggestions import Suggestions


class Audience:
    """The kinds of devices that a form is filled in for, and what they do not know.

    Those that do not take the command at all do not count.
    """

    def __init__(self, targets: Targets | None, command: Command) -> None:
        self.kinds: Counter[schema.Target] = Counter()
        for kind in targets.kinds if targets else ():
            if not schema.unavailable(command, kind.target):
                self.kinds[kind.target] += kind.count
        self._found: dict[int, tuple[Key, Counter[str]]] = {}

    def _refusals(self, key: Key) -> Counter[str]:
        """Return how many do not know the key, by reason. Keys share their support."""
        if id(key.support) not in self._found:
            reasons: Counter[str] = Counter()
            for target, count in self.kinds.items():
                reasons[schema.unavailable(key, target)] += count
            reasons.pop("", None)
            self._found[id(key.support)] = (key, reasons)
        return self._found[id(key.support)][1]

    def refused(self, key: Key) -> str:
        """Return why none of the devices knows the key; '' if one does."""
        reasons = self._refusals(key)
        if not reasons or reasons.total() < self.kinds.total():
            return ""
        return "; ".join(reason for reason, _ in reasons.most_common(2))

    def partly(self, key: Key) -> str:
        """Return how many do not know it, and why; '' if all do."""
        reasons = self._refusals(key)
        if not reasons:
            return ""
        why = "; ".join(reason for reason, _ in reasons.most_common(2))
        return f"{reasons.total():,} of {self.kinds.total():,} do not take it: {why}"


@dataclass
class Context:
    request_type: str
    sent: Sent
    audience: Audience
    suggestions: Suggestions
    words: catalogue.Words
    optional: Collection[str] = ()
    """Keys that the portal fills in where they are left out."""
    is_sent: bool = False
    errors: list[tuple[str, str]] = field(default_factory=list)
    """What is wrong, with the name of the input, as it was found."""
