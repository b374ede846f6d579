"""A canned CodeConnections in a process of its own: calls go in, the replies of a made-up account
come out, each after a latency and at no more than a rate.

    python -m tests.benchmarks.server [--hosts N] [--latency SECONDS] [--rate N --burst N] ...

The first line of its output is its address. GET / answers what it has counted and begins anew, with
a full bucket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.world import ACCOUNT, World

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    f"<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>A</UserId>"
    f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata>"
    "<RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
).encode()
THROTTLED = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
MALFORMED = {
    "truncated": b'{"Connections": [{"ConnectionName": "te',
    "empty": b"",
    "HTML": b"<html><body>Sign in to the network</body></html>",
    "{}": b"{}",
    "null": b"null",
    "a list": b"[]",
    "wrong type": b'{"Connections": "none"}',
}
"""Replies with status 200 that no list of connections can be read from."""


@dataclass
class Bucket:
    """A token bucket: `burst` calls at once, `rate` a second after that."""

    rate: float
    burst: float
    tokens: float = 0.0
    filled: float = 0.0

    def fill(self) -> None:
        """Begin anew."""
        self.tokens, self.filled = self.burst, time.monotonic()

    def takes(self) -> bool:
        """Whether one more call may pass."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Service:
    """What is answered, and what was counted."""

    world: World
    latency: float = 0.0
    bucket: Bucket | None = None
    malformed: bytes | None = None
    counts: Counter[str] = field(default_factory=Counter)
    known: dict[bytes, bytes] = field(default_factory=dict)
    """Replies made before: the server is to cost as little as it can."""

    def answer(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the reply to a call."""
        if not operation:
            return 200, IDENTITY
        if self.bucket is not None and not self.bucket.takes():
            self.counts["throttled"] += 1
            return 400, THROTTLED
        self.counts[operation] += 1
        if self.malformed is not None:
            return 200, self.malformed
        key = operation.encode() + body
        if key not in self.known:
            reply = self.world.answer(operation, json.loads(body or b"{}"))
            self.known[key] = json.dumps(reply).encode()
        return 200, self.known[key]

    def begin(self) -> bytes:
        """What was counted so far, and a new beginning."""
        counted = json.dumps(self.counts).encode()
        self.counts.clear()
        if self.bucket is not None:
            self.bucket.fill()
        return counted


class Connection(asyncio.Protocol):
    """HTTP/1.1, as much of it as botocore and urllib speak."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        if lines[0].startswith("GET"):
            here = lines[0].startswith("GET / ")
            self.reply(*((200, self.service.begin()) if here else (404, b"{}")))
            return
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        answer = self.service.answer(operation, rest[:length])
        if self.service.latency:
            asyncio.get_running_loop().call_later(self.service.latency, self.reply, *answer)
        else:
            self.reply(*answer)

    def reply(self, status: int, body: bytes) -> None:
        """Send one reply."""
        kind = "text/xml" if body is IDENTITY else "application/x-amz-json-1.0"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve(service: Service) -> None:
    """Answer until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the options and serve."""
    options = argparse.ArgumentParser()
    for kind in ("hosts", "connections", "links", "syncs"):
        options.add_argument(f"--{kind}", type=int, default=0)
    options.add_argument("--latency", type=float, default=0.0)
    options.add_argument("--rate", type=float)
    options.add_argument("--burst", type=float, default=20.0)
    options.add_argument("--malformed", choices=MALFORMED)
    given = options.parse_args()
    world = World(given.hosts, given.connections, given.links, given.syncs)
    bucket = Bucket(given.rate, given.burst) if given.rate else None
    malformed = None if given.malformed is None else MALFORMED[given.malformed]
    asyncio.run(serve(Service(world, given.latency, bucket, malformed)))


if __name__ == "__main__":
    main()
