"""Finds the rate at which the service takes calls: what passed and what was refused goes in, the
right moment for the next call comes out.

AWS publishes no rate for this API. Until the first refusal calls go as fast as they can. Then the
rate is searched: far down until a call passes, and fast up until one is refused. From there it is
a little more with each call that passes, and a little less with each refusal (additive increase,
multiplicative decrease: https://www.rfc-editor.org/rfc/rfc5681). The retries of the SDK give up
instead once their quota is used up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

SLOWEST = 4.0
"""Calls a second that are made however often the service refuses."""
PLUNGE, KEPT = 0.25, 0.9
"""What is left of the rate after a refusal, down to where a call passes and from then on."""
LEAP, CLIMB, CREEP = 6.0, 0.3, 0.01
"""By how many calls a second each call that passes raises the rate: until one is refused again,
from then on, and near to the rate at which the last refusal came."""
NEAR = 0.89
FAR = 1.5
SHORTEST, WINDOW = 0.01, 1.0
"""Seconds over which passes are counted, at the least and at the most."""


class Pacer:
    """The pace of all calls to one target; threads share it."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._rate = self._ceiling = float("inf")
        self._next = self._cut = float("-inf")
        self._passes: deque[float] = deque()
        self._since = float("inf")
        """From when on passes tell of the rate."""
        self._found = False
        """Whether a call passed at a pace."""
        self._climb = LEAP

    def wait(self) -> float:
        """Return when the next call may be made, with the present moment. One thread at a time
        waits for its moment and the others for their turn: a new rate holds for all of them."""
        with self._turn:
            while (left := self._next - self._now()) > 0:
                self._sleep(left)
            with self._lock:
                now = self._now()
                self._next = now + 1 / self._rate
                self._since = min(self._since, now)
        return now

    def passed(self, sent: float) -> None:
        """A call that was made at this moment was taken."""
        with self._lock:
            now = self._now()
            self._passes.append(now)
            while self._passes[0] < now - WINDOW:
                self._passes.popleft()
            if not self._found and sent > self._cut and self._rate < float("inf"):
                self._found, self._since = True, self._cut
            near = NEAR * self._ceiling < self._rate < self._ceiling / NEAR
            self._rate += CREEP if near else self._climb

    def refused(self, sent: float) -> None:
        """A call that was made at this moment came too early. If there was another one since, that
        says nothing new."""
        with self._lock:
            if sent <= self._cut:
                return
            recent = self._recent()
            if not self._found:
                self._rate = PLUNGE * min(self._rate, recent)
            elif self._rate > FAR * recent:  # the pace was not what held the calls back
                self._rate, self._ceiling, self._climb = KEPT * recent, float("inf"), CLIMB
            else:
                self._rate, self._ceiling, self._climb = KEPT * self._rate, self._rate, CLIMB
            self._rate = max(SLOWEST, self._rate)
            self._cut = self._now()
            self._next = self._cut + 1 / self._rate

    def _recent(self) -> float:
        """How many calls a second have passed lately."""
        now = self._now()
        since = max(self._since, now - WINDOW)
        return sum(moment >= since for moment in self._passes) / max(SHORTEST, now - since)
