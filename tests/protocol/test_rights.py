"""Rights: the mask of AccessRights and what devices refuse in it."""

import pytest

from mdmportal.protocol import rights
from mdmportal.protocol.rights import AccessRights


def test_every_right_has_words() -> None:
    assert set(rights.WORDS) == set(AccessRights)
    assert rights.ALL == 8191


@pytest.mark.parametrize("mask", [1, 3, 64, 192, 8191 - 2 - 1, 8191])
def test_masks_that_devices_take_are_taken(mask: int) -> None:
    rights.check(mask)


@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        (0, "between 1 and 8191"),
        (-1, "between 1 and 8191"),
        (8192, "between 1 and 8191"),
        (2, "“Install and remove profiles” needs “Inspect profiles” too."),
        (8191 - 64, "needs “Inspect provisioning profiles” too."),
    ],
)
def test_masks_that_devices_refuse_are_refused(mask: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        rights.check(mask)
