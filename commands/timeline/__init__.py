"""The timeline: what happened to a device or a managed user, and what waits.

It is merged from many tables, each asked for a page's worth of rows and no more.
"""

from .event import KINDS, Cursor, Event
from .page import Day, Page, page

__all__ = ["KINDS", "Cursor", "Day", "Event", "Page", "page"]
