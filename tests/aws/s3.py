"""An S3 that nobody here wrote, moto's, on a free port of this machine; it can fail as one does."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "locks"


class S3:
    """A WSGI application around moto's. `refusing` answers every write with 503 and does nothing;
    `losing` is for how many writes more it does what it is asked and answers with 500; `delays` are
    the seconds that the next writes take."""

    def __init__(self) -> None:
        self.refusing = False
        self.losing = 0
        self.delays: list[float] = []
        self.writes = 0
        self.url = ""
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        is_write = environ["REQUEST_METHOD"] == "PUT"
        self.writes += is_write
        if is_write and self.delays:
            time.sleep(self.delays.pop(0))
        if is_write and self.refusing:
            start_response("503 Slow Down", [])
            return [b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"]
        if is_write and self.losing:
            self.losing -= 1
            list(self._moto(environ, lambda *_: None))
            start_response("500 Internal Server Error", [])
            return [b"<Error><Code>InternalError</Code><Message>Oh.</Message></Error>"]
        return self._moto(environ, start_response)

    def client(self) -> Any:
        """A client of it, for a look behind the scenes."""
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1")


@contextmanager
def s3_server() -> Iterator[S3]:
    """A running one with an empty bucket, for as long as the block runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    s3 = S3()
    server = make_server("127.0.0.1", 0, s3, threaded=True)
    s3.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        # What moto keeps belongs to the process, not to the server.
        request = urllib.request.Request(f"{s3.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request).close()
        s3.client().create_bucket(Bucket=BUCKET)
        yield s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
