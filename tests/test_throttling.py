"""Mutating calls that the service does not take are sent again until it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Fault
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.journal import Journal, lines
from reconciler.writer import Clock, Means
from tests.test_apply import Between, api_of, applied, desired_of, statuses


@pytest.fixture
def quick() -> Iterator[Emulator]:
    """An emulator whose person approves at once."""
    with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as running:
        yield running


ONE = "{version: 1, owner: platform, connections: [{name: one, provider_type: GitHub}]}"


def test_each_time_a_throttled_call_is_sent_is_noted(quick: Emulator, tmp_path: Path) -> None:
    """The window in which it may still show up begins with the last one."""
    throttled = Fault(kind="ThrottlingException", operation="CreateConnection", count=8)
    quick.control.fault(throttled)
    means = Means(journal=Journal(tmp_path / "journal"))
    assert statuses(applied(desired_of(ONE), api_of(quick), means=means)) == {
        "connection/one": "applied"
    }
    events = [line.event for line in lines(tmp_path / "journal")]
    assert events == [*["sent", "refused"] * 8, "sent", "done"]


def test_a_throttled_call_is_not_sent_again_when_the_end_is_wanted(quick: Emulator) -> None:
    quick.control.fault(Fault(kind="ThrottlingException", operation="Create*", count=1000))
    spoiled = Between(api_of(quick))
    why = Clock(stopping=lambda: "interrupted" if len(spoiled.written) >= 3 else "")
    report = applied(desired_of(ONE), spoiled, means=Means(why))
    assert statuses(report) == {"connection/one": "skipped"}
    assert [o["message"] for o in report["outcomes"]] == ["interrupted"]
    assert spoiled.written == ["CreateConnection"] * 3


def test_a_call_that_is_throttled_for_too_long_has_failed(
    quick: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.writer.THROTTLED_SECONDS", 0.5)
    quick.control.fault(Fault(kind="ThrottlingException", operation="Create*", count=1000))
    report = applied(desired_of(ONE), api_of(quick))
    assert statuses(report) == {"connection/one": "failed"}
    assert "ThrottlingException" in report["outcomes"][0]["message"]


def test_a_rest_is_as_long_as_it_was_asked_for_or_ends_when_the_end_is_wanted() -> None:
    slept: list[float] = []
    Clock(sleep=slept.append).rest(1.0)
    assert sum(slept) == pytest.approx(1.0, abs=0.06)
    Clock(sleep=slept.append, stopping=lambda: "interrupted" * (len(slept) > 25)).rest(1.0)
    assert len(slept) == 26
