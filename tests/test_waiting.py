"""Waiting for people: what is said of that, and what an apply tells that ends meanwhile."""

from __future__ import annotations

import time
from functools import partial

import pytest

from reconciler.apply import Event, Halfway, Started, Waiting, cut_short
from reconciler.cli.exits import Exit, exit_code
from reconciler.diff import await_
from reconciler.emulator import Emulator
from reconciler.errors import ApiError
from reconciler.guards import Allow
from reconciler.reconcile import apply_plan
from reconciler.report import report_document
from reconciler.resource import OWNER_TAG, Call, ReadResult
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
        (
            "going on",
            "unknown",
            "after 1 of 2 calls: interrupted while it was being carried out",
            1,
        ),
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
    events["going on"] = [*events["halfway"], Started(one)]
    left = cut_short(plan, [Outcome(two, Status.APPLIED), *events[said]])
    assert left[0] == Outcome(one, Status(status), message, calls_made=calls_made)
    assert [outcome.change for outcome in left[1:]] == others


HOSTED = """
version: 1
owner: platform
hosts: [{name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://g"}]
connections: [{name: one, %s}]
repository_links: [{owner_id: acme, repository_name: net, connection: one}]
"""


@pytest.mark.parametrize("meanwhile", ["nothing", "deleted by hand"])
def test_nobody_is_asked_to_approve_what_is_going_to_be_replaced(
    emulator: Emulator, meanwhile: str
) -> None:
    """The host is approved, then the connection is replaced, then the new one is asked for."""
    one = HOSTED % "provider_type: GitHub"
    desired = desired_of(one[: one.index("hosts:")] + one[one.index("connections:") :])
    applied(desired, api_of(emulator), wait=0.0)
    api, desired = api_of(emulator), desired_of(HOSTED % "host: ghes")
    plan = planned(desired, api, allow=Allow(destroy=frozenset({"connection/one"})))
    old = next(change.live for change in plan.work if str(change.address) == "connection/one")
    assert old is not None
    asked: list[list[str]] = []
    ended: dict[str, str] = {}
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=4.0):
        if isinstance(event, Waiting):
            asked.append([f"{task.address} {task.id}" for task in event.tasks])
            if meanwhile != "nothing" and len(asked) == 1:
                api.write(Call("DeleteConnection", {"ConnectionArn": old.arn}))
            for task in event.tasks:
                emulator.control.approve(task.id)
        if isinstance(event, Outcome):
            ended[str(event.change.address)] = event.status
    assert [names[0].partition(" ")[0] for names in asked] == ["host/ghes", "connection/one"]
    assert not any(old.arn in name for names in asked for name in names)
    assert ended == dict.fromkeys(
        ["host/ghes", "connection/one", "repository_link/acme/net"], "applied"
    )


def test_what_became_somebodys_while_people_were_waited_for_is_left_to_them(
    emulator: Emulator,
) -> None:
    text = """
version: 1
owner: platform
connections: [{name: one, provider_type: GitHub}, {name: two, provider_type: GitHub}]
repository_links: [{owner_id: acme, repository_name: net, connection: %s}]
"""
    applied(desired_of(text.split("repository", maxsplit=1)[0]), api_of(emulator), wait=0.0)
    emulator.control.approve("connection/one")
    desired_one = text % "one"
    applied(desired_of(desired_one), api_of(emulator), wait=0.0)
    api, desired = Between(api_of(emulator)), desired_of(text % "two")
    plan = planned(desired, api)
    (link,) = (c.live for c in plan.work if c.address.kind == "repository_link")
    assert link is not None
    ended: dict[str, tuple[str, str]] = {}
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=4.0):
        if isinstance(event, Waiting):
            tags = [{"Key": OWNER_TAG, "Value": "others"}]
            api_of(emulator).write(Call("TagResource", {"ResourceArn": link.arn, "Tags": tags}))
            emulator.control.approve("connection/two")
        if isinstance(event, Outcome):
            ended[str(event.change.address)] = (event.status, event.message)
    assert ended["repository_link/acme/net"] == ("failed", "others owns it now: plan again")
    assert api.written == []


def test_nothing_is_made_beside_what_came_while_people_were_waited_for(emulator: Emulator) -> None:
    text = HOSTED[: HOSTED.index("repository_links")] % "host: ghes"
    desired, api = desired_of(text), Between(api_of(emulator))
    ended: dict[str, tuple[str, str]] = {}
    for event in apply_plan(planned(desired, api), desired, api, run="r", today=TODAY, wait=4.0):
        if isinstance(event, Waiting):
            emulator.control.approve("host/ghes")
            theirs = {"ConnectionName": "one", "ProviderType": "GitHub"}
            api_of(emulator).write(Call("CreateConnection", theirs))
        if isinstance(event, Outcome):
            ended[str(event.change.address)] = (event.status, event.message)
    assert ended["connection/one"] == ("failed", "one of this name is there by now: plan again")
    assert api.written == ["CreateHost"]


def test_what_cannot_be_looked_at_any_more_is_not_waited_for(emulator: Emulator) -> None:
    """A certain no does not become another answer by asking again."""
    desired, api = desired_of(DESIRED), Between(api_of(emulator))
    plan = planned(desired, api)
    begun = time.monotonic()
    events: list[Event] = []
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=60.0):
        events.append(event)
        if isinstance(event, Waiting):
            api.spoil = refuse("GetConnection")
    assert time.monotonic() - begun < 10
    report = report_document(plan, events, run="r")
    messages = {o["address"]: o["message"] for o in report["outcomes"]}
    assert messages["repository_link/acme/network"].startswith(
        "waits for connection/one, which is PENDING and cannot be looked at: GetConnection: "
    )
    lost = [f for f in report["findings"] if f["code"] == "lost_sight"]
    assert {finding["address"] for finding in lost} == {"connection/one", "connection/two"}
    assert exit_code(report) is Exit.ERROR


def test_what_was_deleted_is_nobodys_task_and_an_error(emulator: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(emulator), wait=0.0)
    desired, api = desired_of(DESIRED), api_of(emulator)
    compare = partial(await_, addresses=["connection/one"])
    plan = planned(desired, api, compare=compare)
    events: list[Event] = []
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=30.0):
        events.append(event)
        if isinstance(event, Waiting):
            arn = event.tasks[0].id
            api.write(Call("DeleteConnection", {"ConnectionArn": arn}))
    report = report_document(plan, events, run="r")
    assert report["worklist"] == []
    (finding,) = (f for f in report["findings"] if f["level"] == "error")
    assert (finding["address"], finding["message"]) == (
        "connection/one",
        "was deleted while it was waited for",
    )
    assert exit_code(report) is Exit.ERROR
