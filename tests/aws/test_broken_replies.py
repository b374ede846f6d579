"""A reply that is cut short, empty or no JSON object is a named error, never an empty account."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSHTTPConnection
from botocore.config import Config

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.emulator import Emulator
from reconciler.errors import ApiError, UnclearReplyError
from reconciler.resource import Call
from tests.conftest import ACCOUNT, REGION

WHOLE = json.dumps(
    {"Connections": [{"ConnectionArn": f"arn:{n}", "ConnectionName": f"n{n}"} for n in range(3)]}
).encode()


class Server(ThreadingHTTPServer):
    """Answers every request with the same status, headers and body, and counts them."""

    daemon_threads = True
    status, body, length = 200, WHOLE, len(WHOLE)
    requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        self.wfile.write(self.server.body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read is made again at once."""
    monkeypatch.setattr("reconciler.aws.api.RETRY_DELAYS", (0.0,))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server) -> AwsApi:
    url = f"http://127.0.0.1:{server.server_port}"
    return AwsApi(
        Session(Settings(region=REGION, endpoint_url=url, access_key=(ACCOUNT, "x"))), writes=True
    )


def read(api: AwsApi) -> Any:
    (result,) = api.read([Call("ListConnections", {})])
    return result


def test_a_whole_reply_is_read(api: AwsApi) -> None:
    assert len(read(api)["Connections"]) == 3


BROKEN = {
    "empty": b"",
    "html": b"<html><body>Service busy</body></html>",
    "no list": b"{}",
    "null": b"null",
    "another type": b"[]",
    "list of another type": b'{"Connections": "none"}',
    "list is null": b'{"Connections": null}',
    "invalid": b'{"Connections": [',
    "not utf-8": b"\xff\xfe",
}


@pytest.mark.parametrize("status", [200, 202, 206])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_malformed_yes_is_a_read_error(
    api: AwsApi, server: Server, body: bytes, status: int
) -> None:
    server.status, server.body, server.length = status, body, len(body)
    result = read(api)
    assert isinstance(result, UnclearReplyError)
    assert result.operation == "ListConnections"


UNFIT = {
    "a token that is a list": {"Connections": [], "NextToken": ["a"]},
    "a token that is an object": {"Connections": [], "NextToken": {"a": "b"}},
    "an ARN that is a list": {"Connections": [{"ConnectionArn": ["arn:1"]}]},
    "a status that is a number": {"Connections": [{"ConnectionStatus": 5}]},
    "an object that is text": {"Connections": ["arn:1"]},
}


@pytest.mark.parametrize("reply", UNFIT.values(), ids=UNFIT)
def test_a_reply_that_the_model_does_not_allow_is_a_read_error(
    api: AwsApi, server: Server, reply: Any
) -> None:
    server.body = json.dumps(reply).encode()
    server.length = len(server.body)
    result = read(api)
    assert isinstance(result, UnclearReplyError)
    assert re.match(r"the reply cannot be understood: \w+(\[0\](\.\w+)?)? is not", result.reason)


def test_a_create_whose_reply_lacks_the_arn_is_no_certain_yes(api: AwsApi, server: Server) -> None:
    server.body, server.length = b'{"ConnectionArn": null}', 23
    with pytest.raises(UnclearReplyError, match="ConnectionArn is missing"):
        api.write(CREATE)


def test_every_cut_of_a_reply_is_a_read_error(api: AwsApi, server: Server) -> None:
    for length in range(len(WHOLE)):
        server.body = WHOLE[:length]
        assert isinstance(read(api), UnclearReplyError), length


