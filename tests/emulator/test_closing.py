"""What becomes of requests when a server is closed: they run to their end, or never begin."""

import json
import logging
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.emulator import Control, Emulator, Fault, Settings
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.server import Server
from tests.emulator.raw import AUTHORIZATION, TARGETS


class Hammer:
    """Clients that create connections as fast as they are answered, until nobody takes them."""

    def __init__(self, url: str, clients: int) -> None:
        self.seen: Counter[str] = Counter()
        self._address = urlsplit(url).netloc
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _run(self, account: int) -> None:
        name = f"{TARGETS['codeconnections']}.CreateConnection"
        signed = AUTHORIZATION.replace("111122223333", f"{account:012}")
        body = json.dumps({"ConnectionName": "a", "ProviderType": "GitHub"})
        while True:
            connection = HTTPConnection(self._address, timeout=30)
            try:
                while True:
                    headers = {"X-Amz-Target": name, "Authorization": signed}
                    connection.request("POST", "/", body, headers)
                    answer = connection.getresponse()
                    answer.read()
                    self.seen[str(answer.status)] += 1
            except ConnectionRefusedError:
                return
            except (OSError, HTTPException) as error:
                self.seen[type(error).__name__] += 1
            finally:
                connection.close()


def wait_for_some(hammer: Hammer, count: int) -> None:
    deadline = time.monotonic() + 30
    while hammer.seen["200"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_done_was_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = tmp_path / "local.db"
    emulator = Emulator(Settings(store=store))
    emulator.start()
    hammer = Hammer(emulator.url, 16)
    wait_for_some(hammer, 50)
    emulator.stop()
    hammer.join()
    assert not caplog.records
    with Control.open(store) as control:
        done = [one for one in control.requests() if one.error is None]
    assert len(done) == hammer.seen["200"]


def test_running_requests_are_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    emulator = Emulator()
    emulator.start()
    emulator.control.fault(Fault(kind="delay", seconds=0.6, count=99))
    hammer = Hammer(emulator.url, 8)
    time.sleep(0.3)
    started = time.monotonic()
    emulator.stop()
    assert time.monotonic() - started < 3
    hammer.join()
    assert hammer.seen == {"200": 8}
    assert not caplog.records


def test_what_takes_too_long_is_left_and_loses_its_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = set(threading.enumerate())
    emulator = Emulator()
    emulator.start()
    emulator.control.fault(Fault(kind="delay", seconds=4.0, count=99))
    hammer = Hammer(emulator.url, 8)
    time.sleep(0.5)
    started = time.monotonic()
    emulator.stop()
    assert time.monotonic() - started < 3
    hammer.join()
    assert sum(hammer.seen.values()) == 8
    assert "200" not in hammer.seen
    with caplog.at_level(logging.INFO):
        for thread in set(threading.enumerate()) - before:
            thread.join(10)
            assert not thread.is_alive()
    assert not caplog.records


@pytest.mark.parametrize("sent", [b"POST / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"])
def test_what_comes_too_late_is_not_even_begun(sent: bytes) -> None:
    begun: list[Message] = []

    def answer(message: Message) -> Reply:
        begun.append(message)
        return Reply(200, "text/plain", b"")

    closing = threading.Event()
    with ExitStack() as stack:
        server = stack.enter_context(Server(0, answer, closing))
        serve = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serve.start()
        stack.callback(server.shutdown)
        line = stack.enter_context(
            socket.create_connection(("127.0.0.1", server.server_address[1]), 10)
        )
        line.sendall(b"POST / HTTP/1.1\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        closing.set()
        line.sendall(sent)
        assert line.recv(1000) == b""
    assert len(begun) == 1
