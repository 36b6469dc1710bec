"""The simulated device: it enrolls, obeys and leaves as a real one does.

It knows of the server only what a profile says, and meets it only through a Transport.
"""

import secrets
import threading
from typing import Any

from mdmportal.protocol import plist
from mdmportal.protocol.mobileconfig import BOOTSTRAP_TOKEN
from mdmportal.protocol.schema import Mode

from . import absence, account_driven, enrolling, ota, sending, software, unit
from . import profile as profiles
from .absence import Absence
from .behaviour import Behaviour, Orders
from .channel import Channel, Courier
from .enrollment import CLEAR_PASSCODE, Enrollment
from .errors import (
    Error,
    NotEnrolled,
    ProfileRefused,
)
from .factory import Factory
from .hardware import Hardware
from .identity import Identity, KeyMaker, new_key
from .managed_account import ManagedAccount, Tokens
from .signature import Style
from .signing_in import SignIn
from .state import State
from .transport import Response, Transport
from .user import User

CHECK_IN = "application/x-apple-aspen-mdm-checkin"
CONNECT = "application/x-apple-aspen-mdm"


class SimulatedDevice(Channel):
    """An iPhone, iPad, Mac, Apple TV or Vision Pro, which is also its device channel.

    ``seed`` tells the devices of one model apart. ``supervised`` is the rule on Macs;
    ``automated`` devices came in by Automated Device Enrollment and wait to be
    configured. ``factory`` is where it was made: without one it can sign nothing before
    it is enrolled, as it must over the air and account-driven. ``style`` is that of the
    signatures, ``bearer`` the token of an account-driven enrollment.
    """

    def __init__(
        self,
        hardware: Hardware,
        transport: Transport,
        *,
        seed: int = 0,
        supervised: bool | None = None,
        automated: bool = False,
        courier: Courier | None = None,
        make_key: KeyMaker = new_key,
        factory: Factory | None = None,
    ) -> None:
        super().__init__()
        self.unit: unit.Unit = unit.make(hardware, seed)
        self.transport, self.courier, self.make_key = transport, courier, make_key
        on_its_own = hardware.is_mac or hardware.shared or automated
        self.supervised: bool = on_its_own if supervised is None else supervised
        self.automated = automated
        self.style = Style.STANDARD
        self.bearer = ""
        self.factory = factory
        self.made_with: Identity | None = None
        self.account: ManagedAccount | None = None
        self.enrollment: Enrollment | None = None
        self.users: dict[str, User] = {}
        self.lock = threading.RLock()
        self.refreshing = threading.Lock()
        self._orders = Orders()
        self.state: State = self._factory_state()

    def __str__(self) -> str:
        return self.state.name

    @property
    def device(self) -> "SimulatedDevice":
        return self

    @property
    def kept(self) -> State:
        return self.state

    @property
    def hardware(self) -> Hardware:
        return self.unit.hardware

    @property
    def is_mac(self) -> bool:
        return self.hardware.is_mac

    @property
    def enrolled(self) -> bool:
        return self.enrollment is not None

    @property
    def is_away(self) -> bool:
        """Whether it is off, locked for good or without a system: it does not come."""
        return self.state.away != Absence.NONE

    def end_restart(self) -> None:
        """Be up again, if the device restarts."""
        if self.state.away == Absence.RESTARTING:
            absence.end(self)

    def switch_on(self) -> None:
        """Be there again after a shutdown or a restart."""
        absence.switch_on(self)

    def unlock(self, pin: str) -> None:
        """Open a Mac that was locked with a PIN; ValueError where that is wrong."""
        absence.unlock(self, pin)

    def set_passcode(self) -> None:
        self.state.passcode, self.state.passcode_by = True, 0.0

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The device channel, and those of its users."""
        return self, *self.users.values()

    @property
    def stay(self) -> Enrollment:
        """The present enrollment; NotEnrolled where there is none."""
        if self.enrollment is None:
            raise NotEnrolled(f"{self.state.name} is not enrolled.")
        return self.enrollment

    @property
    def mode(self) -> Mode:
        """How it is enrolled, in the schema's words."""
        if self.hardware.shared:
            return Mode.SHARED
        if self.enrollment and self.enrollment.is_user:
            return Mode.USER
        if self.automated:
            return Mode.AUTOMATED
        account_driven = self.enrollment and self.enrollment.is_account_driven
        return Mode.ACCOUNT if account_driven else Mode.DEVICE

    def who(self) -> dict[str, Any]:
        return self.stay.who(self.unit.udid)

    @property
    def awaits_users(self) -> bool:
        """Whether a user of a Shared iPad waits at login until they are configured."""
        shared = self.state.settings.get("SharedDeviceConfiguration", {})
        return bool(shared.get("AwaitUserConfiguration", {}).get("Enabled", False))

    @property
    def awaits(self) -> bool:
        return self.state.awaiting

    def is_configured(self) -> None:
        self.state.awaiting = False

    def _factory_state(self) -> State:
        return State(
            name=self.unit.name,
            os_version=self.hardware.os_version,
            build_version=self.hardware.build_version,
            awaiting=self.automated,
            apps=software.preinstalled(self.hardware.platform),
        )

    @property
    def factory_identity(self) -> Identity:
        """What the device signs with before it is enrolled; made on first use.

        ProfileRefused where no factory made the device.
        """
        with self.lock:
            if self.made_with is None:
                if self.factory is None:
                    raise ProfileRefused("The device has no identity of a factory.")
                self.made_with = self.factory.make(self.make_key)
            return self.made_with

    # Coming in

    def install(self, raw: bytes) -> None:
        """Install a profile as someone does by hand; an enrollment profile enrolls.

        One that begins an enrollment over the air is answered, and what comes at the
        end enrolls. Raises ProfileRefused where the device or the CA refuses,
        ServerRefused and Unreachable where the server does. If the device is
        ``enrolled`` all the same, only TokenUpdate did not get through: ``announce`` or
        ``session`` tries again.
        """
        if ota.is_service(raw):
            profile = ota.Enrolling(self, raw).run()
        else:
            known = self.enrollment.identities if self.enrollment else ()
            profile = profiles.read(raw, *known)
        if profile.mdm is None:
            self.state.profiles[profile.identifier] = raw
            return
        with self._conversation:
            self.enroll(profile)

    def enroll(self, profile: profiles.Profile) -> None:
        """Enroll, or enroll again by a newer edition of the same profile."""
        profiles.check_enrollment(profile)
        old = self.enrollment
        if old is not None:
            self._check_update(old, profile)
        new = enrolling.prepare(self, profile)
        keys = enrolling.authenticate_keys(self, new)
        self.check_in("Authenticate", new, **new.who(self.unit.udid), **keys)
        self.enrollment, self.state.away = new, Absence.NONE
        self.state.profiles[profile.identifier] = profile.raw
        if old is None:
            self.new_token()
            self.state.unlock_token = secrets.token_bytes(64)
        self.state.announced = False
        self.announce()

    def enroll_with_account(
        self,
        identifier: str,
        person: SignIn,
        *,
        discovery_url: str = "",
        pkce: bool = True,
    ) -> None:
        """Enroll as one does who gives their account (user@domain) in Settings.

        Arguments and errors are those of ``account_driven.Enrolling``, and of
        ``install``.
        """
        if self.enrolled:
            raise ProfileRefused("The device is already managed.")
        steps = account_driven.Enrolling(
            self, identifier, discovery_url=discovery_url, pkce=pkce
        )
        with self._conversation:
            try:
                tokens, profile = steps.run(person)
                self.take(steps.account, tokens)
                self.enroll(profile)
            finally:
                if not self.enrolled:
                    self.account, self.bearer = None, ""

    def take(self, account: ManagedAccount, tokens: Tokens) -> None:
        """Be let in for this account by these tokens, from now on."""
        with self.lock:
            account.take(tokens)
            self.account, self.bearer = account, tokens.access_token

    def sign_in_again(self, person: SignIn) -> None:
        """Sign in as the server waits for; ``session`` then goes on where it was.

        Raises SignInFailed, ServerRefused, Unreachable; ValueError where nobody waits.
        """
        account_driven.sign_in_again(self, person)

    def _check_update(self, old: Enrollment, profile: profiles.Profile) -> None:
        if profile.identifier != old.profile.identifier:
            raise ProfileRefused("The device is already managed.")
        profiles.check_update(old.profile, profile)

    def _token_keys(self) -> dict[str, Any]:
        keys: dict[str, Any] = {"AwaitingConfiguration": self.state.awaiting}
        stay = self.stay
        clearable = self.hardware.platform in ("iOS", "visionOS")
        withheld = self.hardware.shared or stay.is_user
        if clearable and not withheld and stay.allows(CLEAR_PASSCODE):
            keys["UnlockToken"] = self.state.unlock_token
        return keys

    # Speaking

    def check_in(
        self, message_type: str, enrollment: Enrollment | None = None, **keys: Any
    ) -> Response:
        """Send one Check-in message; ``keys`` are all but its MessageType.

        ``enrollment`` is meant before the device has one. Raises ServerRefused for
        every status but 2xx; Removed where that made the device remove its profile;
        SignInRequired where the person is to sign in again; Unreachable; NotEnrolled.
        """
        message = {"MessageType": message_type, **keys}
        return self.put(check_in=message, enrollment=enrollment)

    def put(
        self,
        *,
        check_in: dict[str, Any] | None = None,
        connect: dict[str, Any] | None = None,
        enrollment: Enrollment | None = None,
    ) -> Response:
        """Send a message to the Check-in URL, or to the server URL. Raises as above."""
        stay = enrollment or self.stay
        body = plist.dumps(check_in or connect or {})
        if check_in is None:
            return sending.put(self, stay, stay.server_url, CONNECT, body)
        leaves = check_in["MessageType"] == "CheckOut"
        url = stay.check_in_url
        return sending.put(self, stay, url, CHECK_IN, body, leaves=leaves)

    # Leaving

    def check_out(self) -> None:
        """Remove the enrollment profile as its owner does; CheckOut is sent once.

        The device has left whether or not the message got through.
        """
        with self._conversation:
            try:
                if self.stay.checks_out:
                    self.check_in("CheckOut", Topic=self.stay.topic, **self.who())
            finally:
                self.forget()

    def forget(self) -> None:
        """Remove the enrollment profile and what came with it, without a word."""
        with self.lock:
            for channel in self.channels:
                channel.unregister()
                channel.kept.unsent = {}
                for identifier in channel.kept.managed_profiles:
                    channel.kept.profiles.pop(identifier, None)
                channel.kept.managed_profiles = []
            if self.enrollment:
                self.state.profiles.pop(self.enrollment.profile.identifier, None)
            self._remove_managed_apps()
            self.state.lost_mode = {}
            self.state.declarations = {}
            self.enrollment, self.account, self.bearer = None, None, ""

    def _remove_managed_apps(self) -> None:
        """Those that were to go with the profile; others stay, and are the user's."""
        for identifier, managed in self.state.managed_apps.items():
            if managed["ManagementFlags"] & 1:
                self.state.apps.pop(identifier, None)
        self.state.managed_apps = {}

    def wipe(self) -> None:
        """Forget all but what the factory gave; the server hears nothing of it."""
        with self.lock:
            self.forget()
            self.users = {}
            self.state = self._factory_state()

    # Users and the bootstrap token of a Mac

    def log_in(
        self,
        short_name: str,
        long_name: str = "",
        *,
        password: str | None = None,
        sync: bool = False,
    ) -> User:
        """Return the user who logs in, and tell the server of their channel.

        On a Shared iPad the short name is a Managed Apple Account. Users of the network
        give a ``password``. Whom the server declines is not ``managed``. With ``sync``
        the login waits until nothing more comes for the user.
        """
        user = self.user(short_name, long_name)
        if self.stay.has_capability(profiles.PER_USER):
            user.log_in(password, sync=sync)
        else:
            user.account.logged_in, user.managed = True, False
        self._escrow_bootstrap_token()
        return user

    def user(self, short_name: str, long_name: str = "") -> User:
        """Return the user of this name, who need not be logged in."""
        if not self.hardware.has_user_channels:
            raise ValueError(f"{self.hardware.model_name} has no user channels")
        with self.lock:
            account = self.state.account(short_name, long_name)
            return self.users.setdefault(short_name, User(self, account))

    def _escrow_bootstrap_token(self) -> None:
        """A Mac makes it when the first user logs in, if the server wants it."""
        wanted = self.is_mac and self.supervised and not self.state.bootstrap_token
        if wanted and self.stay.has_capability(BOOTSTRAP_TOKEN):
            self.set_bootstrap_token()

    def set_bootstrap_token(self, token: bytes | None = None) -> None:
        """Give a token to the server; a new one if none is given, b"" deletes."""
        token = secrets.token_bytes(32) if token is None else token
        self.check_in("SetBootstrapToken", **self.who(), BootstrapToken=token)
        self.state.bootstrap_token = token

    def get_bootstrap_token(self) -> bytes:
        """Return the token that the server holds; b"" if none."""
        response = self.check_in("GetBootstrapToken", **self.who())
        answer = plist.loads(response.body) if response.body else {}
        token = answer.get("BootstrapToken", b"")
        assert isinstance(token, bytes)
        return token

    # Being told what to do

    def will(
        self,
        request_type: str,
        behaviour: Behaviour | Error | str,
        times: int | None = 1,
    ) -> None:
        """Do this with the next ``times`` commands of a type (ANY: of all types).

        ``behaviour``: "NotNow", "CommandFormatError", "repeat", "vanish" or an Error;
        ``times`` None: from now on.
        """
        if isinstance(behaviour, str):
            behaviour = Behaviour(behaviour)
        with self.lock:
            self._orders.add(request_type, behaviour, times)

    def take_order(self, request_type: str) -> Behaviour | Error | None:
        """Return what to do instead of obeying, used up with this call."""
        with self.lock:
            return self._orders.take(request_type)
