"""The queue in the dashboard: states that live, cancelling, repeating, answers."""

import plistlib

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.models import Command, Delivery, Result, State

from .conftest import Fleet, SignIn

LIST = "admin:commands_delivery_changelist"


def act(client: Client, action: str, *deliveries: Delivery) -> str:
    chosen = {"action": action, "_selected_action": [each.pk for each in deliveries]}
    return client.post(reverse(LIST), chosen, follow=True).content.decode()


def ordered(
    fleet: Fleet, count: int, request_type: str = "SecurityInfo"
) -> list[Delivery]:
    command = queue.enqueue([each.pk for each in fleet(count)], request_type)
    return list(command.deliveries.order_by("pk"))


def put(delivery: Delivery, state: State, **more: object) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, settled_at=timezone.now(), **more
    )


def test_cancelling_says_what_was_too_late(admin: Client, fleet: Fleet) -> None:
    waiting, sent, done = ordered(fleet, 3)
    put(sent, State.SENT)
    put(done, State.ACKNOWLEDGED)
    page = act(admin, "cancel", waiting, sent, done)
    assert "1 cancelled. 1 already sent: the device may be doing it." in page
    assert "1 already settled." in page
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [State.CANCELLED, State.SENT, State.ACKNOWLEDGED]


def test_what_failed_is_sent_again_as_a_new_order(admin: Client, fleet: Fleet) -> None:
    failed, waiting = ordered(fleet, 2)
    put(failed, State.FAILED)
    page = act(admin, "repeat", failed, waiting)
    assert "1 queued again. 1 not: queued, not failed." in page
    again = Command.objects.latest("pk")
    assert again.note == f"Again: order {failed.command_id}"
    assert [each.channel for each in again.deliveries.all()] == [failed.channel]


def test_what_was_written_by_hand_is_not_repeated_from_here(
    admin: Client, fleet: Fleet
) -> None:
    [failed] = ordered(fleet, 1)
    keys = plistlib.dumps({"NoSuchKey": 1})
    Command.objects.update(keys_plist=keys)
    put(failed, State.FAILED)
    assert "not as the catalogue has it" in act(admin, "repeat", failed)
    assert Command.objects.count() == 1


def test_what_destroys_is_not_repeated_without_confirming(
    admin: Client, fleet: Fleet
) -> None:
    [failed] = ordered(fleet, 1, "EraseDevice")
    put(failed, State.FAILED)
    assert "needs to be confirmed" in act(admin, "repeat", failed)
    assert Command.objects.count() == 1


def test_cancelling_and_repeating_need_rights(sign_in: SignIn, fleet: Fleet) -> None:
    [delivery] = ordered(fleet, 1)
    client = sign_in("commands.view_delivery")
    assert "Cancel what is not yet sent" not in act(client, "cancel", delivery)
    url = reverse("admin:commands_delivery_act", args=[delivery.pk])
    client.post(url, {"cancel": "1"})
    assert Delivery.objects.get().state == State.QUEUED


def test_the_page_of_a_delivery_cancels_it(admin: Client, fleet: Fleet) -> None:
    [delivery] = ordered(fleet, 1)
    admin.post(
        reverse("admin:commands_delivery_act", args=[delivery.pk]), {"cancel": "1"}
    )
    assert Delivery.objects.get().state == State.CANCELLED


def test_the_answer_is_shown_without_its_secrets(admin: Client, fleet: Fleet) -> None:
    [delivery] = ordered(fleet, 1, "RequestUnlockToken")
    put(delivery, State.ACKNOWLEDGED)
    answer = {
        "Status": "Acknowledged",
        "UnlockToken": b"hush",
        "Deep": [{"PIN": "4711"}],
    }
    Result.objects.create(delivery=delivery, body=plistlib.dumps(answer))
    page = admin.get(reverse("admin:commands_delivery_change", args=[delivery.pk]))
    text = page.content.decode()
    assert "Acknowledged" in text
    assert "4711" not in text
    assert "aHVzaA==" not in text


