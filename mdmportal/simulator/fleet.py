"""A fleet: any number of simulated devices that enroll with a server and obey it."""

import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from . import hardware as models
from . import storage
from .absence import Returns
from .account import AGAIN_AFTER, Account
from .channel import Channel, Courier, Executed
from .counts import Counts
from .courier import Courier as PushCourier
from .device import SimulatedDevice
from .errors import (
    NotEnrolled,
    ProfileRefused,
    Removed,
    ServerRefused,
    SignInRequired,
)
from .factory import Factory
from .hardware import Hardware
from .identity import KeyPool, new_key
from .sessions import Sessions
from .transport import HTTPTransport, Transport, Unreachable
from .trouble import advice, is_passing, pause
from .unit import FIRST_NAMES

MIX = (
    models.IPHONE_16,
    models.MACBOOK_AIR,
    models.IPAD_AIR,
    models.IPHONE_SE,
    models.IMAC,
    models.APPLE_TV,
    models.IPHONE_16,
    models.MACBOOK_PRO_INTEL,
    models.IPAD_CELLULAR,
    models.VISION_PRO,
)
ATTEMPTS = 10
TALKATIVE = 30
"""A fleet of up to so many devices tells of each; a larger one only counts."""
QUIET = 5.0
"""Seconds between two lines on what is tried again."""

UNSUPERVISED = 4
"""One in so many of the devices that could be otherwise is not supervised."""

Print = Callable[[str], object]


