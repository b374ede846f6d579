"""Turns the first signal that asks the program to end into a wish that is seen between two calls,
so that what is running is settled and told; the second ends it where it stands."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from reconciler.cli.exits import Exit

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
DEAF = 1.0
"""Seconds after the second signal in which further ones are taken for the same impatience."""
TICK = 0.2
"""Seconds after which a thread that waits looks whether somebody wants the end."""
TEXT = b"\nStopping: the running call is settled, no new one is made. Again to leave at once.\n"


class Stopping:
    """Whether somebody has asked for the end, and with which exit code."""

    works_for_another = False
    """Whether another process answers the first signal on stderr, and passes on its own: what stops
    a service tells every process of it, so that a worker hears of one wish twice."""

    def __init__(self) -> None:
        self.code = Exit.DONE
        self._last = 0.0
        self._heard: set[int] = set()
        self._patient = True
        self.pass_on: Callable[[], None] = lambda: None
        """Tells who works for this process of a signal that it got."""

    def __call__(self) -> str:
        """Why nothing new should be begun, if so."""
        return "interrupted" if self.code is not Exit.DONE else ""

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """In this block the first signal already ends it: nothing is being written."""
        self._patient = False
        try:
            yield
        finally:
            self._patient = True

    def take(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: note it, or raise what Python does for it where it is not the first."""
        now = time.monotonic()
        deaf = now - self._last < DEAF and self._last > 0
        first = not self() or (self.works_for_another and number not in self._heard)
        self._heard.add(number)
        self.code = Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED
        for outer in _MAIN:
            outer.code = self.code
        if first and self._patient:
            if not self.works_for_another:
                with suppress(OSError):
                    os.write(2, TEXT)  # a stream may be in the middle of a write
            self.pass_on()
        elif not deaf:
            self._last = now
            self.pass_on()
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(Exit.TERMINATED)


_MAIN: list[Stopping] = []
"""What the main thread has begun to listen to, innermost last."""


class _Following(Stopping):
    """In another thread no signal arrives: it stops once the main thread is asked to."""

    def __call__(self) -> str:
        """Why nothing new should be begun, if so."""
        for asked in _MAIN:
            if asked():
                self.code = asked.code
        return super().__call__()


def pause(seconds: float) -> None:
    """Wait for so long where nothing is being written: who asks for the end ends it, also in
    another thread than the main one, where no signal arrives."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if threading.current_thread() is not threading.main_thread():
            for code in (asked.code for asked in _MAIN if asked()):
                raise KeyboardInterrupt if code is Exit.INTERRUPTED else SystemExit(code)
        time.sleep(min(left, TICK))


def deafen() -> None:
    """Take no signal any more: all is done and told. What came before is still taken here."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def stopping() -> Iterator[Stopping]:
    """Whether the end is asked for while the block runs; a signal that is ignored stays so.

    Once it was asked for there is only leaving left, and the impatience that is still going on must
    not break off what that takes: giving back the lock, closing connections."""
    asked = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield _Following()
        return
    before: dict[int, Any] = {}
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, asked.take)
    _MAIN.append(asked)
    try:
        yield asked
    finally:
        _MAIN.remove(asked)
        for number, handler in before.items() if not asked() else ():
            signal.signal(number, handler)
