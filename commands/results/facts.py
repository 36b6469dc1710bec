"""Facts: answers that are one dictionary, such as DeviceInformation and SecurityInfo.

They are merged: what an answer lacks does not erase what an earlier one said. Within a
fact, as within a list, the newest answer counts.
"""

from collections.abc import Mapping
from typing import Any

from . import history
from .kept import Older, Place, digest_of, without_secrets
from .said import Said


def keep(said: Said, answer: Mapping[str, Any]) -> bool:
    """Keep the facts and write down which were said otherwise before.

    Returns False for an answer that a later one has overtaken: it tells nothing.
    """
    try:
        place = Place(said)
    except Older:
        return False
    news = without_secrets(answer)
    digest = digest_of(news)
    if place.is_same(digest):
        return True
    before = place.before if isinstance(place.before, Mapping) else {}
    if not place.is_first:
        history.write(said, history.of_facts(before, news))
    place.keep({**before, **news}, digest)
    return True
