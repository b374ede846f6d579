"""Waiting for people: what is said of that, and what an apply tells that ends meanwhile."""

from __future__ import annotations

import pytest

from reconciler.apply import Event, Halfway, Started, Waiting, cut_short
from reconciler.emulator import Emulator
from reconciler.errors import ApiError
from reconciler.guards import Allow
from reconciler.reconcile import apply_plan
from reconciler.resource import Call, ReadResult
from reconciler.writer import Clock, Means, Outcome, Status
from tests.test_apply import (
    DESIRED,
    TODAY,
    Between,
    api_of,
    applied,
    desired_of,
    planned,
    quick,
    refuse,
)

__all__ = ["quick"]


def test_what_is_deferred_says_what_it_waits_for(emulator: Emulator) -> None:
    report = applied(desired_of(DESIRED), api_of(emulator), wait=0.0)
    assert {o["address"]: o["message"] for o in report["outcomes"]} == {
        "connection/one": "",
        "connection/two": "",
        "repository_link/acme/data": "waits for connection/two, which is PENDING",
        "repository_link/acme/network": "waits for connection/one, which is PENDING",
        "sync_configuration/network-prod": (
            "waits for repository_link/acme/network, which is still to be done"
        ),
    }


def test_one_that_cannot_be_looked_at_holds_up_no_other(emulator: Emulator) -> None:
    desired, api = desired_of(DESIRED), Between(api_of(emulator))
    plan = planned(desired, api)
    arns: list[str] = []

    def no_look(call: Call) -> ReadResult | None:
        hit = call.operation == "GetConnection" and call.parameters["ConnectionArn"] in arns
        return ApiError("GetConnection", "ThrottlingException", "") if hit else None

    api.spoil = no_look
    ended: dict[str, Status] = {}
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=2.0):
        if isinstance(event, Waiting) and not arns:
            arns = [task.id for task in event.tasks if task.address.name == "one"]
            emulator.control.approve("connection/two")
        if isinstance(event, Outcome):
            ended[str(event.change.address)] = event.status
    assert ended["repository_link/acme/data"] == "applied"
    assert ended["repository_link/acme/network"] == "deferred"


def test_the_looks_become_rarer_and_the_last_ends_with_the_time(emulator: Emulator) -> None:
    slept: list[float] = []
    means = Means(Clock(now=lambda: round(sum(slept), 6), sleep=slept.append))
    desired, api = desired_of(DESIRED), api_of(emulator)
    plan = planned(desired, api)
    events = apply_plan(plan, desired, api, run="r", today=TODAY, wait=18.0, means=means)
    left = [event.seconds for event in events if isinstance(event, Waiting)]
    assert left == pytest.approx([18.0, 17.5, 17.0, 16.0, 14.0, 9.0, 4.0])
    assert sum(slept) == pytest.approx(18.0)


def test_what_waited_goes_on_in_the_order_of_the_plan(quick: Emulator) -> None:
    old = "version: 1\nowner: platform\nconnections: [{name: old, provider_type: GitHub}]\n"
    applied(desired_of(old), api_of(quick))
    new = "  - {name: new, provider_type: GitHub, previously: [old]}\n"
    desired = desired_of(DESIRED.replace("repository_links:", new + "repository_links:"))
    plan = planned(desired, api_of(quick))
    events = list(apply_plan(plan, desired, api_of(quick), run="r", today=TODAY, wait=5.0))
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert {outcome.status for outcome in outcomes} == {"applied"}
    assert [outcome.change for outcome in outcomes] == list(plan.work)


def test_what_was_carried_out_in_part_is_waited_for(emulator: Emulator) -> None:
    text = "version: 1\nowner: platform\nconnections: [{name: one, provider_type: GitHub%s}]\n"
    applied(desired_of(text % ", tags: {team: net}"), api_of(emulator), wait=0.0)
    desired = desired_of(text % ", tags: {stage: prod}")
    api = Between(api_of(emulator), refuse("TagResource"))
    plan = planned(desired, api)
    events = list(apply_plan(plan, desired, api, run="r", today=TODAY, wait=1.0))
    assert api.written == ["UntagResource"]
    awaited = {t.address.name for e in events if isinstance(e, Waiting) for t in e.tasks}
    assert awaited == {"one"}


