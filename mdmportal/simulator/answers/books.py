"""Books, which the protocol calls media.

https://developer.apple.com/documentation/devicemanagement/install-media-command
"""

from typing import TYPE_CHECKING, Any

from ..errors import malformed, mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

NO_SUCH_BOOK = 12040
BOOK_KEYS = ("iTunesStoreID", "PersistentID", "Kind", "Version", "Author", "Title")


def install_media(channel: "Channel", request: Request) -> Answer:
    key = _key(request)
    if "iTunesStoreID" not in request and "MediaURL" not in request:
        raise malformed("InstallMedia: there is neither iTunesStoreID nor MediaURL")
    book: dict[str, Any] = {
        name: request[name] for name in BOOK_KEYS if name in request
    }
    book.setdefault("iTunesStoreID", 0)
    channel.device.state.books[key] = {**book, "State": "Managed"}
    named = ("iTunesStoreID", "MediaURL", "PersistentID", "MediaType")
    echoed = {name: request[name] for name in named if name in request}
    return {**echoed, "State": "Installing"}


def _key(request: Request) -> str:
    """The name by which a book is installed once, and removed."""
    for name in ("PersistentID", "iTunesStoreID"):
        if name in request:
            return str(request[name])
    raise malformed("there is neither PersistentID nor iTunesStoreID")


def remove_media(channel: "Channel", request: Request) -> Answer:
    if channel.device.state.books.pop(_key(request), None) is None:
        raise mdm_error(NO_SUCH_BOOK, "The book is not installed.")
    return {}


def managed_media_list(channel: "Channel", request: Request) -> Answer:
    return {"Books": list(channel.device.state.books.values())}


ANSWERS: Table = {
    "InstallMedia": install_media,
    "ManagedMediaList": managed_media_list,
    "RemoveMedia": remove_media,
}
