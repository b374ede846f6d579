"""Token buckets: how many calls a second are taken, and how many at once, in each place."""

import threading
import time
from collections import defaultdict

from reconciler.emulator.caller import Caller


class Buckets:
    """One for each account and Region, full at first; each call takes a token of its own, and is
    throttled without one. A rate of 0 takes all calls."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._size = max(1.0, per_second)
        self._levels: dict[Caller, tuple[float, float]] = defaultdict(self._full)
        self._lock = threading.Lock()

    def take(self, caller: Caller) -> bool:
        """Whether there was a token for this call."""
        if not self._rate:
            return True
        with self._lock:
            tokens, filled = self._levels[caller]
            now = time.monotonic()
            tokens = min(self._size, tokens + (now - filled) * self._rate)
            taken = tokens >= 1
            self._levels[caller] = (tokens - taken, now)
            return taken

    def _full(self) -> tuple[float, float]:
        return self._size, time.monotonic()