def test_what_was_deleted_and_not_made_again_is_not_waited_for(emulator: Emulator) -> None:
    text = "version: 1\nowner: platform\nconnections: [{name: one, provider_type: GitHub}]\n"
    applied(desired_of(text), api_of(emulator), wait=0.0)
    desired = desired_of(text.replace("GitHub", "Bitbucket"))
    api = Between(api_of(emulator), refuse("CreateConnection"))
    plan = planned(desired, api, allow=Allow(destroy=frozenset({"connection/one"})))
    events = list(apply_plan(plan, desired, api, run="r", today=TODAY, wait=1.0))
    assert api.written == ["DeleteConnection"]
    assert [event for event in events if isinstance(event, Waiting)] == []


def test_nothing_new_is_begun_once_the_end_is_asked_for(emulator: Emulator) -> None:
    api, means = Between(api_of(emulator)), Means(Clock(stopping=lambda: "interrupted"))
    report = applied(desired_of(DESIRED), api, means=means)
    assert {(o["status"], o["message"]) for o in report["outcomes"]} == {
        ("skipped", "not begun: interrupted")
    }
    assert (len(report["outcomes"]), api.written) == (5, [])


def test_what_waits_is_not_waited_for_once_the_end_is_asked_for(emulator: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(emulator), wait=0.0)
    means = Means(Clock(stopping=lambda: "interrupted"))
    report = applied(desired_of(DESIRED), api_of(emulator), means=means)
    assert [(o["address"], o["status"], o["message"]) for o in report["outcomes"]] == [
        ("repository_link/acme/data", "skipped", "not begun: interrupted"),
        ("repository_link/acme/network", "skipped", "not begun: interrupted"),
        ("sync_configuration/network-prod", "skipped", "not begun: interrupted"),
    ]


def test_a_replacement_is_ended_between_its_calls(emulator: Emulator) -> None:
    one = "version: 1\nowner: platform\nconnections: [{name: one, provider_type: GitHub}]\n"
    applied(desired_of(one), api_of(emulator), wait=0.0)
    api = Between(api_of(emulator))
    means = Means(Clock(stopping=lambda: "interrupted" * bool(api.written)))
    allow = Allow(destroy=frozenset({"connection/one"}))
    report = applied(desired_of(one.replace("GitHub", "Bitbucket")), api, means=means, allow=allow)
    (outcome,) = report["outcomes"]
    assert (outcome["status"], outcome["message"], outcome["calls_made"]) == (
        "skipped",
        "after 1 of 2 calls: interrupted",
        1,
    )
    assert api.written == ["DeleteConnection"]


@pytest.mark.parametrize(
    ("said", "status", "message", "calls_made"),
    [
        ("nothing", "skipped", "not begun: interrupted", 0),
        ("begun", "unknown", "interrupted while it was being carried out", 0),
        ("halfway", "skipped", "after 1 of 2 calls: interrupted", 1),
    ],
)
def test_what_an_interrupted_apply_did_not_get_to_say(
    emulator: Emulator, said: str, status: str, message: str, calls_made: int
) -> None:
    applied(desired_of(DESIRED), api_of(emulator), wait=0.0)
    plan = planned(desired_of(DESIRED.replace("GitHub", "Bitbucket")), api_of(emulator))
    one, two, *others = plan.work
    events: dict[str, list[Event]]
    events = {"nothing": [], "begun": [Started(one)], "halfway": [Started(one), Halfway(one, 1)]}
    left = cut_short(plan, [Outcome(two, Status.APPLIED), *events[said]])
    assert left[0] == Outcome(one, Status(status), message, calls_made=calls_made)
    assert [outcome.change for outcome in left[1:]] == others
