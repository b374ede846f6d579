"""What is said about a create that may still show up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.bind import Finding
from reconciler.emulator import Emulator
from reconciler.journal import Event, Line, Sent
from reconciler.resource import Address
from reconciler.unsettled import Judging, Unsettled, judge, warned
from tests.test_apply import DESIRED, api_of, desired_of, planned

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
JUDGING = Judging(NOW, NOW, 120.0)
LINK = Address("repository_link", "acme/network")


def sent(operation: str, address: Address, event: Event, age: float = 0.0) -> Sent:
    """A call of that age in seconds, and what was heard of it."""
    time = datetime.fromtimestamp(NOW.timestamp() - age, UTC)
    line = Line(
        format=1, event="sent", id="1", time=time, operation=operation, address=str(address)
    )
    return Sent(line, line.model_copy(update={"event": event}))


@pytest.mark.parametrize(
    ("event", "what"),
    [("sent", "never answered"), ("done", "carried out, and is not listed")],
)
@pytest.mark.parametrize(
    ("matters", "then"),
    [
        (True, "an apply waits up to 109 s for what it made before it goes on"),
        (False, "what it made may show up within 109 s"),
    ],
)
def test_the_warning_says_which_call_and_how_long_it_is_waited_for(
    emulator: Emulator, event: Event, what: str, matters: bool, then: str
) -> None:
    plan = planned(desired_of(DESIRED), api_of(emulator))
    one = Unsettled(sent("CreateRepositoryLink", LINK, event, age=11.0), 108.6, matters)
    text = f"CreateRepositoryLink of 2026-01-15 11:59:49 UTC was {what}: {then}"
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
