"""The process of the SAML provider: metadata, a sign-in form, and signed answers.

Run with {port, url, folder, xmlsec, people} as JSON. PUT /people/<name> changes what it
says of somebody, PUT /fault what it does wrong.
"""

import base64
import json
import re
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, saml
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.server import Server

GIVEN = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
ALGORITHMS = {
    "sha256": (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
    ),
    "sha1": (
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#sha1",
    ),
}
SIGNATURE = re.compile(r"<(\w+):Signature .*</\1:Signature>", re.DOTALL)
FORM = """<!DOCTYPE html><title>Sign in</title><p>{words}</p><form method="post">
<input name="login"><input name="password" type="password"><button>Sign in</button>
</form>"""

people: dict[str, Any] = GIVEN.get("people", {})
fault: dict[str, str] = {}


def config(key: str) -> IdPConfig:
    folder = Path(GIVEN["folder"])
    where = [(f"{GIVEN['url']}/sso", BINDING_HTTP_REDIRECT)]
    service = {
        "endpoints": {"single_sign_on_service": where},
        "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": URI}},
    }
    return IdPConfig().load(
        {
            "entityid": f"{GIVEN['url']}/metadata",
            "xmlsec_binary": GIVEN["xmlsec"],
            "key_file": str(folder / f"{key}.key"),
            "cert_file": str(folder / f"{key}.crt"),
            "service": {"idp": service},
        }
    )


def answer(query: dict[str, str], name: str) -> str:
    """Return the page that posts the signed answer to where it was asked from."""
    request = ElementTree.fromstring(
        zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15)
    )
    destination = request.attrib["AssertionConsumerServiceURL"]
    issuer = request.findtext("{urn:oasis:names:tc:SAML:2.0:assertion}Issuer", "")
    server = Server(config=config(fault.get("key", "idp")))
    algorithm, digest = ALGORITHMS[fault.get("algorithm", "sha256")]
    response = server.create_authn_response(
        people[name]["claims"],
        fault.get("answers", request.attrib["ID"]),
        destination,
        fault.get("audience", issuer),
        userid=name,
        name_id=saml.NameID(format=saml.NAMEID_FORMAT_PERSISTENT, text=name),
        authn={"class_ref": PASSWORD, "authn_auth": GIVEN["url"]},
        sign_assertion=True,
        sign_response=False,
        sign_alg=algorithm,
        digest_alg=digest,
    )
    text = str(response)
    if not fault.get("signed", "yes"):
        text = SIGNATURE.sub("", text)
    relay = query.get("RelayState", "")
    form = server.apply_binding(
        BINDING_HTTP_POST, text, destination, relay, response=True
    )
    return str(form["data"])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/metadata":
            self.say(str(entity_descriptor(config("idp"))), "application/xml")
        else:
            self.say(FORM.format(words=""))

    def do_POST(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        sent = dict(parse_qsl(self.body().decode()))
        name = sent.get("login", "")
        if name in people and sent.get("password") == people[name]["password"]:
            self.say(answer(query, name))
        else:
            self.say(FORM.format(words="Wrong."))

    def do_PUT(self) -> None:
        value = json.loads(self.body())
        if self.path == "/fault":
            fault.clear()
            fault.update(value)
        else:
            people[self.path.split("/")[2]]["claims"] = value
        self.say("")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def log_message(self, *_: object) -> None:
        """Only errors are of interest."""

    def say(self, text: str, kind: str = "text/html") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", GIVEN["port"]), Handler).serve_forever()
