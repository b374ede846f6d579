"""HTTP as clients do it well and badly, many at once, and one store under several servers."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.emulator import Emulator, Settings, StoreError
from tests.emulator.cloud import Cloud, Start, available_connection
from tests.emulator.raw import AUTHORIZATION, TARGETS, Raw

HEAD = (
    "POST / HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    f"X-Amz-Target: {TARGETS['codeconnections']}.{{operation}}\r\n"
    f"Authorization: {AUTHORIZATION}\r\n"
)


def head(operation: str) -> bytes:
    return HEAD.format(operation=operation).encode()


LIST = head("ListHosts") + b"Content-Length: 2\r\n\r\n{}"


@pytest.fixture
def line(cloud: Cloud) -> Iterator[socket.socket]:
    """A bare connection to the server."""
    address = urlsplit(cloud.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 10) as connected:
        yield connected


def answer(line: socket.socket) -> tuple[int, bytes]:
    """One answer on a connection."""
    with closing(HTTPResponse(line)) as response:
        response.begin()
        return response.status, response.read()


def test_a_connection_serves_many_requests_without_delay(cloud: Cloud) -> None:
    connection = HTTPConnection(urlsplit(cloud.url).netloc, timeout=10)
    headers = {
        "X-Amz-Target": f"{TARGETS['codeconnections']}.ListHosts",
        "Authorization": AUTHORIZATION,
    }
    connection.connect()
    first = connection.sock.getsockname()
    for _ in range(100):
        connection.request("POST", "/", b"{}", headers)
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b'{"Hosts": []}')
        assert connection.sock.getsockname() == first
    connection.close()
    assert len(cloud.control.requests()) == 100


def test_requests_sent_ahead_are_answered_in_turn(line: socket.socket) -> None:
    line.sendall(LIST + b"\r\n" + LIST + head("Nope") + b"\r\n")
    line.shutdown(socket.SHUT_WR)
    received = b""
    while part := line.recv(65536):
        received += part
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


def test_chunked_bodies_are_read(cloud: Cloud, line: socket.socket) -> None:
    body = json.dumps({"ConnectionName": "a", "ProviderType": "GitHub"}).encode()
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    start = head("CreateConnection") + b"Transfer-Encoding: chunked\r\n\r\n"
    line.sendall(start + chunks + b"0\r\nTrailer: x\r\n\r\n")
    assert answer(line)[0] == 200
    line.sendall(LIST)
    assert answer(line)[0] == 200
    assert len(cloud.control.requests()) == 2


def test_a_client_that_waits_for_the_go_ahead_gets_it(line: socket.socket) -> None:
    line.sendall(head("ListHosts") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.sendall(b"{}")
    assert answer(line)[0] == 200


@pytest.mark.parametrize(
    ("first", "header"),
    [(b"POST / HTTP/1.1", b"Connection: close\r\n"), (b"POST / HTTP/1.0", b"")],
)
def test_a_client_that_wants_no_more_is_left(
    first: bytes, header: bytes, line: socket.socket
) -> None:
    line.sendall(LIST.replace(b"POST / HTTP/1.1", first).replace(b"Host", header + b"Host", 1))
    assert answer(line) == (200, b'{"Hosts": []}')
    assert line.recv(10) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/2.0\r\n\r\n", 505),
        (b"POST http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n", 400),
        (b"GET /" + b"x" * 20_000, 431),
        (b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nBroken\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}", 400),
        (head("ListHosts") + b"Content-Length: x\r\n\r\n", 400),
        (head("ListHosts") + b"Content-Length: -1\r\n\r\n", 400),
        (head("ListHosts") + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (head("ListHosts") + b"Content-Length: 9000000\r\n\r\n" + b" " * 9_000_000, 413),
        (head("ListHosts") + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (
            head("ListHosts") + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
            400,
        ),
        (head("ListHosts") + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (head("ListHosts") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n", 400),
        (
            head("ListHosts")
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + (b"80000\r\n" + b" " * 0x80000 + b"\r\n") * 3,
            413,
        ),
    ],
)
def test_what_is_no_request_gets_a_clear_answer_and_the_end(
    sent: bytes, status: int, cloud: Cloud, line: socket.socket
) -> None:
    line.sendall(sent)
    found, body = answer(line)
    assert found == status
    assert json.loads(body)["__type"] == "com.amazon.coral.service#BadRequestException"
    assert cloud.control.requests() == []


@pytest.mark.parametrize(
    "sent",
    [LIST[:40], LIST[:-1], head("ListHosts"), head("ListHosts") + b"Content-Length: 0\r\n"],
)
def test_a_request_cut_off_is_not_run(sent: bytes, cloud: Cloud, line: socket.socket) -> None:
    line.sendall(sent)
    line.shutdown(socket.SHUT_WR)
    assert answer(line)[0] == 400
    assert cloud.control.requests() == []


def test_three_hundred_connections_at_once_lose_no_reply(cloud: Cloud) -> None:
    address = urlsplit(cloud.url)
    together = threading.Barrier(300)

    def create(number: int) -> int:
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        body = json.dumps({"ConnectionName": f"c{number}", "ProviderType": "GitHub"})
        headers = {
            "X-Amz-Target": f"{TARGETS['codeconnections']}.CreateConnection",
            # An account each, for one holds 250 connections.
            "Authorization": AUTHORIZATION.replace("111122223333", f"{number:012}"),
        }
        together.wait()
        with closing(connection):
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status

    with ThreadPoolExecutor(300) as pool:
        statuses = list(pool.map(create, range(300)))
    assert statuses == [200] * 300
    assert len({one.account for one in cloud.control.requests()}) == 300


def test_the_log_forgets_the_oldest(start: Start) -> None:
    cloud = start(requests_kept=10)
    address = urlsplit(cloud.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 30) as line:
        for _ in range(1005):
            line.sendall(LIST)
            assert answer(line)[0] == 200
    kept = [one.sequence for one in cloud.control.requests()]
    assert kept == list(range(991, 1006))


def test_a_failure_inside_is_an_answer_too(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    cloud.control.close()
    status, body = Raw(cloud).send("ListHosts", b"{}")
    assert (status, json.loads(body)["__type"]) == (500, "com.amazon.coral.service#InternalFailure")
    assert "Cannot operate on a closed database" in caplog.text


def test_state_outlives_the_server(start: Start, tmp_path: Path) -> None:
    store = tmp_path / "folder" / "local.db"
    cloud = start(store=store)
    arn = available_connection(cloud)
    pending = cloud.client().create_connection(ConnectionName="p", ProviderType="GitHub")
    cloud.emulator.stop()
    with pytest.raises(ConnectionRefusedError):
        Raw(cloud).send("ListHosts", b"{}")
    again = start(store=store)
    found = again.client().list_connections()["Connections"]
    assert [(one["ConnectionArn"], one["ConnectionStatus"]) for one in found] == [
        (arn, "AVAILABLE"),
        (pending["ConnectionArn"], "PENDING"),
    ]
    assert len(again.control.requests()) == 3
    again.emulator.stop()
    # The simulated person takes up what a real one has left.
    third = start(store=store, handshake="auto")
    third.clock.tick(1)
    assert [one.status for one in third.control.everything()] == ["AVAILABLE"] * 2


def test_memory_is_private_to_a_server(start: Start) -> None:
    available_connection(start())
    assert start().client().list_connections()["Connections"] == []


OTHER_SERVER = """
import sys
from pathlib import Path
from reconciler.emulator import Emulator, Settings
with Emulator(Settings(store=Path(sys.argv[1]))) as emulator:
    print(emulator.url, flush=True)
    sys.stdin.readline()