def test_an_answer_that_cannot_be_read_is_no_error(admin: Client, fleet: Fleet) -> None:
    [delivery] = ordered(fleet, 1)
    Result.objects.create(delivery=delivery, body=b"no plist at all")
    page = admin.get(reverse("admin:commands_delivery_change", args=[delivery.pk]))
    assert "The answer cannot be read" in page.content.decode()


def test_the_keys_of_an_order_are_shown_without_secrets(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    keys = {"PIN": "123456", "Message": "Found me?"}
    command = queue.enqueue([channel.pk], "DeviceLock", keys)
    url = reverse("admin:commands_command_change", args=[command.pk])
    page = admin.get(url).content.decode()
    assert "Found me?" in page
    assert "123456" not in page


def test_the_error_chain_is_told_in_words(admin: Client, fleet: Fleet) -> None:
    [failed] = ordered(fleet, 1)
    chain = [
        {
            "ErrorDomain": "MCInstallationErrorDomain",
            "ErrorCode": 4001,
            "USEnglishDescription": "The profile could not be installed.",
        },
        {"ErrorDomain": "MCProfileErrorDomain", "ErrorCode": 1009},
        "not even a dictionary",
    ]
    put(failed, State.FAILED, error_chain=chain)
    page = admin.get(reverse("admin:commands_delivery_change", args=[failed.pk]))
    text = page.content.decode()
    assert "The profile could not be installed." in text
    assert "MCProfileErrorDomain 1009" in text


def test_the_live_cells_say_when_it_is_over(admin: Client, fleet: Fleet) -> None:
    [delivery] = ordered(fleet, 1)
    url = reverse("admin:commands_live")
    of = f"delivery:{delivery.pk},command:{delivery.command_id},delivery:x,delivery:-1"
    drawn = admin.get(url, {"of": of}).json()
    assert set(drawn) == {f"delivery:{delivery.pk}", f"command:{delivery.command_id}"}
    assert all('data-open="1"' in html for html in drawn.values())
    put(delivery, State.ACKNOWLEDGED)
    drawn = admin.get(url, {"of": of}).json()
    assert all('data-open="0"' in html for html in drawn.values())


def test_live_states_are_only_for_who_may_see_the_queue(
    sign_in: SignIn, fleet: Fleet
) -> None:
    [delivery] = ordered(fleet, 1)
    of = {"of": f"delivery:{delivery.pk},command:{delivery.command_id}"}
    assert sign_in().get(reverse("admin:commands_live"), of).json() == {}


def test_what_a_device_says_is_text_and_no_html(admin: Client, fleet: Fleet) -> None:
    [failed] = ordered(fleet, 1)
    chain = [{"LocalizedDescription": "<script>alert(1)</script>"}]
    put(failed, State.FAILED, error_chain=chain)
    page = admin.get(reverse(LIST) + "?state=").content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_queue_opens_on_what_waits_and_shows_all_if_asked(
    admin: Client, fleet: Fleet
) -> None:
    waiting, done = ordered(fleet, 2)
    put(done, State.ACKNOWLEDGED)
    opened = admin.get(reverse(LIST), follow=True)
    assert list(opened.context["cl"].result_list) == [waiting]
    text = opened.content.decode()
    assert "Queue" in text
    assert "Deliveries" not in text
    assert "All, also what is over" in text
    every = admin.get(reverse(LIST) + "?state=")
    assert set(every.context["cl"].result_list) == {waiting, done}


def test_what_a_device_could_not_take_any_more_says_why(
    admin: Client, fleet: Fleet
) -> None:
    [refused] = ordered(fleet, 1)
    chain = [{"LocalizedDescription": "needs a supervised device"}]
    put(refused, State.REFUSED, error_chain=chain)
    for url in (
        reverse(LIST) + "?state=refused",
        reverse("admin:commands_delivery_change", args=[refused.pk]),
    ):
        text = admin.get(url).content.decode()
        assert "not sent" in text
        assert "needs a supervised device" in text
