"""The TCP server: connections to 127.0.0.1 in, a thread each that answers request after request."""

import json
import logging
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any, cast

from reconciler.emulator.http import BadRequest, Message, Reply, encode, read

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 600.0
_STOP_SECONDS = 2.0


class Server(socketserver.ThreadingTCPServer):
    """A thread per connection, and a backlog for the hundreds that some tools open at once."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(
        self, port: int, answer: Callable[[Message], Reply], closing: threading.Event
    ) -> None:
        """What arrives once `closing` is set is not answered."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self.closing = closing
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hands a connection to its thread; `hang_up` knows it from here on."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection that is done."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Reads no more, waits (2 s at most) for the answers to what runs, and ends the rest."""
        with self._changed:
            self._shut(socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._open, _STOP_SECONDS)
            self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        for connection in self._open:
            try:
                connection.shutdown(how)
            except OSError:
                continue  # its client was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""
        _log.debug("the connection of %s broke", client_address, exc_info=True)


class _Handler(socketserver.StreamRequestHandler):
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Reads and answers one request after the other, until either side has enough."""
        server = cast(Server, self.server)
        try:
            while (message := read(self.rfile, self.wfile.write)) and not server.closing.is_set():
                reply = server.answer(message)
                if reply.ending:
                    self._lose(reply)
                    return
                keep_alive = message.keep_alive and not server.closing.is_set()
                self._send(reply, keep_alive=keep_alive, bodiless=message.method == "HEAD")
                if not keep_alive:
                    return
        except BadRequest as error:
            if not server.closing.is_set():
                self._send(_refusal(error), keep_alive=False)

    def _lose(self, reply: Reply) -> None:
        """Ends the connection before the reply, or in the middle of it."""
        if reply.ending == "cut":
            content = encode(reply, keep_alive=False)
            self.wfile.write(content[: len(content) - len(reply.body) // 2 - 1])
        elif reply.ending == "reset":
            # Closed without lingering, a connection ends with RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.rfile.close()
            self.connection.close()

    def _send(self, reply: Reply, *, keep_alive: bool, bodiless: bool = False) -> None:
        # One write, so that no client waits for a second packet.
        self.wfile.write(encode(reply, keep_alive=keep_alive, bodiless=bodiless))
        if keep_alive and hasattr(socket, "TCP_QUICKACK"):
            # A client that sends head and body apart waits for the head to be acknowledged.
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _refusal(error: BadRequest) -> Reply:
    content = {"__type": "com.amazon.coral.service#BadRequestException", "Message": str(error)}
    return Reply(error.status, "application/x-amz-json-1.0", json.dumps(content).encode())
