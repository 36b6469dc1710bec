"""A channel: where commands come to, for the device or for one user of it.

https://developer.apple.com/documentation/devicemanagement/sending-mdm-commands-to-a-device
"""

import secrets
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mdmportal.protocol import plist, schema
from mdmportal.protocol.mobileconfig import TOKEN

from . import answers, service_token
from .behaviour import Behaviour
from .errors import Error, FormatError
from .service_token import ServiceToken
from .state import ChannelState

if TYPE_CHECKING:
    from .device import SimulatedDevice

MAX_COMMANDS = 1000
"""A session that offers more is not going to end."""

IDLE = {"Status": "Idle"}

Odd = TypeVar("Odd", Error, FormatError)


class Courier(Protocol):
    """The way of pushes to the device, such as ``simulator.courier.Courier``."""

    def register(
        self, token: str, topic: str, callback: Callable[[str], None]
    ) -> object: ...

    def unregister(self, token: str) -> object: ...


@dataclass(frozen=True)
class Executed:
    """One command that was reported on; ``request`` and ``report`` as they were sent.

    ``oddities`` is what was wrong with it, and what the device passed over.
    """

    request_type: str
    command_uuid: str
    status: str
    report: Mapping[str, Any]
    request: Mapping[str, Any]
    oddities: tuple[str, ...] = ()