"""


def test_two_servers_on_one_file_are_one_service(start: Start, tmp_path: Path) -> None:
    store = tmp_path / "local.db"
    cloud = start(store=store)
    command = [sys.executable, "-W", "error", "-c", OTHER_SERVER, str(store)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        url = other.stdout.readline().strip()
        addresses = [urlsplit(cloud.url).netloc, urlsplit(url).netloc]

        def create(number: int) -> int:
            raw = Raw(cloud)
            raw.address = addresses[number % 2]
            parameters = {"ConnectionName": f"c{number}", "ProviderType": "GitHub"}
            return raw.call("CreateConnection", parameters)[0]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(create, range(80))) == [200] * 80
        raw = Raw(cloud)
        lists = []
        for address in addresses:
            raw.address = address
            lists.append(raw.call("ListConnections", {"MaxResults": 100})[1]["Connections"])
        other.communicate("\n", timeout=30)
    assert len(lists[0]) == 80
    assert [one["ConnectionArn"] for one in lists[0]] == [one["ConnectionArn"] for one in lists[1]]
    assert [one.sequence for one in cloud.control.requests()] == list(range(1, 83))
    assert other.returncode == 0


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign, newer = tmp_path / "text", tmp_path / "foreign.db", tmp_path / "newer.db"
    text.write_text("no database at all, but long enough to be looked at" * 20)
    with closing(sqlite3.connect(foreign)) as rows:
        rows.execute("CREATE TABLE theirs (x)")
    with Emulator(Settings(store=newer)):
        pass
    with closing(sqlite3.connect(newer)) as rows:
        rows.execute("PRAGMA user_version = 99")
    before = [path.read_bytes() for path in (text, foreign)]
    for path, reason in (
        (text, "file is not a database"),
        (foreign, "is a SQLite database of another program"),
        (newer, "has format 99; this program reads format 5"),
        (tmp_path, "unable to open database file"),
        (text / "below", "Not a directory|File exists"),
    ):
        with pytest.raises(StoreError, match=reason):
            Emulator(Settings(store=path))
    assert [path.read_bytes() for path in (text, foreign)] == before


def test_a_port_that_is_taken_is_an_error(cloud: Cloud) -> None:
    port = urlsplit(cloud.url).port
    with pytest.raises(OSError, match="in use"):
        Emulator(Settings(port=port or 0))


def test_serving_in_the_foreground_ends_with_stop() -> None:
    emulator = Emulator()
    thread = threading.Thread(target=emulator.serve_forever)
    thread.start()
    connection = HTTPConnection(urlsplit(emulator.url).netloc, timeout=10)
    with closing(connection):
        connection.request("GET", "/_emulator/health")
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        emulator.stop()
    thread.join(10)
    assert not thread.is_alive()
