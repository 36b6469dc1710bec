"""Users of a Mac or a Shared iPad: who is managed, and who they are.

The local user who enrolls a Mac is managed in any case, and no other local user. Of a
user of the network the Mac asks at every login (`logins.py`), of a user of a Shared
iPad with the TokenUpdate; the way in says what is answered. Who is declined is
unmanaged until the next login.
https://developer.apple.com/documentation/devicemanagement/managing-mdm-devices-and-users-in-macos
"""

from apns.tasks import ask_for_push
from commands import inventory, queue
from commands.models import OPEN, Command
from commands.results.said import Said
from devices.authentication import Caller, Declined
from devices.models import Channel, Device, Enrollment, User
from mdmportal.protocol import ProtocolError, checkin, plist

from .models import EnrollmentProfile

USER_CONFIGURED = "UserConfigured"
LAST = -1
"""The priority of what releases a user, after all that waits for them."""


def way_of(caller: Caller) -> EnrollmentProfile | None:
    """Return the way in of the caller; None for a device that moved in."""
    ways = EnrollmentProfile.objects.filter(challenges__identity=caller.identity_id)
    return ways.first()


def admit_shared(caller: Caller, message: checkin.TokenUpdate) -> None:
    """Take a user of a Shared iPad who logs in, or raise Declined."""
    mac = Device.objects.filter(
        pk=caller.device_id or 0, platform=Device.Platform.MACOS
    )
    if mac.exists():  # its users prove who they are: not by the name of another kind
        raise ProtocolError("a Mac has no users of a Shared iPad")
    way = way_of(caller)
    if way is not None and not way.manages_shared_users:
        mark(caller, message, Channel.DECLINED)
        raise Declined
    mark(caller, message, "")


def mark(caller: Caller, message: checkin.Message, auth_token_digest: str) -> None:
    """Say what the messages of a user must carry who was here before."""
    channel = caller.channel(message)
    if channel is None or channel.auth_token_digest == auth_token_digest:
        return
    rows = Channel.objects.filter(pk=channel.id)
    rows.update(auth_token_digest=auth_token_digest)
    if auth_token_digest != Channel.DECLINED:
        waken(channel.id)


def waken(channel: int) -> None:
    """Push for what was ordered while the user was not managed."""
    if Channel.objects.filter(pk=channel, deliveries__state__in=OPEN).exists():
        queue.waken([channel])
        ask_for_push()


def is_open(enrollment: Enrollment, message: checkin.TokenUpdate) -> bool:
    """Whether the user's channel could be pushed to before this message."""
    channels = enrollment.channels.filter(user_id=message.user_id)
    return channels.exclude(push_token="").exists()


def opened(
    channel: Channel, message: checkin.TokenUpdate, *, is_first: bool = False
) -> None:
    """Note who has come, and ask what there is to know of them the first time.

    ``channel`` comes with its enrollment and device.
    """
    person = _person(channel)
    awaiting = message.awaiting_configuration
    columns = {
        "person": channel.person if person is None else person,
        "awaiting_configuration": (
            channel.awaiting_configuration if awaiting is None else awaiting
        ),
    }
    changed = [
        name for name, value in columns.items() if getattr(channel, name) != value
    ]
    for name in changed:
        setattr(channel, name, columns[name])
    if changed:
        channel.save(update_fields=changed)
    if channel.enrollment.state == Enrollment.State.ACTIVE:
        _ask(channel, is_first=is_first)


def admitted(enrollment: Enrollment) -> None:
    """Ask the users who came before their device was enrolled."""
    for channel in enrollment.channels.exclude(user_id="").exclude(push_token=""):
        channel.enrollment = enrollment
        _ask(channel, is_first=True)


def _ask(channel: Channel, *, is_first: bool) -> None:
    waits = channel.awaiting_configuration and not _is_being_released(channel)
    last = [_configured()] if waits else []
    if is_first:
        inventory.ask(channel, and_then=last)
    elif last:
        queue.enqueue_all([channel.pk], last)


def _configured() -> Command:
    """Return what releases a user of a Shared iPad who waits to be configured."""
    keys = plist.dumps({})
    return Command(request_type=USER_CONFIGURED, keys_plist=keys, priority=LAST)


def _is_being_released(channel: Channel) -> bool:
    waiting = channel.deliveries.filter(state__in=OPEN)
    return waiting.filter(command__request_type=USER_CONFIGURED).exists()


def answered(said: Said) -> None:
    """Note that a user of a Shared iPad waits no longer."""
    if said.request_type == USER_CONFIGURED and said.is_acknowledged:
        waiting = Channel.objects.filter(pk=said.channel.pk)
        waiting.update(awaiting_configuration=False)


def _person(channel: Channel) -> User | None:
    """Return who of ours the user is, as far as the device can tell; None: unknown.

    Who proved a password is known from that.
    """
    enrollment, name = channel.enrollment, channel.user_short_name
    if channel.auth_token_digest:
        return None
    if enrollment.mode == Enrollment.Mode.USER:
        return enrollment.owner
    if channel.user_id == name:  # a Managed Apple Account, on a Shared iPad
        found = User.objects.filter(managed_apple_account__iexact=name, is_active=True)
        several = list(found[:2]) if name else []
        return several[0] if len(several) == 1 else None
    owner = enrollment.device.owner or enrollment.owner
    is_owner = owner is not None and owner.username.casefold() == name.casefold()
    return owner if is_owner else None


def left(enrollment: Enrollment, user_id: str) -> None:
    """End the management of one user; what waits for them is cancelled."""
    for channel in enrollment.channels.select_for_update().filter(user_id=user_id):
        queue.close(enrollment, pk=channel.pk)
        channel.push_token, channel.push_magic, channel.push_at = "", "", None
        channel.save(update_fields=["push_token", "push_magic", "push_at"])
