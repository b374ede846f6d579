"""The pace of calls: nothing is lost however often the service refuses, and no time is wasted."""

from __future__ import annotations

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
    """A token bucket in a time of its own, called by so many at once."""

    def __init__(self, rate: float) -> None:
        self.time, self.rate = 0.0, rate
        self.tokens = rate
        self.filled = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def takes(self) -> bool:
        self.tokens = min(self.rate, self.tokens + (self.time - self.filled) * self.rate)
        self.filled = self.time
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@pytest.mark.parametrize("rate", [20, 100, 400])
def test_it_finds_the_rate(rate: float) -> None:
    service = Service(rate)
    pacer = Pacer(lambda: service.time, service.sleep)
    counts: Counter[bool] = Counter()
    calls = int(rate * 60)
    while counts[True] < calls:
        pacer.wait()
        service.time += 0.0005  # what a call takes at the least
        taken = service.takes()
        counts[taken] += 1
        (pacer.passed if taken else pacer.refused)()
    floor = (calls - rate) / rate
    print(f"{rate} a second: {service.time / floor:.2f} of the floor, {counts[False]} refused")
    assert service.time < 1.1 * floor
    assert counts[False] < 0.06 * calls


def test_without_a_refusal_nothing_waits() -> None:
    service = Service(1e9)
    pacer = Pacer(lambda: service.time, service.sleep)
    for _ in range(1000):
        pacer.wait()
        pacer.passed()
    assert service.time == 0


def test_it_goes_on_however_much_is_refused() -> None:
    service = Service(1)
    pacer = Pacer(lambda: service.time, service.sleep)
    for _ in range(100):
        pacer.wait()
        pacer.refused()
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
        api._pacer = Pacer(lambda: own.time, own.sleep)
        report = applied(desired_of(text), api, wait=0.0)
        assert set(statuses(report).values()) == {"applied"}
        made = len(emulator.control.requests())
        least = 4 + count * 3  # listings; a create, a look at it and one at its tags for each
        print(f"{made} calls, {least} needed, {own.time:.0f} s slower")
        assert made <= 2 * least
        emulator.control.clear_faults()
        assert planned(desired_of(text), api_of(emulator)).work == ()
