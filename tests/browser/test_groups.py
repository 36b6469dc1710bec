"""The form of a smart group in a browser: rows come and go, the count is live."""

import re

from playwright.sync_api import expect

from ..journeys.conftest import Enroll
from ..servers import wait_for
from .conftest import Visitor


def test_a_smart_group_is_put_together_while_its_devices_are_counted(
    staff: Visitor, enroll: Enroll
) -> None:
    phone = enroll()
    name = phone.device.state.name
    wait_for(lambda: phone.row()["name"] == name, "the first answers to be read")
    page = staff.page
    assert staff.open("/admin/devices/devicegroup/add/") == 200
    page.fill("[name=name]", f"Only {phone.serial}")
    expect(page.locator("[data-conditions]")).to_be_hidden()
    page.check("[name=kind][value=smart]")
    page.select_option("[name=new_field]", "serial_number")
    page.click("[name=add_condition]")
    said = page.locator("[data-count]")
    expect(said).to_contain_text("Condition 1: Say what to compare with.")
    page.fill("[name=condition_value]", phone.serial)
    expect(said).to_contain_text("1 of ")
    expect(said).to_contain_text(name)
    page.select_option("[name=condition_operator]", "is_not")
    expect(said).not_to_contain_text("1 of 1 device;")
    page.select_option("[name=condition_operator]", "unknown")
    expect(page.locator("[name=condition_value]")).to_be_hidden()
    page.select_option("[name=condition_operator]", "is")
    page.select_option("[name=new_field]", "enrollment")
    page.click("[name=add_condition]")
    expect(page.locator(".mp-condition")).to_have_count(2)
    page.locator("[name=remove_condition]").last.click()
    expect(page.locator(".mp-condition")).to_have_count(1)
    assert staff.overflow <= 0
    page.locator("[name=_save]").last.click()
    page.wait_for_url(re.compile(r"/devicegroup/\d+/change/$"))
    where = page.url

    def is_found() -> bool:
        page.goto(where)
        return "1 device" in page.locator(".mp-split").inner_text()

    wait_for(is_found, "the group to find its device")
    assert staff.overflow <= 0
    assert staff.complaints == []
