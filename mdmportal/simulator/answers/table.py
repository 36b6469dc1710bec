"""The table of answers: what each of its functions takes and gives.

An answerer gets the channel and the command's keys, changes what the device keeps, and
returns the keys of the answer beside Status and CommandUUID. It raises Error or
FormatError where the command fails. Commands were checked against the catalogue before.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..channel import Channel

Request = Mapping[str, Any]
Answer = dict[str, Any]
Answerer = Callable[["Channel", Request], Answer]
Table = dict[str, Answerer]