class Fleet:
    """``count`` devices that enroll by the profile at ``profile_url``.

    ``courier`` brings pushes; without one each device connects every ``poll`` seconds.
    ``folder`` keeps the devices from one run to the next. ``first`` numbers the devices
    apart from those of another fleet, ``mix`` tells their models. ``key_pool`` > 0
    shares so many keys; ``factory`` makes the devices, as over the air they must be.
    By ``account`` come some of them, and its person signs in again when asked to.
    ``out`` prints a line.
    """

    def __init__(
        self,
        profile_url: str,
        count: int,
        *,
        transport: Transport | None = None,
        courier: Courier | None = None,
        folder: Path | None = None,
        mix: Sequence[Hardware] = MIX,
        first: int = 0,
        workers: int = 8,
        poll: float = 30.0,
        key_pool: int = 0,
        factory: Factory | None = None,
        account: Account | None = None,
        out: Print = print,
    ) -> None:
        self.profile_url, self.count, self.mix = profile_url, count, mix
        self.transport = transport or HTTPTransport(connections=2 * workers)
        self.courier, self.folder, self.first = courier, folder, first
        self.workers, self.poll, self.out = workers, poll, out
        self.factory, self.account = factory, account
        self.make_key = KeyPool(key_pool) if key_pool else new_key
        self.counts, self.returns = Counts(), Returns()
        self.devices: list[SimulatedDevice] = []
        self._stopping = threading.Event()
        self._sessions = Sessions(self._session, workers=workers)
        self._failures: dict[Channel, int] = {}
        self._gone: set[SimulatedDevice] = set()
        self._said = 0.0
        self._lock = threading.Lock()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    # Enrolling

    def enroll(self) -> int:
        """Enroll what is not enrolled yet, and return how many devices are."""
        numbers = range(self.first, self.first + self.count)
        with ThreadPoolExecutor(self.workers, "enroll") as pool:
            try:
                list(pool.map(self._come_in, numbers))
            except KeyboardInterrupt:
                self.stop()
                raise
        return self.counts.enrolled

    def _come_in(self, number: int) -> None:
        """Enroll one device; whatever happens to it, the others go on."""
        if self._stopping.is_set():
            return
        device = self._device(number)
        try:
            if not device.enrolled:
                self._enroll(device)
        except Exception as error:
            self._trouble(device, error)
            return
        self._register(device)

    def _device(self, number: int) -> SimulatedDevice:
        path = self._path(number)
        if path and path.exists():
            device = storage.load(
                path,
                self.transport,
                courier=self.courier,
                make_key=self.make_key,
                factory=self.factory,
            )
        else:
            device = self._new_device(number)
        for channel in device.channels:
            channel.on_push = self._sessions.put
        return device

    def _new_device(self, number: int) -> SimulatedDevice:
        model = self.mix[number % len(self.mix)]
        personal = not model.is_mac and number % UNSUPERVISED == UNSUPERVISED - 1
        return SimulatedDevice(
            model,
            self.transport,
            seed=number,
            supervised=not personal,
            courier=self.courier,
            make_key=self.make_key,
            factory=self.factory,
        )

    def _path(self, number: int) -> Path | None:
        return self.folder / f"{number:06}.plist" if self.folder else None

    def _enroll(self, device: SimulatedDevice) -> None:
        """Take a profile and install it, with patience where the server has none."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._take_the_way_in(device)
                break
            except (Unreachable, ServerRefused) as error:
                if device.enrolled:
                    break  # only TokenUpdate is missing, which the first session sends
                if attempt == ATTEMPTS or not is_passing(error):
                    raise
                self._retry(device, error)
            if self._stopping.wait(pause(attempt)):
                raise NotEnrolled("The fleet was stopped.")
        for user in self._users(device):
            with suppress(Unreachable, ServerRefused):  # its session tries again
                device.log_in(user)

    def _take_the_way_in(self, device: SimulatedDevice) -> None:
        if self.account and self.account.is_for(device):
            self.account.enroll(device)
        else:
            device.install(fetch_profile(self.transport, self.profile_url))

    def _users(self, device: SimulatedDevice) -> Sequence[str]:
        """Two people log in to each Mac."""
        if not device.is_mac:
            return ()
        other = FIRST_NAMES[(device.unit.seed + 1) % len(FIRST_NAMES)]
        return device.unit.owner.lower(), other.lower()

    def _register(self, device: SimulatedDevice) -> None:
        for channel in device.channels:
            kept = channel.kept
            if self.courier is None:
                self._sessions.put(channel, random.uniform(0, min(self.poll, 5)))
            elif kept.unsent or not kept.announced:
                self._sessions.put(channel, 1)
        with self._lock:
            self.devices.append(device)
            self.counts.add(enrolled=1)
            enrolled = len(self.devices)
        self._save(device)
        if self.count <= TALKATIVE:
            self.out(f"{device.state.name} ({device.unit.serial_number}) is enrolled.")
        elif enrolled % max(self.count // 20, 1) == 0:
            self.out(f"{enrolled} of {self.count} devices are enrolled.")

    # Obeying

    def run(self, seconds: float | None = None) -> Counts:
        """Connect whenever a push comes or the time does; for ever, or so long."""
        self._sessions.run(self._stopping, seconds)
        return self.counts

    def wait(self, seconds: float | None = None) -> None:
        """Return after so many seconds (None: never) or when the fleet is stopped."""
        self._stopping.wait(seconds)

    def stop(self) -> None:
        """Let every session that has begun end, and begin no other."""
        self._stopping.set()

    def _session(self, channel: Channel) -> float | None:
        """Connect once; return after how many seconds to do so again. Never raises."""
        if away := self.returns.wait(channel.device):
            return away if away < math.inf else None
        try:
            self._sign_in_again(channel)
            executed = channel.session()
            self._failures.pop(channel, None)
            self._report(channel, executed)
        except (Removed, NotEnrolled):
            pass  # told below
        except SignInRequired as error:
            self._tell(channel.device, error)
            return AGAIN_AFTER if self.account else None
        except Exception as error:
            return self._failed(channel, error)
        if not channel.device.enrolled:
            self._left(channel.device)
        if channel.device.is_away:
            return self._went_away(channel.device)
        polls = channel.polls or self.courier is None
        return self.poll if polls and channel.is_open else None

    def _went_away(self, device: SimulatedDevice) -> float | None:
        """Have somebody bring it back in a while."""
        if self.count <= TALKATIVE:
            self.out(f"{device.state.name} is {device.state.away}.")
        away = self.returns.wait(device)
        return away if away < math.inf else None

    def _sign_in_again(self, channel: Channel) -> None:
        """Have the person do so who was asked to, some time before."""
        device = channel.device
        if self.account and device.account and device.account.asked:
            device.sign_in_again(self.account.person)
            self.out(f"{device.state.name}: its person has signed in again.")

    def _report(self, channel: Channel, executed: list[Executed]) -> None:
        errors = sum(one.status.endswith("Error") for one in executed)
        odd = sum(bool(one.oddities) for one in executed)
        self.counts.add(sessions=1, commands=len(executed), errors=errors, odd=odd)
        if executed:
            self._save(channel.device)
        for one in executed if self.count <= TALKATIVE else ():
            self.out(f"{channel}: {one.request_type} {one.status}")
            for oddity in one.oddities:
                self.out(f"{channel}: not as it should be: {oddity}")

    def _failed(self, channel: Channel, error: Exception) -> float:
        """Come back later, ever later."""
        failures = self._failures[channel] = self._failures.get(channel, 0) + 1
        if is_passing(error):
            self._retry(channel.device, error)
        elif failures == 1:
            self._trouble(channel.device, error)
        return pause(failures)

    def _left(self, device: SimulatedDevice) -> None:
        with self._lock:
            if device in self._gone:
                return
            self._gone.add(device)
        self.counts.add(enrolled=-1, left=1)
        self._save(device)
        self.out(f"{device.state.name} is no longer managed.")

    def _save(self, device: SimulatedDevice) -> None:
        path = self._path(device.unit.seed)
        if path:
            with device.lock:
                storage.save(device, path)

    def _retry(self, device: SimulatedDevice, error: Exception) -> None:
        """Tell of it, but not for each of a thousand devices that see the same."""
        self.counts.add(retries=1)
        if time.monotonic() - self._said > QUIET:
            self._said = time.monotonic()
            self._tell(device, error)

    def _trouble(self, device: SimulatedDevice, error: Exception) -> None:
        self.counts.add(troubles=1)
        self._tell(device, error)

    def _tell(self, device: SimulatedDevice, error: Exception) -> None:
        self.out(f"{device.state.name}: {error} {advice(error, self.profile_url)}")


def fetch_profile(transport: Transport, url: str) -> bytes:
    """Return a fresh profile that enrolls, or begins it over the air.

    Each holds a challenge for one device.
    """
    response = transport.send("GET", url, {"Accept": "*/*"}, b"")
    if not response.ok:
        raise ServerRefused(url, response.status, response.body)
    if response.media_type == "text/html":
        raise ProfileRefused(f"{url} answers with a web page, not with a profile.")
    return response.body


def run(
    *,
    profile_url: str,
    count: int,
    courier: str = "",
    folder: str = "",
    seconds: float | None = None,
    poll: float = 30.0,
    workers: int = 8,
    key_pool: int = 0,
    first: int = 0,
    ca_file: str = "",
    factory: Factory | None = None,
    account: Account | None = None,
    out: Print = print,
) -> int:
    """Run a fleet as a command does; return 0, or 1 where a device had trouble.

    ``courier`` is the HOST:PORT where pushes are taken from; '': poll. ``seconds`` None
    goes on until Ctrl-C.
    """
    transport = HTTPTransport(ca_file=ca_file or None, connections=2 * workers)
    pushes = _courier(courier)
    fleet = Fleet(
        profile_url,
        count,
        transport=transport,
        courier=pushes,
        folder=Path(folder) if folder else None,
        first=first,
        workers=workers,
        poll=poll,
        key_pool=key_pool,
        factory=factory,
        account=account,
        out=out,
    )
    obeying = threading.Thread(target=fleet.run, name="fleet")
    obeying.start()
    try:
        enrolled = fleet.enroll()
        out(f"{enrolled} of {count} devices are enrolled; Ctrl-C ends.")
        if enrolled:
            fleet.wait(seconds)
    except KeyboardInterrupt:
        out("Ending.")
    finally:
        fleet.stop()
        obeying.join()
        if pushes:
            pushes.close()
    out(f"{fleet.counts}.")
    return 1 if fleet.counts.troubles else 0


def _courier(address: str) -> PushCourier | None:
    if not address:
        return None
    host, _, port = address.rpartition(":")
    return PushCourier(host or "127.0.0.1", int(port))
