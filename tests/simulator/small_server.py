"""The other end of a simulated device's connection: a CA, and a scripted MDM server.

The CA is the real server half of SCEP. Of MDM there is only as much as it takes to see
what the device sends and to choose what it gets: nothing here decides anything.
"""

import base64
import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import cms, connect, plist, scep
from mdmportal.protocol.mobileconfig import EnrollmentProfile

TOPIC = "com.apple.mgmt.External.7f5a0c1e-0000-4000-8000-000000000001"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    subject: x509.Name, key: Any, issuer: x509.Name, *, ca: bool = False
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256())
    )


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


CA = certificate(name("Small CA"), KEY.public_key(), name("Small CA"), ca=True)


class SmallServer(ThreadingHTTPServer):
    """What came is kept: Check-in ``messages``, Connect ``reports``, SCEP ``requests``.

    ``commands`` are sent one after the other to whoever connects. A status in
    ``statuses``, by MessageType or Status, is answered once instead of obeying.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.requests: list[scep.Request] = []
        self.posted: list[str] = []
        self.signed: list[cms.Signed] = []
        self.commands: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, tuple[int, bytes]] = {}
        self.capabilities = list(scep.CAPABILITIES)
        self.refuses: scep.FailInfo | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def profile(self, **changes: Any) -> bytes:
        """Return an enrollment profile with a new challenge, as ``/profile`` does."""
        keys: dict[str, Any] = {
            "seed": uuid.UUID(int=1),
            "identifier": "com.example.enrollment",
            "name": "Example",
            "organization": "Example",
            "topic": TOPIC,
            "server_url": f"{self.url}/connect",
            "checkin_url": f"{self.url}/checkin",
            "scep_url": f"{self.url}/scep",
            "challenge": uuid.uuid4().hex,
            "subject": str(uuid.uuid4()),
        }
        return EnrollmentProfile(**keys | changes).to_plist()

    def order(self, request_type: str, **keys: Any) -> str:
        """Queue a command and return its CommandUUID."""
        command_uuid = str(uuid.uuid4())
        command = {"RequestType": request_type, **keys}
        self.commands.append({"CommandUUID": command_uuid, "Command": command})
        return command_uuid

    def pki_operation(self, message: bytes) -> bytes:
        request = scep.read_request(scep.open_envelope(message), CA, KEY)
        self.requests.append(request)
        if self.refuses:
            return scep.failure(request, self.refuses, CA, KEY)
        public = request.csr.public_key()
        issued = certificate(request.csr.subject, public, CA.subject)
        return scep.success(request, issued, CA, KEY)


class Handler(BaseHTTPRequestHandler):
    server: SmallServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""

    def answer(self, status: int, body: bytes, media_type: str = "text/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        operation = parse_qs(parts.query).get("operation", [""])[0]
        if parts.path == "/profile" and "profile" in self.server.statuses:
            self.answer(*self.server.statuses.pop("profile"))
        elif parts.path == "/profile":
            self.answer(200, self.server.profile(), "application/x-apple-aspen-config")
        elif operation == "GetCACert":
            body = CA.public_bytes(Encoding.DER)
            self.answer(200, body, "application/x-x509-ca-cert")
        elif operation == "GetCACaps":
            body = "\n".join(self.server.capabilities).encode()
            self.answer(200, body, "text/plain")
        elif operation == "PKIOperation":
            message = base64.b64decode(parse_qs(parts.query)["message"][0])
            self.server.posted.append("GET")
            self.answer(200, self.server.pki_operation(message))
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:
        self.server.posted.append("POST")
        self.answer(200, self.server.pki_operation(self.body()))

    def do_PUT(self) -> None:
        body = self.body()
        signature = base64.b64decode(self.headers["Mdm-Signature"])
        self.server.signed.append(cms.verify(signature, body))
        message = plist.loads(body)
        kind = message.get("MessageType") or message["Status"]
        if kind in self.server.statuses:
            self.answer(*self.server.statuses.pop(kind))
            return
        if "MessageType" in message:
            self.server.messages.append(message)
            answer = self.server.answers.get(kind)
            self.answer(200, plist.dumps(answer) if answer else b"")
            return
        connect.parse(body)
        self.server.reports.append(message)
        self.answer(200, self.next_command())

    def next_command(self) -> bytes:
        return plist.dumps(self.server.commands.pop(0)) if self.server.commands else b""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))


@contextmanager
def running() -> Iterator[SmallServer]:
    """Run the server on a free port until the ``with`` block is left."""
    with SmallServer() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
