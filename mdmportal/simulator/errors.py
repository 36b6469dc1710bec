"""Errors: how an enrollment, a request or a command ends badly."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .challenge import Challenge

MALFORMED_REQUEST = 12008
UNKNOWN_REQUEST_TYPE = 12021
MDM_DOMAIN = "MCMDMErrorDomain"


class ProfileRefused(Exception):
    """The device does not install this profile; the text says why."""


class NotEnrolled(Exception):
    """The device is not, or no longer, under management."""


class ServerRefused(Exception):
    """The server answered with another status than 2xx."""

    def __init__(self, url: str, status: int, body: bytes = b"") -> None:
        text = body[:200].decode(errors="replace").strip()
        super().__init__(f"{url} answered {status}" + (f": {text}" if text else ""))
        self.url, self.status, self.body = url, status, body


class Removed(ServerRefused):
    """The answer made the device remove its enrollment profile."""


class DiscoveryRefused(ServerRefused):
    """The domain says that nobody manages this account on this model."""


class SignInRequired(ServerRefused):
    """The person has to sign in again; what was to be sent is kept until then."""

    def __init__(
        self, url: str, status: int, body: bytes, challenge: "Challenge"
    ) -> None:
        super().__init__(url, status, body)
        self.challenge = challenge


class SignInFailed(Exception):
    """The person could not sign in; ``text`` is what the last page says.

    ``status`` is that of its response, 0 where no response was at fault.
    """

    def __init__(self, url: str, why: str, *, status: int = 0, text: str = "") -> None:
        shown = " ".join(text.split())[:300]
        super().__init__(f"{url}: {why}" + (f" “{shown}”" if shown else ""))
        self.url, self.why, self.status, self.text = url, why, status, text


class Error(Exception):
    """A command fails; ``keys`` go into the report beside the ErrorChain."""

    def __init__(
        self,
        code: int,
        domain: str,
        text: str,
        *,
        cause: "Error | None" = None,
        **keys: Any,
    ) -> None:
        super().__init__(text)
        self.code, self.domain, self.text = code, domain, text
        self.cause, self.keys = cause, keys

    def chain(self) -> list[dict[str, Any]]:
        """Return the ErrorChain, the top-level error first."""
        item = {
            "ErrorCode": self.code,
            "ErrorDomain": self.domain,
            "LocalizedDescription": self.text,
            "USEnglishDescription": self.text,
        }
        return [item, *(self.cause.chain() if self.cause else [])]


class FormatError(Exception):
    """A command is malformed: the device answers CommandFormatError, without a word.

    The text is for who tests the server.
    """


def mdm_error(code: int, text: str, **keys: Any) -> Error:
    """Return an error of the MDM client itself."""
    return Error(code, MDM_DOMAIN, text, **keys)


def malformed(text: str) -> Error:
    """Return what a device says where keys that are right each do not go together."""
    return mdm_error(MALFORMED_REQUEST, f"The request is malformed: {text}.")


def not_valid(request_type: str) -> Error:
    """Return what a device says of a RequestType it does not know or do."""
    return mdm_error(
        UNKNOWN_REQUEST_TYPE, f"“{request_type}” is not a valid request type."
    )
