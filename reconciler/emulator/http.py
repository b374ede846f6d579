"""HTTP/1.1 as values: a connection's bytes in, whole requests out; replies in, their bytes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase

_BODY_LIMIT = 1024 * 1024  # bytes
_LINE_LIMIT = 16 * 1024  # bytes; a session token makes a long header
_HEADER_LIMIT = 100
_DRAIN_LIMIT = 16 * 1024 * 1024  # bytes of a refused body that are read, so that its sender listens

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One request that has arrived whole."""

    method: str
    path: str
    """Path and query as sent."""
    headers: Mapping[str, str]
    """Header names in lower case; several of one name are joined with commas."""
    body: bytes
    keep_alive: bool
    """Whether the client may send another request on its connection."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, before it becomes bytes."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: str = ""
    """How it is lost on its way: reset, eof, or cut in the middle; else it arrives whole."""


class BadRequest(ValueError):
    """What cannot be read as HTTP: a status and a reason; its connection cannot go on."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def read(stream: BufferedIOBase, send: Callable[[bytes], object]) -> Message | None:
    """The next request of a connection, or None where it ended; BadRequest when it is none.

    `send` takes the go-ahead for a client that waits for one before it sends a body.
    """
    # Old clients end a body with an empty line of their own.
    start = _line(stream, may_end=True) or _line(stream, may_end=True)
    if not start:
        return None
    method, path, version = _start(start)
    headers = _headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        send(_CONTINUE)
    wish = headers.get("connection", "").lower()
    keep_alive = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
    return Message(method, path, headers, _body(stream, headers), keep_alive)


def encode(reply: Reply, *, keep_alive: bool, bodiless: bool = False) -> bytes:
    """The bytes of a reply; `bodiless` leaves the body out, as the answer to HEAD does."""
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
    ]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if bodiless else head + reply.body


def _line(stream: BufferedIOBase, *, may_end: bool = False) -> str:
    line = stream.readline(_LINE_LIMIT + 1)
    if len(line) > _LINE_LIMIT:
        raise BadRequest(431, "A line of the request's head is too long")
    if not line.endswith(b"\n") and (line or not may_end):
        raise BadRequest(400, "The request ended early")
    return line.decode("latin-1").rstrip("\r\n")


def _start(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith("/"):
        raise BadRequest(400, "The request line is malformed")
    method, path, version = parts
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are understood")
    return method, path, version


def _headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_HEADER_LIMIT):
        line = _line(stream)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "A header is malformed")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise BadRequest(431, "The request has too many headers")


def _body(stream: BufferedIOBase, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if encoding is not None:
        if encoding.lower() != "chunked" or length is not None:
            raise BadRequest(400, "Transfer-Encoding must be chunked, without a Content-Length")
        return _chunks(stream)
    if length is None:
        return b""
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BadRequest(400, "Content-Length is not a number")
    return _exactly(stream, int(length), 0)


def _chunks(stream: BufferedIOBase) -> bytes:
    parts: list[bytes] = []
    held = 0
    while size := _chunk_size(_line(stream)):
        parts.append(_exactly(stream, size, held))
        held += size
        if _line(stream):
            raise BadRequest(400, "A chunk does not end where it should")
    while _line(stream):
        pass  # trailers
    return b"".join(parts)


def _chunk_size(line: str) -> int:
    digits = line.partition(";")[0].strip()
    if not 1 <= len(digits) <= 15 or set(digits.lower()) - set("0123456789abcdef"):
        raise BadRequest(400, "A chunk has no size")
    return int(digits, 16)


def _exactly(stream: BufferedIOBase, size: int, held: int) -> bytes:
    if held + size > _BODY_LIMIT:
        _drain(stream, min(size, _DRAIN_LIMIT))
        raise BadRequest(413, f"The body is longer than {_BODY_LIMIT} bytes")
    body = stream.read(size)
    if len(body) < size:
        raise BadRequest(400, "The request ended early")
    return body


def _drain(stream: BufferedIOBase, size: int) -> None:
    while size > 0 and (part := stream.read(min(size, 65536))):
        size -= len(part)
