"""The real portal behind the real proxy: what devices and browsers find there."""

import re
import ssl
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mdmportal.protocol import plist
from mdmportal.simulator.apns import run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import IPHONE
from mdmportal.simulator.transport import HTTPTransport

from ..portal import Portal, Served
from ..servers import find, free_port
from .conftest import Authority, Proxy, proxy_before, save

pytestmark = pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")

PORTS = free_port(), free_port()
PUBLIC_URL = f"https://localhost:{PORTS[1]}"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The web server alone, with the settings that docker-compose.yml gives it."""
    folder = tmp_path_factory.mktemp("portal")
    with run_in_thread(SimulatedApple(folder / "simulator")) as apns:
        served = Served(
            folder,
            apns,
            database=f"sqlite:///{folder}/portal.sqlite3",
            redis="",
            PUBLIC_URL=PUBLIC_URL,
            CLIENT_CERTIFICATE_HEADER="X-Client-Certificate",
            CLIENT_ADDRESS_HEADER="X-Real-IP",
            TRUSTED_PROXIES="127.0.0.0/8",
        )
        served.pieces = {"web": served.pieces["web"]}
        with served.running():
            yield served


@pytest.fixture(scope="module")
def proxy(
    portal: Portal, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with proxy_before(
        portal.port,
        authority,
        tmp_path_factory.mktemp("nginx"),
        certificates="optional_no_ca",
        ports=PORTS,
        public_url=PUBLIC_URL,
    ) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def iphone(portal: Portal, proxy: Proxy) -> SimulatedDevice:
    transport = HTTPTransport(ca_file=str(proxy.trusted))
    device = SimulatedDevice(IPHONE, transport)
    device.install(portal.manage("enrollment_profile"))
    return device


def test_a_device_enrolls_and_answers(portal: Portal, iphone: SimulatedDevice) -> None:
    iphone.session()
    [device] = portal.manage("devices")
    assert device["state"] == "active"
    assert all(row["state"] == "acknowledged" for row in portal.manage("deliveries"))


def test_a_client_certificate_is_as_good_as_a_signature(
    iphone: SimulatedDevice, proxy: Proxy, authority: Authority
) -> None:
    identity = iphone.stay.identity
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    file = authority.folder / "iphone.pem"
    shown = save(identity.certificate, identity.key, file)
    body = plist.dumps({"UDID": iphone.unit.udid, "Status": "Idle"})
    headers = {"Content-Type": "application/x-apple-aspen-mdm"}
    answer = proxy.send("PUT", "/mdm/connect", body, headers, identity=shown)
    assert answer.status == 200
    stranger = authority.issue("a stranger")
    for other in (stranger, None):
        answer = proxy.send("PUT", "/mdm/connect", body, headers, identity=other)
        assert answer.status == 400


@pytest.fixture
def browser(proxy: Proxy) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=proxy.trusted)
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPCookieProcessor(CookieJar()),
    )


def test_a_person_signs_in(
    portal: Portal, browser: urllib.request.OpenerDirector
) -> None:
    login = f"{PUBLIC_URL}/accounts/login/"
    with browser.open(login) as page:
        assert "max-age" in page.headers["Strict-Transport-Security"]
        assert "Secure" in page.headers["Set-Cookie"]
        token = re.search(rb'csrfmiddlewaretoken" value="(\w+)"', page.read())
    assert token
    form = {"login": portal.admin, "password": portal.password}
    form["csrfmiddlewaretoken"] = token[1].decode()
    request = urllib.request.Request(login, urlencode(form).encode())
    request.add_header("Referer", login)
    with browser.open(request) as page:
        assert page.status == 200
        assert "/accounts/login/" not in page.url
        assert page.url.startswith(PUBLIC_URL)


def test_static_files_come_from_the_portal_and_may_be_kept(
    browser: urllib.request.OpenerDirector,
) -> None:
    with browser.open(f"{PUBLIC_URL}/accounts/login/") as page:
        [file, *_] = re.findall(rb'"(/static/[^"]+\.css)"', page.read())
    with browser.open(PUBLIC_URL + file.decode()) as style:
        assert style.headers["Content-Type"].startswith("text/css")
        assert "immutable" in style.headers["Cache-Control"]
