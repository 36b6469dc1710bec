"""The pages of a generated fleet take the statements they may: a short form of
``make bench-fleet``, which says how long they take for 100,000 devices."""

import pytest

from bench import inventory, pages, work
from devices.models import Device, InstalledApplication

SIZE = inventory.Size(devices=200, applications=120, each=20)


@pytest.mark.django_db
def test_the_pages_of_a_fleet_take_the_statements_they_may() -> None:
    inventory.build(SIZE)
    assert Device.objects.count() == SIZE.devices
    assert InstalledApplication.objects.count() == SIZE.devices * SIZE.each
    client = pages.administrator()
    seen = [pages.visit(client, page, times=0) for page in pages.PAGES]
    over = {
        each.page.name: (each.statements, each.page.limit)
        for each in seen
        if each.statements > each.page.limit
    }
    assert over == {}
    for job in work.JOBS:
        statements, _ = work.do(job)
        assert statements <= job.most, job.name