class Channel(ABC):
    """A conversation with the server; one at a time, whatever the thread.

    ``pushed`` is set by a push and cleared when a session begins; ``on_push`` is called
    with the channel, on the thread of the courier. ``last_status`` was reported last.
    ``oddities`` is what commands had that a server should not have sent here.
    """

    def __init__(self) -> None:
        self.pushed = threading.Event()
        self.on_push: Callable[[Channel], None] = lambda channel: None
        self.last_status = ""
        self.oddities: list[str] = []
        self._missed = False
        self._conversation = threading.RLock()
        self._afterwards: list[Callable[[], None]] = []
        self._repeats = False

    @property
    @abstractmethod
    def device(self) -> "SimulatedDevice":
        """The device of this channel, or the channel itself."""

    @property
    @abstractmethod
    def kept(self) -> ChannelState:
        """What is kept of this channel."""

    @abstractmethod
    def who(self) -> dict[str, Any]:
        """The identity keys of every message."""

    @property
    @abstractmethod
    def awaits(self) -> bool:
        """Whether the device, or a user of it, waits to be configured."""

    @abstractmethod
    def is_configured(self) -> None:
        """Hear that what was waited for to be configured is."""

    @property
    def is_user(self) -> bool:
        return self is not self.device

    @property
    def is_open(self) -> bool:
        """Whether the server may send commands here."""
        return self.device.enrolled and bool(self.kept.token)

    @property
    def polls(self) -> bool:
        """After NotNow the device comes back by itself, else only when pushed."""
        return self.last_status == "NotNow"

    def lacks(self, what: schema.Command | schema.Key) -> str:
        """Return why a command, or a key of one, is not for this channel; else ''."""
        return schema.unavailable(what, self.target)

    @property
    def target(self) -> schema.Target:
        """What decides of commands and keys whether they are for this channel."""
        device = self.device
        return schema.Target(
            os=device.hardware.platform,
            version=schema.parse_version(device.state.os_version),
            channel="user" if self.is_user else "device",
            supervised=device.supervised,
            mode=device.mode,
            rights=device.stay.rights,
        )

    def found_odd(self, error: Odd) -> Odd:
        """Note down, and return, why a command that came is refused."""
        self.oddities.append(str(error))
        return error

    # Speaking

    def connect(
        self,
        status: str = "Idle",
        to: Mapping[str, Any] | str | None = None,
        **answer: Any,
    ) -> dict[str, Any] | None:
        """Report ``status`` once, and return the command that comes back, if any.

        ``to`` is the command reported on or its CommandUUID, ``answer`` further keys of
        the report. Nothing is executed. Raises ServerRefused, Unreachable, NotEnrolled.
        """
        report: dict[str, Any] = {"Status": status, **answer}
        if to is not None:
            report["CommandUUID"] = to if isinstance(to, str) else to["CommandUUID"]
        with self._conversation:
            return self._report(report)

    def session(self) -> list[Executed]:
        """Connect, obey what comes until nothing does, and return what was reported.

        What went unreported at the last session is said first. A device that restarts
        has done so; one that is off or locked does not connect. Raises ServerRefused
        and Unreachable; what did not get through is kept for the next session.
        """
        executed: list[Executed] = []
        with self._conversation:
            self.pushed.clear()
            self.device.end_restart()
            if self.device.is_away:
                return executed
            self.announce()
            if not self.is_open:
                return executed
            command = self._deliver()
            while command is not None and len(executed) < MAX_COMMANDS:
                known = len(self.oddities)
                report = self._execute(command)
                if report is None:
                    break
                self.kept.unsent = report
                odd = tuple(self.oddities[known:])
                executed.append(_executed(command, report, odd))
                command = self._deliver()
        return executed

    def get_token(self, service_type: str = service_token.MAID) -> ServiceToken:
        """Return a token for a service of Apple's. Raises ServerRefused, TokenRefused.

        ValueError where the enrollment profile does not say that the server has any.
        """
        if not self.device.stay.has_capability(TOKEN):
            raise ValueError(f"{self} was not told to ask for tokens")
        keys = {"TokenServiceType": service_type, **self.who()}
        answer = plist.loads(self.device.check_in("GetToken", **keys).body)
        return service_token.read(answer.get("TokenData"), service_type)

    def afterwards(self, action: Callable[[], None]) -> None:
        """Have ``action`` done when the report on the present command is delivered."""
        self._afterwards.append(action)

    def _report(self, report: Mapping[str, Any]) -> dict[str, Any] | None:
        response = self.device.put(connect={**self.who(), **self._extras(), **report})
        self.last_status = str(report["Status"])
        return plist.loads(response.body) if response.body else None

    def _extras(self) -> dict[str, Any]:
        """Further keys of every report."""
        return {}

    def _deliver(self) -> dict[str, Any] | None:
        """Say what is to be said and return the next command.

        What a device does after a report may take it away, or into another stay: it
        then does not get to what came with the answer.
        """
        stay = self.device.enrollment
        command = self._report(self.kept.unsent or IDLE)
        if self._repeats:
            self._repeats = False
            command = self._report(self.kept.unsent)
        self.kept.unsent = {}
        while self._afterwards:
            self._afterwards.pop(0)()
        is_there = self.is_open and not self.device.is_away
        return command if is_there and self.device.enrollment is stay else None

    # Obeying

    def _execute(self, command: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the report on ``command``; None where the device goes silent."""
        request = command.get("Command")
        if not isinstance(request, dict):
            request = {}
        behaviour = self.device.take_order(str(request.get("RequestType")))
        if behaviour is Behaviour.VANISH:
            return None
        self._repeats = behaviour is Behaviour.REPEAT
        report = self._answer(request, behaviour)
        return {"CommandUUID": command["CommandUUID"], **report}

    def _answer(
        self, request: Mapping[str, Any], behaviour: Behaviour | Error | None
    ) -> dict[str, Any]:
        if behaviour is Behaviour.NOT_NOW:
            return {"Status": "NotNow"}
        try:
            if isinstance(behaviour, Error):
                raise behaviour
            if behaviour is Behaviour.COMMAND_FORMAT_ERROR:
                raise FormatError
            with self.device.lock:
                return {"Status": "Acknowledged", **answers.answer(self, request)}
        except FormatError:
            return {"Status": "CommandFormatError"}
        except Error as error:
            return {"Status": "Error", "ErrorChain": error.chain(), **error.keys}

    # Being pushed to

    def renew_token(self) -> None:
        """Take a new push token and PushMagic, and tell the server."""
        with self._conversation:
            self.unregister()
            self.new_token()
            self.announce()

    def new_token(self) -> None:
        """Take a new push token and PushMagic; the next announcement tells them."""
        self.kept.token = secrets.token_bytes(32)
        self.kept.push_magic = str(uuid.uuid4()).upper()
        self.kept.announced = False

    def announce(self) -> None:
        """Send TokenUpdate unless the server has taken the present token."""
        if not self.kept.token or self.kept.announced:
            return
        self.listen()
        self.device.check_in(
            "TokenUpdate",
            Topic=self.device.stay.topic,
            Token=self.kept.token,
            PushMagic=self.kept.push_magic,
            **self.who(),
            **self._token_keys(),
        )
        self.kept.announced = True

    def _token_keys(self) -> dict[str, Any]:
        """Further keys of TokenUpdate."""
        return {}

    def listen(self) -> None:
        """Let the courier, if there is one, bring pushes for the present token."""
        courier = self.device.courier
        if courier and self.kept.token:
            topic = self.device.stay.topic
            courier.register(self.kept.token.hex(), topic, self.take_push)

    def unregister(self) -> None:
        """Give the present token up: pushing to it fails from now on."""
        if self.kept.token and self.device.courier:
            self.device.courier.unregister(self.kept.token.hex())
        self.kept.token = b""

    def take_push(self, push_magic: str) -> None:
        """Hear a push; one with another PushMagic is for an enrollment long gone.

        APNs keeps one for a device that is away.
        """
        if push_magic != self.kept.push_magic or not self.is_open:
            return
        self._missed = self.device.is_away
        if not self._missed:
            self.pushed.set()
            self.on_push(self)

    def hear_missed(self) -> None:
        """Hear the push that came while the device was away, if one did."""
        if self._missed:
            self.take_push(self.kept.push_magic)


def _executed(
    command: Mapping[str, Any], report: Mapping[str, Any], odd: tuple[str, ...]
) -> Executed:
    request = command.get("Command", {})
    return Executed(
        str(request.get("RequestType")),
        str(command["CommandUUID"]),
        str(report["Status"]),
        report,
        request,
        odd,
    )
