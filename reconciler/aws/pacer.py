"""Finds the rate at which the service takes calls: what passed and what was refused goes in, the
right moment for the next call comes out.

AWS publishes no rate for this API. Until the first refusal calls go as fast as they can; then as
many a second as have passed, a little more with each that passes, a little less with each refusal
(additive increase, multiplicative decrease: https://www.rfc-editor.org/rfc/rfc5681). The retries
of the SDK give up instead once their quota is used up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

SLOWEST = 10.0
"""Calls a second that are made however often the service refuses."""
KEPT = 0.9
"""What is left of the rate after a refusal."""
CLIMB, CREEP = 0.3, 0.04
"""By how many calls a second each call that passes raises the rate, far from and near to the rate
at which the last refusal came."""
NEAR = 0.85
FAR = 1.5
HOLD = 0.25
"""Seconds in which one refusal after another is about the same excess."""
WINDOW = 1.0
"""Seconds over which passes are counted."""


class Pacer:
    """The pace of all calls to one target; threads share it."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._passes: deque[float] = deque()
        self._rate = self._ceiling = float("inf")
        self._next = 0.0
        self._cut = -HOLD

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            now = self._now()
            slot = max(now, self._next)
            self._next = slot + 1 / self._rate
        if slot > now:
            self._sleep(slot - now)

    def passed(self) -> None:
        """A call was taken."""
        with self._lock:
            now = self._now()
            self._passes.append(now)
            while self._passes[0] < now - WINDOW:
                self._passes.popleft()
            self._rate += CREEP if self._rate > NEAR * self._ceiling else CLIMB

    def refused(self) -> None:
        """A call came too early."""
        with self._lock:
            now = self._now()
            if now - self._cut < HOLD:
                return
            self._cut = now
            recent = sum(moment >= now - WINDOW for moment in self._passes)
            if self._rate > FAR * recent:  # the pace was not what held the calls back
                self._rate, self._ceiling = float(recent), float("inf")
            else:
                self._ceiling = self._rate
            self._rate = max(SLOWEST, KEPT * self._rate)
            self._next = max(self._next, now + 1 / self._rate)
