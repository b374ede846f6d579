"""A real HTTP server that is told things."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "s3cr3t-t0k3n"
"""What the address of the server holds, and nobody may show."""


@dataclass
class Hook:
    """A server that is told things: what arrived, and how it answers."""

    url: str = ""
    status: int = 200
    location: str = ""
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def hooked() -> Iterator[Hook]:
    """Such a server on a free port of this machine, for as long as the block runs."""
    seen = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.bodies.append(json.loads(body))
            seen.paths.append(self.path)
            self.send_response(seen.status)
            if seen.location:
                self.send_header("Location", seen.location)
            self.end_headers()

        do_GET = do_POST

        def do_CONNECT(self) -> None:
            seen.paths.append(self.path)
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's own stderr clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()
