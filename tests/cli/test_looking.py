"""What a run knows of what earlier ones sent, and for how long other machines have to keep out."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.cli.locking import alone
from reconciler.cli.planning import Planning, Run
from reconciler.diff import diff
from reconciler.emulator import Emulator
from reconciler.errors import ApiError, UnclearReplyError
from reconciler.guards import Allow
from reconciler.journal import Journal
from reconciler.resource import Address, Api, Call, ReadResult, Target
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import TODAY, Between, api_of, applied, desired_of

ONE = "version: 1\nowner: platform\nconnections: [{name: one, provider_type: GitHub}]\n"
CREATE = Call("CreateConnection", {"ConnectionName": "one"})
ADDRESS = Address("connection", "one")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", {"owner": "platform"})


def run_of(api: Api, journal: Journal, settle: float) -> Run:
    """A run with this window, in front of this service."""
    nothing = cast(Any, None)
    planning = Planning(
        desired=desired_of(ONE),
        target=nothing,
        allow=Allow(),
        compare=partial(diff, prune=False),
        outputs=nothing,
        allow_pending=True,
        settle=settle,
    )
    return Run(planning, api, Target(ACCOUNT, REGION), TODAY, journal)


def lost(journal: Journal, call: Call = CREATE) -> None:
    """Notes a call that nobody has answered."""
    with suppress(UnclearReplyError), journal.sending(ADDRESS, call):
        raise UnclearReplyError(call.operation, "timeout")


def test_the_window_ends_before_the_reads_begin_or_not_at_all(
    emulator: Emulator, journal: Journal
) -> None:
    """What was listed within the window says nothing about its end, however long the rest took."""

    def slow(call: Call) -> ReadResult | None:
        time.sleep(0.6 if call.operation == "ListHosts" else 0.0)
        return None

    run = run_of(Between(api_of(emulator), slow), journal, settle=0.5)
    lost(journal)
    assert run.plan().findings
    assert [str(one.sent.line.address) for one in run.judgement.open] == ["connection/one"]
    run.plan()
    assert run.judgement.open == ()
    assert [text for _, text in run.judgement.known] == ["not there after 0.5 s"]


def test_an_incomplete_look_keeps_other_machines_out_as_before(
    emulator: Emulator, journal: Journal
) -> None:
    api = Between(api_of(emulator))
    run = run_of(api, journal, settle=60.0)
    with journal.sending(ADDRESS, CREATE):
        pass
    run.plan()
    assert 50 < run.unsettled() <= 60
    looked = run.looked
    api.spoil = lambda call: (
        ApiError(call.operation, "AccessDeniedException", "") if "Hosts" in call.operation else None
    )
    assert not run.plan().is_complete
    assert 50 < run.unsettled() <= 60
    assert run.looked == looked


def test_only_creates_keep_other_machines_out(emulator: Emulator, journal: Journal) -> None:
    applied(desired_of(ONE), api_of(emulator), wait=0.0)
    run = run_of(api_of(emulator), journal, settle=60.0)
    run.plan()
    lost(journal, Call("TagResource", {}))
    lost(journal, Call("UpdateHost", {}))
    assert run.unsettled() == 0.0
    lost(journal)
    assert 50 < run.unsettled() <= 60


def test_a_clock_that_was_wrong_keeps_nobody_out_for_longer_than_the_window(
    emulator: Emulator, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(desired_of(ONE), api_of(emulator), wait=0.0)
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.journal.time.time", lambda: now + 30 * 24 * 3600)
        with journal.sending(ADDRESS, CREATE):
            pass
    run = run_of(api_of(emulator), journal, settle=60.0)
    run.plan()
    assert run.unsettled() <= 60


def test_a_run_that_has_not_looked_yet_counts_all_that_was_sent(
    emulator: Emulator, journal: Journal
) -> None:
    with journal.sending(ADDRESS, CREATE):
        pass
    run = run_of(api_of(emulator), journal, settle=60.0)
    assert 50 < run.unsettled() <= 60
    later = replace(run, looked=datetime.now(UTC) + timedelta(seconds=1))
    assert later.unsettled() == 0.0


def test_a_run_that_waited_for_the_lock_counts_what_was_sent_meanwhile(
    emulator: Emulator, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that is ahead, in a run that held the lock while this one waited for it."""
    run = run_of(api_of(emulator), journal, settle=0.6)
    run.started -= timedelta(seconds=30)
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.journal.time.time", lambda: now + 20)
        lost(journal)
    with alone(run) as only:
        only.plan()
        (one,) = only.judgement.open
    assert 0 < one.seconds <= 0.6
