"""What is said about a create that may still show up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.bind import Finding
from reconciler.emulator import Emulator
from reconciler.journal import Event, Line, Sent
from reconciler.resource import Address
from reconciler.unsettled import Judgement, Judging, Unsettled, judge, warned
from tests.test_apply import DESIRED, api_of, applied, desired_of, planned, quick

__all__ = ["quick"]

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
JUDGING = Judging(NOW, NOW, 120.0)
LINK = Address("repository_link", "acme/network")


def sent(operation: str, address: Address, event: Event, age: float = 0.0, **facts: str) -> Sent:
    """A call of that age in seconds, and what was heard of it."""
    time = datetime.fromtimestamp(NOW.timestamp() - age, UTC)
    call = {"operation": operation, "address": str(address), **facts}
    line = Line.model_validate({"format": 1, "event": "sent", "id": "1", "time": time, **call})
    return Sent(line, line.model_copy(update={"event": event}))


WAITS = "an apply waits up to 109 s for what it made before it goes on"


@pytest.mark.parametrize(
    ("event", "matters", "what"),
    [
        ("sent", True, f"never answered: {WAITS}"),
        ("done", True, f"carried out, and is not listed: {WAITS}"),
        ("sent", False, "never answered: what it made may show up within 109 s"),
    ],
)
def test_the_warning_says_which_call_and_how_long_it_is_waited_for(
    emulator: Emulator, event: Event, matters: bool, what: str
) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    one = Unsettled(sent("CreateRepositoryLink", LINK, event, age=11.0), 108.6, matters)
    text = f"CreateRepositoryLink of 2026-01-15 11:59:49 UTC was {what}"
    assert plan.findings == ()
    assert warned(plan, [one]).findings == (Finding("warning", "unsettled", text, LINK),)
    assert len(warned(warned(plan, [one]), [one]).findings) == 2


def test_the_window_is_given_to_its_end(emulator: Emulator) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    late = sent("CreateRepositoryLink", LINK, "sent", age=119.5)
    unwanted = sent("CreateRepositoryLink", Address(LINK.kind, "acme/x"), "sent", age=119.5)
    judgement = judge(plan, [late, unwanted], JUDGING)
    assert judgement.open == (Unsettled(late, 0.5, True), Unsettled(unwanted, 0.5, False))
    assert judgement.known == ()


def test_only_a_delete_ends_the_doubt_about_what_was_made(emulator: Emulator) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    made = sent("CreateRepositoryLink", LINK, "done", age=20.0)
    tagged = sent("TagResource", LINK, "done", age=10.0)
    refused = sent("DeleteRepositoryLink", LINK, "refused", age=10.0)
    assert judge(plan, [made, tagged, refused], JUDGING).open == (Unsettled(made, 100.0, True),)


def test_what_is_there_needs_no_waiting(quick: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    plan = planned(desired_of(DESIRED), api_of(quick))
    link = sent("CreateRepositoryLink", LINK, "sent", run="run-1")
    # What takes no tags tells nobody's run: it is known by its name.
    sync = sent("CreateSyncConfiguration", Address("sync_configuration", "network-prod"), "sent")
    known = tuple((one.line, "there, as a later run saw") for one in (link, sync))
    assert judge(plan, [link, sync], JUDGING) == Judgement((), known)


@pytest.mark.parametrize(
    ("deletes", "owner", "matters"),
    [(True, "platform", True), (True, "others", False), (False, "platform", False)],
)
def test_what_would_be_deleted_is_waited_for_undeclared(
    emulator: Emulator, deletes: bool, owner: str, matters: bool
) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    undeclared = sent("CreateRepositoryLink", Address(LINK.kind, "acme/x"), "sent", owner=owner)
    judging = replace(JUDGING, deletes=deletes)
    assert judge(plan, [undeclared], judging).open == (Unsettled(undeclared, 120.0, matters),)


def test_the_window_of_what_a_long_run_has_sent_begins_when_it_was_sent(emulator: Emulator) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    made = sent("CreateRepositoryLink", LINK, "done", age=20.0)
    judging = Judging(NOW, NOW - timedelta(seconds=600), 120.0)
    assert judge(plan, [made], judging).open == (Unsettled(made, 100.0, True),)


@pytest.mark.parametrize(
    ("event", "left"), [("sent", 20.0), ("unknown", 110.0), ("done", 110.0), ("resolved", 20.0)]
)
def test_the_window_begins_when_a_call_had_been_sent_for_sure(event: Event, left: float) -> None:
    """The line before it may be much older, where the machine fell asleep in between."""
    one = sent("CreateRepositoryLink", LINK, event, age=100.0)
    heard = one.last.model_copy(update={"time": NOW - timedelta(seconds=10)})
    assert JUDGING.left(Sent(one.line, heard)) == left
