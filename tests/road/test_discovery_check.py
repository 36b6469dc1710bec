"""The discovery check, against a web server of a mail domain, over TLS."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from enrollment import account
from enrollment.account import discovery_check
from enrollment.account.discovery_check import Asker, check, snippets
from enrollment.models import EnrollmentProfile, MailDomain, Route
from mdmportal.simulator.apple import SimulatedApple

from ..servers import free_port

Answer = tuple[int, dict[str, str], bytes]
Rule = Callable[[str], Answer]
JSON = {"Content-Type": "application/json"}


class Domain:
    """A web server for localhost; ``rule`` says what it answers to a path."""

    def __init__(self, apple: SimulatedApple) -> None:
        self.rule: Rule = lambda path: (404, {}, b"")
        domain = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = domain.rule(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(apple.apns_file, apple.apns_key_file)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        self.base = f"{self.url}/enroll/code/account"

    def document(self, **changes: Any) -> bytes:
        server = {"Version": "mdm-byod", "BaseURL": self.base} | changes
        return json.dumps({"Servers": [server]}).encode()


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> SimulatedApple:
    return SimulatedApple(tmp_path_factory.mktemp("apple"))


@pytest.fixture(scope="module")
def domain(apple: SimulatedApple) -> Iterator[Domain]:
    domain = Domain(apple)
    threading.Thread(target=domain.server.serve_forever, daemon=True).start()
    yield domain
    domain.server.shutdown()
    domain.server.server_close()


@pytest.fixture
def asker(domain: Domain, apple: SimulatedApple) -> Asker:
    return Asker(str(apple.ca_file), domain.port)


def well(domain: Domain) -> Rule:
    """The portal's own answers."""

    def rule(path: str) -> Answer:
        if path.startswith("/.well-known/"):
            return 200, JSON, domain.document()
        return 405, {"Allow": "POST"}, b""

    return rule


def instead(domain: Domain, *answer: Any) -> Rule:
    """This answer to the question itself; the rest is well."""
    return lambda path: answer if "well-known" in path else well(domain)(path)


def last(domain: Domain, asker: Asker) -> tuple[bool, str]:
    found = check("localhost", "iPhone", domain.base, asker)
    assert all(one.is_ok for one in found[:-1])
    return found[-1].is_ok, found[-1].title


def test_all_is_well(domain: Domain, asker: Asker) -> None:
    domain.rule = well(domain)
    assert last(domain, asker) == (True, "That address answers")


def test_a_redirect_that_keeps_the_query_is_followed(
    domain: Domain, asker: Asker
) -> None:
    def rule(path: str) -> Answer:
        if path.startswith("/.well-known/"):
            query = path.partition("?")[2]
            return 302, {"Location": f"/portal/.well-known/x?{query}"}, b""
        if path.startswith("/portal/"):
            return 200, JSON, domain.document()
        return 405, {}, b""

    domain.rule = rule
    assert last(domain, asker) == (True, "That address answers")


def test_what_is_wrong_is_said(domain: Domain, asker: Asker) -> None:
    elsewhere = domain.document(BaseURL="https://other.example/")
    refusal = b'{"code": "com.apple.well-known.failed"}'
    rules = {
        "A redirect loses the query": (301, {"Location": "/portal"}, b""),
        "A redirect leaves https": (301, {"Location": "http://x.example/"}, b""),
        "The answer is 404, not 200": (404, {}, b"<html>"),
        "The portal has no way in for this domain and device": (403, JSON, refusal),
        "The Content-Type is wrong": (
            200,
            {"Content-Type": "application/octet-stream"},
            domain.document(),
        ),
        "The answer is no JSON": (200, JSON, b"<html>"),
        "The answer does not name one server": (200, JSON, b'{"servers": []}'),
        "The Version is wrong": (200, JSON, domain.document(Version="mdm")),
        "There is no BaseURL": (200, JSON, domain.document(BaseURL=7)),
        "That is not the address this portal would give": (200, JSON, elsewhere),
    }
    for title, answer in rules.items():
        domain.rule = instead(domain, *answer)
        assert last(domain, asker) == (False, title)


def test_a_proxy_that_answers_instead_of_the_portal_is_named(
    domain: Domain, asker: Asker
) -> None:
    domain.rule = lambda path: (200, JSON, domain.document())
    assert last(domain, asker) == (False, "That address answers 200")


def test_endless_redirects_end(domain: Domain, asker: Asker) -> None:
    domain.rule = lambda path: (302, {"Location": path}, b"")
    assert last(domain, asker)[1] == "It sends devices on more than 5 times"


def test_a_server_that_drips_is_given_up(
    apple: SimulatedApple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends one byte after the other, each of them in time."""
    monkeypatch.setattr(discovery_check, "SECONDS", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(apple.apns_file, apple.apns_key_file)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(listener.accept()[0], server_side=True) as peer,
        ):
            while not ended.wait(0.1):
                peer.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        asker = Asker(str(apple.ca_file), listener.getsockname()[1])
        found = check("localhost", "iPhone", "", asker)
        ended.set()
    assert found[-1].title == "localhost takes too long to answer"


def test_a_certificate_that_devices_do_not_trust_is_named(domain: Domain) -> None:
    title = last(domain, Asker("", domain.port))[1]
    assert title == "localhost has no certificate that devices trust"


def test_nobody_there_is_named(domain: Domain, apple: SimulatedApple) -> None:
    nobody = Asker(str(apple.ca_file), free_port())
    assert last(domain, nobody)[1] == "localhost refuses the connection"
    found = check("no-such-host.invalid", "iPhone", domain.base, nobody)
    assert "no-such-host.invalid" in found[-1].title


def test_the_examples_pass_on_the_query() -> None:
    for _, text in snippets("https://mdm.example.com"):
        assert "https://mdm.example.com/.well-known/" in text
        assert any(word in text for word in ("$is_args$args", "R=302", "uri.query"))


# --- The page


@pytest.mark.django_db
def test_the_page_asks_and_says_what_it_found(
    admin_client: Client,
    domain: Domain,
    apple: SimulatedApple,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DISCOVERY_CA_FILE = str(apple.ca_file)
    settings.DISCOVERY_PORT = domain.port
    way = EnrollmentProfile.objects.create(name="Own devices", kind="byod")
    row = MailDomain.objects.create(name="localhost")
    page = f"/admin/enrollment/maildomain/{row.pk}/discovery/"
    assert "No way in is set up" in _text(admin_client.get(page, {"family": "Mac"}))
    Route.objects.create(domain=row, way=way)
    settings.PUBLIC_URL = domain.url
    domain.base = account.base_url(way)
    domain.rule = well(domain)
    assert "All is well" in _text(admin_client.get(page, {"family": "Mac"}))
    domain.rule = instead(domain, 301, {"Location": "/portal"}, b"")
    text = _text(admin_client.get(page, {"family": "Mac"}))
    assert "A redirect loses the query" in text
    assert "A device stops here" in text


def _text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.django_db
def test_the_page_is_for_those_who_may_see_domains(client: Client) -> None:
    row = MailDomain.objects.create(name="localhost")
    page = f"/admin/enrollment/maildomain/{row.pk}/discovery/"
    assert client.get(page).status_code == 302
