"""The pace of calls: nothing is lost however often the service refuses, and no time is wasted."""

from __future__ import annotations

import heapq
from collections import Counter

import pytest

from reconciler.aws.api import AwsApi
from reconciler.aws.pacer import Pacer
from reconciler.aws.session import Session, Settings
from reconciler.emulator import Emulator, Fault, Quotas
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.resource import Call
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import applied, desired_of, planned, statuses


class Service:
    """A token bucket in a time of its own, with so many callers. What is under way goes on while
    one of them sleeps."""

    def __init__(self, rate: float, burst: float | None = None, latency: float = 0.0) -> None:
        self.time, self.rate, self.latency = 0.0, rate, latency
        self.burst = self.tokens = rate if burst is None else burst
        self.filled = 0.0
        self.counts: Counter[bool] = Counter()
        self.pacer = Pacer(lambda: self.time, self.sleep)
        self.callers = 0
        self._events: list[tuple[float, int, float, bool | None]] = []

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self._events and self._events[0][0] <= end:
            self._happen()
        self.time = end

    def run(self, callers: int, calls: int) -> None:
        """Until so many calls have passed."""
        self.callers = callers
        while self.counts[True] < calls:
            if not self.callers:
                self._happen()
                continue
            sent = self.pacer.wait()
            self.callers -= 1
            self._later(self.latency / 2, sent, None)
            self.sleep(0.001)  # what a call takes of a processor

    def _later(self, seconds: float, sent: float, taken: bool | None) -> None:
        event = (self.time + seconds, len(self._events) + sum(self.counts.values()), sent, taken)
        heapq.heappush(self._events, event)

    def _happen(self) -> None:
        self.time, _, sent, taken = heapq.heappop(self._events)
        if taken is None:  # it arrives at the service
            self._later(self.latency / 2, sent, self._takes())
            return
        self.counts[taken] += 1
        self.callers += 1
        (self.pacer.passed if taken else self.pacer.refused)(sent)

    def _takes(self) -> bool:
        self.tokens = min(self.burst, self.tokens + (self.time - self.filled) * self.rate)
        self.filled = self.time
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@pytest.mark.parametrize("latency", [0.005, 0.03, 0.15])
@pytest.mark.parametrize("callers", [1, 32])
@pytest.mark.parametrize("rate", [5, 20, 100, 400])
def test_it_finds_the_rate(rate: float, callers: int, latency: float) -> None:
    service = Service(rate, burst=20, latency=latency)
    calls = int(rate * 60)
    service.run(callers, calls)
    floor = max((calls - service.burst) / rate, calls * max(0.001, latency / callers))
    refused = service.counts[False]
    print(f"{rate} a second: {service.time / floor:.2f} of the floor, {refused} refused")
    assert service.time < 1.1 * floor
    assert refused < callers + 0.08 * calls


@pytest.mark.parametrize("rate", [20, 50, 100, 200, 400])
def test_it_is_found_soon(rate: float) -> None:
    """Before an account at its quotas is read."""
    service = Service(rate, burst=20, latency=0.03)
    service.run(32, 505)
    floor = max((505 - service.burst) / rate, 505 * 0.001)
    refused = service.counts[False]
    print(f"{rate} a second: {service.time / floor:.2f} of the floor, {refused} refused")
    assert service.time < 1.15 * floor
    assert refused < 32 + 0.03 * 505  # those that are under way at first, and a few


def test_a_rate_that_changes_is_found_again() -> None:
    service = Service(200, burst=20, latency=0.03)
    service.run(32, 2000)
    for rate in (20, 200):
        service.rate = rate
        began, refused = service.time, service.counts[False]
        service.run(service.callers, service.counts[True] + 100 * rate)
        print(f"{rate} a second: {service.time - began:.0f} s")
        assert service.time - began < 125
        assert service.counts[False] - refused < 100


def test_without_a_refusal_nothing_waits() -> None:
    service = Service(1e9)
    for _ in range(1000):
        service.pacer.passed(service.pacer.wait())
    assert service.time == 0


def test_it_goes_on_however_much_is_refused() -> None:
    service = Service(1)
    for _ in range(100):
        service.pacer.refused(service.pacer.wait())
    assert service.time < 30


def api_of(emulator: Emulator) -> AwsApi:
    settings = Settings(region=REGION, endpoint_url=emulator.url, access_key=(ACCOUNT, "x"))
    return AwsApi(Session(settings), writes=True)


def test_no_read_is_lost_where_the_sdk_loses_most() -> None:
    with Emulator(EmulatorSettings(calls_per_second=100)) as emulator:
        results = list(api_of(emulator).read([Call("ListHosts", {})] * 400))
        assert not [result for result in results if isinstance(result, Exception)]
        refused = sum(bool(request.error) for request in emulator.control.requests())
    print(f"{refused} of {400 + refused} calls were throttled")
    assert 0 < refused < 100


def test_a_storm_of_throttling_slows_down_and_loses_nothing() -> None:
    """A third of all calls is refused, whatever the pace, which itself takes no time here."""
    count = 500
    text = "version: 1\nowner: platform\nconnections:\n" + "".join(
        f"  - {{name: c{number}, provider_type: GitHub}}\n" for number in range(count)
    )
    settings = EmulatorSettings(quotas=Quotas(connections=count), handshake="manual")
    with Emulator(settings) as emulator:
        emulator.control.fault(
            Fault(kind="ThrottlingException", operation="*", every=3, count=1_000_000)
        )
        api, own = api_of(emulator), Service(1)
        api._pacer = own.pacer
        report = applied(desired_of(text), api, wait=0.0)
        assert set(statuses(report).values()) == {"applied"}
        made = len(emulator.control.requests())
        least = 4 + count * 3  # listings; a create, a look at it and one at its tags for each
        print(f"{made} calls, {least} needed, {own.time:.0f} s slower")
        assert made <= 2 * least
        emulator.control.clear_faults()
        assert planned(desired_of(text), api_of(emulator)).work == ()
