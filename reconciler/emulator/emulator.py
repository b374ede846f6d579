"""The running emulator: settings in, a server on 127.0.0.1 with its control out."""

import threading
import time
from collections.abc import Callable
from typing import Self

from reconciler.emulator.catalogue import services
from reconciler.emulator.control import Control, adopt_pending
from reconciler.emulator.router import Router
from reconciler.emulator.server import Server
from reconciler.emulator.service import Service
from reconciler.emulator.settings import Settings
from reconciler.emulator.store import Store

_POLL_SECONDS = 0.02  # how long `stop` may have to wait for the accepting thread


class Emulator:
    """A local AWS CodeConnections, CodeStar connections and STS; use it in a `with` statement."""

    def __init__(
        self, settings: Settings | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Opens the store (StoreError) and the port (OSError); `start` makes it answer.

        `clock` gives epoch seconds; whatever takes time here is worked out from it.
        """
        services()  # a model that lacks an operation is told now, not by the first request
        self.settings = settings or Settings()
        self._store = Store(self.settings.store)
        self.control = Control(self._store, clock)
        self._stopped = threading.Event()
        router = Router(Service(self._store, self.settings, clock), self.control, self._stopped)
        try:
            self._server = Server(self.settings.port, router.answer, self._stopped)
        except OSError:
            self._store.close()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="emulator", daemon=True
        )
        if self.settings.handshake == "auto":
            with self._store.transaction() as rows:
                adopt_pending(rows, clock() + self.settings.handshake_seconds)

    @property
    def store_id(self) -> str:
        """Tells the store from every other, also from an earlier one in the same place."""
        return self._store.id

    @property
    def url(self) -> str:
        """The endpoint for clients, and in a browser the console page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins to answer, in a daemon thread."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests, lets those that run end (2 s at most), and lets go of port and
        store; a second call does nothing."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()
        self._store.close()

    def serve_forever(self) -> None:
        """Answers until `stop` is called elsewhere, or this thread is interrupted."""
        if not self._thread.is_alive():
            self.start()
        try:
            self._stopped.wait()
        finally:
            self.stop()
