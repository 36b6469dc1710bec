"""The TLS proxy: nginx with the project's own configuration, before a listener."""

import base64
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import cms

from ..servers import find, free_port
from .conftest import DAY, NOW, PUBLIC_URL, Authority, Identity, Proxy, proxy_before

pytestmark = pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")

HEADER = "X-Client-Certificate"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Listener:
    """Stands where the portal stands, and keeps what reaches it."""

    received: list[Received] = field(default_factory=list)
    port: int = 0


@pytest.fixture(scope="module")
def device(authority: Authority) -> Identity:
    return authority.issue("a device")


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            assert len(headers) == len(self.headers.items()), "a header came twice"
            listener.received.append(Received(self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_PUT = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listener.port = server.server_port
        yield listener
        server.shutdown()


@pytest.fixture(scope="module")
def proxy(
    listener: Listener, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy that asks for client certificates."""
    folder = tmp_path_factory.mktemp("nginx")
    with proxy_before(
        listener.port, authority, folder, certificates="optional_no_ca"
    ) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def plain_proxy(
    listener: Listener, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy that does not, as it is by default."""
    folder = tmp_path_factory.mktemp("nginx")
    with proxy_before(listener.port, authority, folder, certificates="off") as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _nothing_received(listener: Listener) -> None:
    listener.received.clear()


AWKWARD = b"<plist>\r\n\x00\xff\xc3\x28 +%2B&amp;\n\n</plist>\r\n" * 50


@pytest.mark.parametrize("size", [0, 1, len(AWKWARD), 300_000])
def test_what_a_device_signed_arrives_as_it_was_sent(
    plain_proxy: Proxy, listener: Listener, device: Identity, size: int
) -> None:
    body = (AWKWARD * (size // len(AWKWARD) + 1))[:size]
    message = cms.sign(body, device.certificate, device.key, detached=True)
    signature = base64.b64encode(message).decode()
    sent = {
        "Content-Type": "application/x-apple-aspen-mdm; charset=UTF-8",
        "Accept-Encoding": "gzip, deflate, br",
        "Mdm-Signature": signature,
    }
    assert plain_proxy.send("PUT", "/mdm/connect", body, sent).status == 200
    [received] = listener.received
    assert (received.method, received.path) == ("PUT", "/mdm/connect")
    assert received.body == body
    assert received.headers["content-type"] == sent["Content-Type"]
    assert received.headers["mdm-signature"] == signature
    signed = cms.verify(base64.b64decode(signature), received.body)
    assert signed.signer == device.certificate


def test_a_body_that_says_it_is_compressed_is_left_alone(
    plain_proxy: Proxy, listener: Listener
) -> None:
    headers = {"Content-Encoding": "gzip"}
    plain_proxy.send("PUT", "/mdm/connect", b"\x1f\x8b\x08 no gzip", headers)
    [received] = listener.received
    assert received.body == b"\x1f\x8b\x08 no gzip"
    assert received.headers["content-encoding"] == "gzip"


def test_a_body_in_chunks_arrives_whole_and_with_its_length(
    plain_proxy: Proxy, listener: Listener
) -> None:
    connection = plain_proxy.connect()
    connection.request(
        "PUT", "/mdm/connect", iter([b"<plist>", b"</plist>"]), encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    [received] = listener.received
    assert received.body == b"<plist></plist>"
    assert received.headers["content-length"] == "15"


def test_a_query_string_is_kept_to_the_letter(
    plain_proxy: Proxy, listener: Listener
) -> None:
    path = "/scep?operation=PKIOperation&message=MIIB%2B/w=="
    plain_proxy.send("GET", path)
    [received] = listener.received
    assert received.path == path


def test_large_reports_pass_and_larger_ones_than_any_are_refused(
    plain_proxy: Proxy, listener: Listener
) -> None:
    body = bytes(range(256)) * (20 * MIB // 256)
    assert plain_proxy.send("PUT", "/mdm/connect", body).status == 200
    assert listener.received[0].body == body
    length = {"Content-Length": str(33 * MIB)}
    assert plain_proxy.send("PUT", "/mdm/connect", b"", length).status == 413
    assert len(listener.received) == 1


def test_a_header_of_thirty_kilobytes_passes(
    plain_proxy: Proxy, listener: Listener
) -> None:
    signature = "A" * 30_000
    plain_proxy.send("PUT", "/mdm/connect", b"x", {"Mdm-Signature": signature})
    assert listener.received[0].headers["mdm-signature"] == signature


def test_a_client_certificate_is_handed_over(
    proxy: Proxy, listener: Listener, device: Identity
) -> None:
    response = proxy.send("PUT", "/mdm/checkin", b"<plist/>", identity=device)
    assert response.status == 200
    [received] = listener.received
    pem = unquote(received.headers[HEADER.lower()]).encode()
    assert x509.load_pem_x509_certificate(pem) == device.certificate
    assert received.body == b"<plist/>"


def test_an_expired_certificate_is_the_portals_to_judge(
    proxy: Proxy, listener: Listener, authority: Authority
) -> None:
    expired = authority.issue("an old device", until=NOW - DAY)
    response = proxy.send("PUT", "/mdm/connect", b"<plist/>", identity=expired)
    assert response.status == 200
    [received] = listener.received
    assert (received.method, received.path) == ("PUT", "/mdm/connect")
    assert received.body == b"<plist/>"
    pem = unquote(received.headers[HEADER.lower()]).encode()
    assert x509.load_pem_x509_certificate(pem) == expired.certificate


def test_pages_are_not_told_about_certificates(
    proxy: Proxy, listener: Listener, device: Identity
) -> None:
    proxy.send("GET", "/accounts/login/", identity=device)
    assert HEADER.lower() not in listener.received[0].headers


@pytest.mark.parametrize("name", [HEADER, HEADER.upper(), HEADER.replace("-", "_")])
@pytest.mark.parametrize("kind", ["proxy", "plain_proxy"])
def test_a_certificate_that_someone_wrote_into_the_header_is_dropped(
    request: pytest.FixtureRequest,
    listener: Listener,
    device: Identity,
    kind: str,
    name: str,
) -> None:
    proxy: Proxy = request.getfixturevalue(kind)
    forged = device.certificate.public_bytes(Encoding.PEM).decode()
    headers = {name: forged.replace("\n", "%0A")}
    proxy.send("PUT", "/mdm/connect", b"<plist/>", headers)
    [received] = listener.received
    names = {name.replace("_", "-") for name in received.headers}
    assert HEADER.lower() not in names


def test_what_the_portal_believes_of_the_proxy_cannot_be_sent_by_others(
    plain_proxy: Proxy, listener: Listener
) -> None:
    forged = {"X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.1"}
    plain_proxy.send("GET", "/", headers={**forged, "X-Real-IP": "192.0.2.1"})
    headers = listener.received[0].headers
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "127.0.0.1"
    assert headers["host"] == f"localhost:{plain_proxy.https_port}"


def test_browsers_are_sent_on_to_https(plain_proxy: Proxy, listener: Listener) -> None:
    response = plain_proxy.send("GET", "/enroll/a/?b=c", tls=False)
    assert response.status == 301
    assert response.headers["Location"] == f"{PUBLIC_URL}/enroll/a/?b=c"
    assert not listener.received


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/mdm/connect"), ("POST", "/scep?operation=x"), ("POST", "/accounts/")],
)
def test_devices_and_forms_are_never_redirected(
    plain_proxy: Proxy, listener: Listener, method: str, path: str
) -> None:
    assert plain_proxy.send(method, path, b"<plist/>", tls=False).status == 400
    assert not listener.received


def test_a_portal_that_is_away_is_an_error_after_which_devices_come_again(
    authority: Authority, tmp_path: Path
) -> None:
    with proxy_before(free_port(), authority, tmp_path, certificates="off") as proxy:
        assert proxy.send("PUT", "/mdm/connect", b"<plist/>").status == 502
