"""A small server with ways in: over the air, account-driven, and pages to sign in.

As the small server it decides nothing: a test puts at an address whatever it wants the
device to get there.
"""

import json
import plistlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mdmportal.protocol import cms, plist
from mdmportal.protocol.mobileconfig import CONTENT_TYPE

from .small_server import CA, KEY, Handler, SmallServer

AUTHENTICATED = "apple-remotemanagement-user-login://authentication-results"
REDIRECTION = "apple-remotemanagement-user-login:/oauth2/redirection"


@dataclass(frozen=True)
class Asked:
    """One request, the names of ``headers`` in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def signed(self) -> cms.Signed:
        return cms.verify(self.body)

    @property
    def info(self) -> dict[str, Any]:
        """The dictionary that the device signed."""
        return plist.loads(self.signed.content)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    media_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


Route = Callable[[Asked], Reply]


def html(body: str, *headers: tuple[str, str]) -> Reply:
    page = f"<!doctype html><title>Page</title><body>{body}</body>"
    return Reply(200, page.encode(), "text/html; charset=utf-8", headers)


def redirect(url: str, status: int = 302, *headers: tuple[str, str]) -> Reply:
    return Reply(status, headers=(("Location", url), *headers))


def profile(content: bytes) -> Reply:
    return Reply(200, content, CONTENT_TYPE)


def as_json(document: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(document).encode(), "application/json")


def service(url: str, **changes: Any) -> bytes:
    """Return a Profile Service payload; None leaves a key of its content out."""
    content = {
        "URL": f"{url}/ota",
        "DeviceAttributes": ["UDID", "VERSION", "PRODUCT", "SERIAL", "IMEI"],
        "Challenge": "open sesame",
        **changes,
    }
    kept = {name: value for name, value in content.items() if value is not None}
    return plist.dumps(
        {
            "PayloadType": "Profile Service",
            "PayloadVersion": 1,
            "PayloadIdentifier": "com.example.service",
            "PayloadUUID": "fdb376e5-b5bb-4d8c-829e-e90865f990c9",
            "PayloadContent": kept,
        }
    )


class SmallPortal(SmallServer):
    """``routes`` are what it answers by path, ``asked`` what it was asked there.

    MDM requests need ``bearer`` (None: nothing), else get a 401 with ``challenge``;
    ``heard`` are tokens and bodies of what had it, ``unheard`` of what had not. Once
    a command was handed out, ``next_bearer`` is what is needed, if it is given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = PortalHandler
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        self.bearer: str | None = None
        self.next_bearer = ""
        self.challenge = ""
        self.unheard: list[tuple[str, bytes]] = []
        self.heard: list[tuple[str, bytes]] = []

    def asked_at(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    def says(self, path: str, reply: Reply) -> None:
        """Answer everything at ``path`` in the same way from now on."""
        self.routes[path] = lambda asked: reply

    # Over the air

    def service(self, **changes: Any) -> bytes:
        return service(self.url, **changes)

    def offers_ota(self, *, sealed: bool = False) -> None:
        """Serve phases 2 and 3 at /ota, the last profile encrypted if ``sealed``."""

        def ota(asked: Asked) -> Reply:
            signer = asked.signed.signer
            if signer.issuer != CA.subject:
                return profile(self.scep_profile())
            return profile(self.sealed(signer) if sealed else self.profile())

        self.routes["/ota"] = ota

    def scep_profile(self) -> bytes:
        whole = plist.loads(self.profile())
        scep = [one for one in whole["PayloadContent"] if "scep" in one["PayloadType"]]
        return plist.dumps({**whole, "PayloadContent": scep})

    def sealed(self, recipient: Any) -> bytes:
        whole = plist.loads(self.profile())
        content = plistlib.dumps(whole.pop("PayloadContent"))
        encrypted = cms.encrypt(content, recipient)
        body = plist.dumps({**whole, "EncryptedPayloadContent": encrypted})
        return cms.sign(body, CA, KEY)

    # Account-driven

    def offers_account(
        self,
        version: str = "mdm-byod",
        *,
        method: str = "web",
        token: str = "first",
        **mdm: Any,
    ) -> None:
        """Serve discovery, /account, and a login page at /authenticate.

        ``mdm`` changes the MDM payload; ``token`` is what signing in gives.
        """
        server = {"Version": version, "BaseURL": f"{self.url}/account"}
        self.says("/.well-known/com.apple.remotemanagement", discovered(server))
        self.challenge = self.challenge_of(method)
        self.bearer = token
        mode = {"mdm-byod": "BYOD", "mdm-adde": "ADDE"}[version]
        keys: dict[str, Any] = {
            "EnrollmentMode": mode,
            "AssignedManagedAppleID": "ada@example.com",
            **({"AccessRights": None} if mode == "BYOD" else {}),
            **mdm,
        }

        def account(asked: Asked) -> Reply:
            if asked.headers.get("authorization") != f"Bearer {self.bearer}":
                return self.unauthorized()
            return profile(self.changed(keys))

        self.routes["/account"] = account
        self.offers_login()

    def changed(self, mdm: Mapping[str, Any]) -> bytes:
        whole = plist.loads(self.profile())
        payload = whole["PayloadContent"][-1] | mdm
        kept = {name: value for name, value in payload.items() if value is not None}
        return plist.dumps(
            {**whole, "PayloadContent": [*whole["PayloadContent"][:-1], kept]}
        )

    def challenge_of(self, method: str) -> str:
        if method == "web":
            return f'Bearer method="apple-as-web", url="{self.url}/authenticate"'
        return (
            f'Bearer method="apple-oauth2", authorization-url="{self.url}/authorize", '
            f'token-url="{self.url}/token", redirect-url="{REDIRECTION}", '
            'client-id="portal", scope="mdm"'
        )

    def unauthorized(self) -> Reply:
        asks = ("WWW-Authenticate", self.challenge)
        return Reply(401, headers=(asks,) if self.challenge else ())

    def offers_login(self) -> None:
        """Serve a login form at /authenticate and /authorize, and tokens at /token."""

        def login(asked: Asked) -> Reply:
            if asked.method == "GET" or asked.form["password"] != "lovelace":
                wrong = "" if asked.method == "GET" else "<p>Wrong password.</p>"
                fields = (
                    '<input name="username"><input type="password" name="password">'
                )
                button = "<button>Sign in</button>"
                action = f"{asked.path}?{urlencode(asked.query)}".replace("&", "&amp;")
                form = f'<form method="post" action="{action}">{fields}{button}</form>'
                return html(wrong + form)
            if asked.path == "/authenticate":
                token = urlencode({"access-token": self.bearer or ""})
                return redirect(f"{AUTHENTICATED}?{token}", 308)
            back = urlencode({"code": "code 1", "state": asked.query["state"]})
            return redirect(f"{REDIRECTION}?{back}", 308)

        def token(asked: Asked) -> Reply:
            return as_json(
                {
                    "token_type": "Bearer",
                    "access_token": self.bearer,
                    "expires_in": 3600,
                    "refresh_token": f"again {self.bearer}",
                }
            )

        self.routes |= {"/authenticate": login, "/authorize": login, "/token": token}


def discovered(*servers: object) -> Reply:
    return as_json({"Servers": list(servers)})


class PortalHandler(Handler):
    server: SmallPortal
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        if not self.routed(b""):
            super().do_GET()

    def do_POST(self) -> None:
        if urlsplit(self.path).path == "/scep":
            super().do_POST()
        elif not self.routed(self.body()):
            self.answer(404, b"")

    def do_PUT(self) -> None:
        wanted, given = self.server.bearer, self.headers["Authorization"]
        if wanted is None or given == f"Bearer {wanted}":
            super().do_PUT()
            return
        self.server.unheard.append((given or "", super().body()))
        self.reply(self.server.unauthorized())

    def body(self) -> bytes:
        found = super().body()
        if self.command == "PUT":
            self.server.heard.append((self.headers["Authorization"] or "", found))
        return found

    def next_command(self) -> bytes:
        if self.server.commands and self.server.next_bearer:
            self.server.bearer, self.server.next_bearer = self.server.next_bearer, ""
        return super().next_command()

    def routed(self, body: bytes) -> bool:
        parts = urlsplit(self.path)
        route = self.server.routes.get(parts.path)
        if route is None:
            return False
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, query, headers, body)
        self.server.asked.append(asked)
        self.reply(route(asked))
        return True

    def reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.media_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)


@contextmanager
def running() -> Iterator[SmallPortal]:
    """Run the server on a free port until the ``with`` block is left."""
    with SmallPortal() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
