"""A token bucket: how many calls a second are taken, and how many at once."""

import threading
import time


class Bucket:
    """Full at first; each call takes a token, and is throttled without one. 0 takes all calls."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._tokens = max(1.0, per_second)
        self._filled = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there was a token for this call."""
        if not self._rate:
            return True
        with self._lock:
            now = time.monotonic()
            gained = (now - self._filled) * self._rate
            self._tokens = min(max(1.0, self._rate), self._tokens + gained)
            self._filled = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
