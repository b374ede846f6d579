"""TLS that breaks: before anything is sent that is a certain no, afterwards nobody knows."""

from __future__ import annotations

import http.client
import os
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.cli.exits import Exit, exit_code
from reconciler.emulator import Emulator, Fault
from reconciler.errors import ApiError
from reconciler.resource import Call
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import AT_ONCE, applied, desired_of, planned, statuses

DESIRED = "{version: 1, owner: o, connections: [{name: main, provider_type: GitHub}]}"
BROKEN = {
    "a record that cannot be decrypted": b"\x17\x03\x03\x00\x20" + bytes(32),
    "no record at all": b"HTTP/1.1 200 OK\r\n\r\n",
    "a fatal alert in the clear": b"\x15\x03\x03\x00\x02\x02\x28",
}


class Front(ThreadingHTTPServer):
    """TLS in front of an emulator; the reply to a call named in `broken` breaks it."""

    daemon_threads = True

    def __init__(self, emulator: Emulator, certificate: trustme.LeafCert) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.port = int(emulator.url.rpartition(":")[2])
        self.broken: dict[str, bytes] = {}
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate has gone away."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port)) as connection:
            connection.request("POST", self.path, body, dict(self.headers))
            reply = connection.getresponse()
            content = reply.read()
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if broken := self.server.broken.pop(operation, b""):
            os.write(self.connection.fileno(), broken)  # past the encryption
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's own stderr clean."""


@pytest.fixture
def front(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with Front(emulator, authority.issue_cert("127.0.0.1")) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def api_of(front: Front) -> AwsApi:
    settings = Settings(region=REGION, endpoint_url=front.url, access_key=(ACCOUNT, "x"))
    return AwsApi(Session(settings), writes=True)


def sent(emulator: Emulator) -> Counter[str]:
    return Counter(r.operation for r in emulator.control.requests(mutating_only=True))


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_create_whose_reply_breaks_is_sent_once_and_found(
    front: Front, emulator: Emulator, broken: bytes
) -> None:
    front.broken["CreateConnection"] = broken
    report = applied(desired_of(DESIRED), api_of(front), wait=0.0)
    assert statuses(report) == {"connection/main": "applied"}, report["outcomes"]
    assert sent(emulator)["CreateConnection"] == 1
    assert planned(desired_of(DESIRED), api_of(front)).work == ()


def test_it_is_unknown_when_what_it_made_is_not_listed(front: Front, emulator: Emulator) -> None:
    front.broken["CreateConnection"] = BROKEN["a record that cannot be decrypted"]
    emulator.control.fault(Fault(kind="stale", operation="ListConnections", count=99, seconds=60.0))
    report = applied(desired_of(DESIRED), api_of(front), wait=0.0, means=AT_ONCE)
    assert statuses(report) == {"connection/main": "unknown"}
    assert exit_code(report) == Exit.UNKNOWN
    assert sent(emulator) == {"CreateConnection": 1}


def test_a_certificate_nobody_vouches_for_is_told_and_nothing_is_sent(
    front: Front, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    call = Call("CreateConnection", {"ConnectionName": "main", "ProviderType": "GitHub"})
    with pytest.raises(ApiError, match=r"Unreachable: .*CERTIFICATE_VERIFY_FAILED"):
        api_of(front).write(call)
    assert emulator.control.requests() == []
