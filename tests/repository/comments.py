"""The three endpoints of GitHub that comments on a pull request need, on a port of this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = "github-actions[bot]"
TOKEN = "the token"
PATH = re.compile(r"/repos/acme/infra/issues/(?:(?P<number>7)/comments|comments/(?P<id>\d+))")


@dataclass
class Comments:
    """The comments of pull request 7 of acme/infra, and what was asked."""

    url: str = ""
    every: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    """A status for each method that is refused."""
    location: str = ""
    """Where a refusal redirects to."""

    def add(self, body: str | None, login: str | None) -> dict[str, Any]:
        """A comment that somebody wrote; nobody, once their account is gone."""
        user = {"login": login} if login is not None else None
        comment = {"id": 100 + len(self.every), "body": body, "user": user}
        self.every.append(comment)
        return comment

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Status and content of an answer."""
        self.asked.append(f"{method} {url}")
        split = urlsplit(url)
        found = PATH.fullmatch(split.path)
        if method in self.refuse or found is None:
            return self.refuse.get(method, 404), {"message": "Resource not accessible\n::error::x"}
        if method == "GET":
            query = {key: int(values[0]) for key, values in parse_qs(split.query).items()}
            size = min(query.get("per_page", 30), 100)
            start = (query.get("page", 1) - 1) * size
            return 200, self.every[start : start + size]
        if method == "POST":
            return 201, self.add(body["body"], BOT)
        (comment,) = (one for one in self.every if one["id"] == int(found["id"]))
        comment["body"] = body["body"]
        return 200, comment


@contextmanager
def serving() -> Iterator[Comments]:
    """The endpoints, for as long as the block runs."""
    comments = Comments()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size)) if size else None
            status, content = 401, {"message": "Bad credentials"}
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, content = comments.answer(self.command, self.path, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", comments.location)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_PATCH = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        comments.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield comments
        server.shutdown()
