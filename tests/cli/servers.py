"""A real HTTP server that answers every API call as a test says; behaviour in, requests out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOGIN = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:root</Arn><UserId>x</UserId>"
    "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
NO_LOGIN = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>InvalidClientTokenId</Code><Message>The security token included in the request is "
    "invalid.&#10;Really.</Message></Error></ErrorResponse>"
)


BODY: ContextVar[bytes] = ContextVar("body")
"""What the request says that a behaviour is asked about; every request has a thread of its own."""
HEADERS: ContextVar[Message] = ContextVar("headers")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: str


Behaviour = Callable[[str], Answer]
"""From the name of an operation to its answer."""


@dataclass
class Answering:
    """A running server and the operations it was asked for, in order."""

    url: str
    asked: list[str] = field(default_factory=list)


def error(code: str, message: str = "") -> Answer:
    """A refusal as the service words it."""
    return Answer(
        400, json.dumps({"__type": f"com.amazon.coral.service#{code}", "Message": message})
    )


def logged_in(other: Behaviour) -> Behaviour:
    """Knows the credentials, and leaves every other operation to `other`."""
    return lambda operation: (
        Answer(200, LOGIN) if operation == "GetCallerIdentity" else other(operation)
    )


@contextmanager
def answering(behaviour: Behaviour) -> Iterator[Answering]:
    """A server on a free port of this machine, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers.get("X-Amz-Target", "")
            operation = target.rpartition(".")[2] if target else _action(body)
            running.asked.append(operation)
            BODY.set(body)
            HEADERS.set(self.headers)
            answer = behaviour(operation)
            content = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's own stderr clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Answering(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _action(body: bytes) -> str:
    return next(part[7:] for part in body.decode().split("&") if part.startswith("Action="))
