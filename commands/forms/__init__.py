"""Forms: a command's keys, made from Apple's schema; when and how an order goes out.

``OrderForm(command, data, files, filled=…, optional=…, initial=keys, targets=targets)``
has ``is_valid()``, ``keys``, ``errors`` and ``add_error(path, text)``; ``{{ form }}``
draws it. ``WhenForm(data, count=…, confirm=…)`` has ``values`` for ``ordering.draft``;
``{{ when }}`` draws it. A node is one key: ``scalars`` has those of single values,
``fields``, ``pairs``, ``arrays`` and ``shapes`` those that others are in.
"""

from .order import OrderForm
from .when import WhenForm

__all__ = ["OrderForm", "WhenForm"]