def test_plain_boto3_takes_a_cut_reply_for_an_empty_account(server: Server) -> None:
    # The control: without this program's guard the same reply raises nothing.
    client = boto3.client(
        "codeconnections",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    server.body = WHOLE[:40]
    assert "Connections" not in client.list_connections()


def test_a_page_token_that_repeats_ends_in_a_read_error(api: AwsApi, server: Server) -> None:
    server.body = json.dumps({"Connections": [], "NextToken": "again"}).encode()
    server.length = len(server.body)
    result = read(api)
    assert isinstance(result, UnclearReplyError)
    assert "pages" in result.reason
    assert server.requests == 2


def test_a_page_that_cannot_be_asked_for_is_a_read_error(api: AwsApi, server: Server) -> None:
    """ListRepositorySyncDefinitions gives a token and takes none."""
    server.body = json.dumps({"RepositorySyncDefinitions": [], "NextToken": "more"}).encode()
    server.length = len(server.body)
    of = {"RepositoryLinkId": "a" * 36, "SyncType": "CFN_STACK_SYNC"}
    (result,) = api.read([Call("ListRepositorySyncDefinitions", of)])
    assert isinstance(result, UnclearReplyError)
    assert "there is more" in result.reason


CREATE = Call("CreateConnection", {"ConnectionName": "a", "ProviderType": "GitHub"})


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"__type": "x#SomethingElse"}'])
@pytest.mark.parametrize("status", [302, 403, 408, 429, 499])
def test_a_no_that_is_not_the_services_own_is_none(
    api: AwsApi, server: Server, status: int, body: bytes
) -> None:
    server.status, server.body, server.length = status, body, len(body)
    with pytest.raises(UnclearReplyError):
        api.write(CREATE)
    assert server.requests == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failed_create_is_sent_once(
    api: AwsApi, server: Server, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status, server.body, server.length = status, b"", 0
    with pytest.raises(UnclearReplyError):
        api.write(CREATE)
    assert server.requests == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_MAX_ATTEMPTS", "5"), ("AWS_RETRY_MODE", "legacy"), ("AWS_NEW_RETRIES_2026", "true")],
)
def test_no_setting_of_the_user_makes_a_create_repeat(
    server: Server, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    url = f"http://127.0.0.1:{server.server_port}"
    api = AwsApi(
        Session(Settings(region=REGION, endpoint_url=url, access_key=(ACCOUNT, "x"))), writes=True
    )
    server.status, server.body, server.length = 500, b"", 0
    with pytest.raises(UnclearReplyError):
        api.write(CREATE)
    assert server.requests == 1


def test_a_refused_create_is_a_certain_no(api: AwsApi, server: Server) -> None:
    server.status = 400
    server.body = b'{"__type": "x#LimitExceededException", "Message": "too many"}'
    server.length = len(server.body)
    with pytest.raises(ApiError, match="CreateConnection: LimitExceededException: too many"):
        api.write(CREATE)
    assert server.requests == 1


def test_a_failure_inside_the_service_says_nothing_about_what_it_has_done(
    api: AwsApi, server: Server
) -> None:
    """Whatever its status is: AWS's reference says 400."""
    server.status, server.body = 400, json.dumps({"__type": "InternalServerException"}).encode()
    server.length = len(server.body)
    with pytest.raises(UnclearReplyError, match="HTTP 400: InternalServerException"):
        api.write(CREATE)
    assert server.requests == 1
    (result,) = api.read([Call("ListHosts", {})])
    assert isinstance(result, UnclearReplyError)
    assert server.requests == 3  # a read is made again


def test_a_write_after_a_pause_goes_over_a_new_connection(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is between may have dropped the old one, and nobody would know what became of it."""
    opened: list[object] = []
    real = AWSHTTPConnection.connect

    def connect(connection: AWSHTTPConnection) -> None:
        opened.append(connection)
        real(connection)

    monkeypatch.setattr(AWSHTTPConnection, "connect", connect)
    settings = Settings(region=REGION, endpoint_url=emulator.url, access_key=(ACCOUNT, "x"))
    api = AwsApi(Session(settings), writes=True)
    call = Call("DeleteHost", {"HostArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:host/x/y"})
    for pause, connections in ((0.0, 1), (59.0, 1), (61.0, 2)):
        monkeypatch.setattr(api, "_wrote", time.monotonic() - pause)
        with pytest.raises(ApiError, match="ResourceNotFound"):
            api.write(call)
        assert len(opened) == connections
