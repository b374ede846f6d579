"""Replacing what other things stand under: they are deleted first, nothing is deleted under what
could not be, and the next run makes what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply import Event, Waiting, cut_short
from reconciler.cli.exits import Exit, exit_code
from reconciler.emulator import Emulator
from reconciler.errors import UnclearReplyError
from reconciler.guards import Allow
from reconciler.observe import observe
from reconciler.plan import Plan
from reconciler.reconcile import apply_plan
from reconciler.report import report_document
from reconciler.resource import OWNER_TAG, PROTECT_TAG, Api, Call, Desired, Live, Target
from reconciler.writer import Means, Outcome
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import (
    AT_ONCE,
    DESIRED,
    TODAY,
    Between,
    api_of,
    applied,
    desired_of,
    planned,
    quick,
    refuse,
    statuses,
)

__all__ = ["quick"]


def lives(emulator: Emulator) -> list[Live]:
    """Everything that is there."""
    observed = observe(api_of(emulator), Target(ACCOUNT, REGION, emulator.url))
    return [live for found in observed.lives.values() for live in found]


@pytest.mark.parametrize(
    ("refused", "held"),
    [("DeleteSyncConfiguration", "one"), ("DeleteRepositoryLink", "two")],
)
def test_what_cannot_be_deleted_keeps_what_it_stands_under(
    quick: Emulator, refused: str, held: str
) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    desired = desired_of(DESIRED.replace("GitHub", "Bitbucket"))
    only = {"one": "network", "two": "data"}[held]
    link = {v.address.name: v.id for v in lives(quick) if v.address.kind == "repository_link"}
    wanted = {"RepositoryLinkId": link["acme/data"]} if held == "two" else {}
    api = Between(api_of(quick), refuse(refused, **wanted))
    moves = frozenset(str(address) for address in desired.resources)
    plan = planned(desired, api, allow=Allow(destroy=moves, max_destroy=9))
    events = apply_plan(plan, desired, api, run="run-2", today=TODAY, wait=5.0)
    report = report_document(plan, list(events), run="run-2")

    ended = statuses(report)
    other = {"one": "two", "two": "one"}[held]
    assert ended[f"connection/{held}"] == "skipped"
    assert ended[f"connection/{other}"] == "applied"
    assert ended[f"repository_link/acme/{only}"] in ("failed", "skipped")
    assert api.written.count("DeleteConnection") == 1
    assert exit_code(report) == Exit.PARTLY
    names = {live.address.name for live in lives(quick)}
    assert names == {"one", "two", "acme/data", "acme/network", "network-prod"}

    again = planned(desired, api_of(quick), allow=Allow(destroy=moves, max_destroy=9))
    report = report_document(
        again,
        list(apply_plan(again, desired, api_of(quick), run="run-3", today=TODAY, wait=5.0)),
        run="run-3",
    )
    assert set(statuses(report).values()) == {"applied"}


def test_a_replaced_parent_that_is_not_made_leaves_its_deleted_children_to_the_next_run(
    quick: Emulator,
) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    desired = desired_of(DESIRED.replace("GitHub", "Bitbucket"))
    moves = frozenset(str(address) for address in desired.resources)
    api = Between(api_of(quick), refuse("CreateConnection", ConnectionName="one"))
    plan = planned(desired, api, allow=Allow(destroy=moves, max_destroy=9))
    events = apply_plan(plan, desired, api, run="run-2", today=TODAY, wait=5.0)
    report = report_document(plan, list(events), run="run-2")
    told = {o["address"]: (o["status"], o["message"], o["calls_made"]) for o in report["outcomes"]}
    assert told["connection/one"] == (
        "failed",
        "after 1 of 2 calls: CreateConnection: AccessDeniedException: no",
        1,
    )
    text = "after 1 of 2 calls: because of connection/one"
    assert told["repository_link/acme/network"] == ("skipped", text, 1)
    assert set(statuses(applied(desired, api_of(quick))).values()) == {"applied"}


def made(emulator: Emulator, text: str) -> None:
    """Make everything, with a person who approves when asked."""
    desired, api = desired_of(text), api_of(emulator)
    for event in apply_plan(planned(desired, api), desired, api, run="r", today=TODAY, wait=9.0):
        for task in event.tasks if isinstance(event, Waiting) else ():
            emulator.control.approve(str(task.address))


def replacing(emulator: Emulator, text: str, api: Between | None = None) -> tuple[Desired, Plan]:
    """The plan of a replacement in which everything is allowed."""
    desired = desired_of(text)
    moves = frozenset(str(address) for address in desired.resources)
    allow = Allow(destroy=moves, max_destroy=9)
    return desired, planned(desired, api or api_of(emulator), allow=allow)


def carried_out(
    plan: Plan, desired: Desired, api: Api, wait: float = 5.0, means: Means = Means()
) -> Any:
    events = apply_plan(plan, desired, api, run="run-2", today=TODAY, wait=wait, means=means)
    return report_document(plan, list(events), run="run-2")


CHAIN = """
version: 1
owner: platform
connections:
  - {name: a, provider_type: GitHub}
repository_links:
  - {owner_id: acme, repository_name: net, connection: a}
sync_configurations:
  - resource_name: net
    repository: acme/net
    branch: main
    config_file: a.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
"""
OTHER = "GitHub}\n  - {name: b, provider_type: Bitbucket}"


def test_one_outcome_for_what_failed_when_it_was_to_go_with_its_parent(emulator: Emulator) -> None:
    made(emulator, CHAIN)
    text = CHAIN.replace("GitHub}", OTHER).replace("GitHub", "Bitbucket").replace(": a}", ": b}")
    text += CHAIN[CHAIN.index("  - resource_name") :].replace("name: net", "name: web")
    api = Between(api_of(emulator), refuse("DeleteSyncConfiguration"))
    desired, plan = replacing(emulator, text, api)
    report = carried_out(plan, desired, api, wait=0.0)
    assert [(o["address"], o["status"]) for o in report["outcomes"]] == [
        ("sync_configuration/net", "failed"),
        ("connection/a", "skipped"),
        ("connection/b", "applied"),
        ("repository_link/acme/net", "deferred"),
        ("sync_configuration/web", "deferred"),
    ]
    assert api.written == ["CreateConnection"]


HOSTED = """
version: 1
owner: platform
hosts:
  - {name: h1, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://a.example.com"}
connections:
  - {name: main, host: h1}
repository_links:
  - {owner_id: acme, repository_name: net, connection: main}
"""
SECOND = """connections:
  - {name: other, provider_type: GitHub}
"""
H2 = """hosts:
  - {name: h2, provider_type: GitLabSelfManaged, provider_endpoint: "https://b.example.com"}
"""


def test_what_was_skipped_is_not_deleted_afterwards(emulator: Emulator) -> None:
    made(emulator, HOSTED)
    text = HOSTED.replace("host: h1", "host: h2").replace("hosts:\n", H2)
    text = text.replace("connections:\n", SECOND).replace("connection: main", "connection: other")
    api = Between(api_of(emulator), refuse("CreateConnection", ConnectionName="other"))
    desired, plan = replacing(emulator, text, api)
    outcomes = {}
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=9.0):
        for task in event.tasks if isinstance(event, Waiting) else ():
            emulator.control.approve(str(task.address))
        if isinstance(event, Outcome):
            assert str(event.change.address) not in outcomes
            outcomes[str(event.change.address)] = event.status.value
    assert outcomes == {
        "host/h2": "applied",
        "connection/other": "failed",
        "repository_link/acme/net": "skipped",
        "connection/main": "skipped",
    }
    assert api.written == ["CreateHost"]


MEANWHILE: dict[str, tuple[str, dict[str, str]]] = {
    "the connection is protected": ("connection/a", {PROTECT_TAG: "pipelines"}),
    "the connection is somebody's": ("connection/a", {OWNER_TAG: "others"}),
    "the link is somebody's": ("repository_link/acme/net", {OWNER_TAG: "others"}),
    "the link is protected": ("repository_link/acme/net", {PROTECT_TAG: "pipelines"}),
}


@pytest.mark.parametrize(("address", "tags"), MEANWHILE.values(), ids=MEANWHILE)
def test_nothing_is_deleted_for_a_parent_or_child_that_has_to_stay(
    quick: Emulator, address: str, tags: dict[str, str]
) -> None:
    applied(desired_of(CHAIN), api_of(quick))
    api = Between(api_of(quick))
    desired, plan = replacing(quick, CHAIN.replace("GitHub", "Bitbucket"), api)
    (arn,) = (live.arn for live in lives(quick) if str(live.address) == address)
    wanted = [{"Key": key, "Value": value} for key, value in tags.items()]
    api_of(quick).write(Call("TagResource", {"ResourceArn": arn, "Tags": wanted}))
    report = carried_out(plan, desired, api)
    assert api.written == []
    assert set(statuses(report).values()) <= {"failed", "skipped"}
    assert len(report["outcomes"]) == 3


def test_a_replaced_object_that_was_taken_into_use_stays(quick: Emulator) -> None:
    alone = CHAIN[: CHAIN.index("repository_links")]
    applied(desired_of(alone), api_of(quick))
    api = Between(api_of(quick))
    desired, plan = replacing(quick, alone.replace("GitHub", "Bitbucket"), api)
    (arn,) = (live.arn for live in lives(quick))
    link = {"ConnectionArn": arn, "OwnerId": "acme", "RepositoryName": "theirs"}
    api_of(quick).write(Call("CreateRepositoryLink", link))
    report = carried_out(plan, desired, api, means=AT_ONCE)
    assert api.written == []
    assert "repository_link/acme/theirs uses it now" in report["outcomes"][0]["message"]


def test_what_has_to_stay_is_told_once_though_its_parent_comes_up_again(quick: Emulator) -> None:
    applied(desired_of(CHAIN), api_of(quick))
    text = CHAIN.replace("GitHub}", OTHER).replace("GitHub", "Bitbucket").replace(": a}", ": b}")
    api = Between(api_of(quick))
    desired, plan = replacing(quick, text, api)
    (arn,) = (live.arn for live in lives(quick) if live.address.kind == "repository_link")
    theirs = [{"Key": OWNER_TAG, "Value": "others"}]
    api_of(quick).write(Call("TagResource", {"ResourceArn": arn, "Tags": theirs}))
    report = carried_out(plan, desired, api)
    assert [(o["address"], o["status"], o["message"]) for o in report["outcomes"]] == [
        ("sync_configuration/net", "failed", "not deleted: owner changed meanwhile: plan again"),
        ("connection/a", "skipped", "because of sync_configuration/net"),
        ("connection/b", "applied", ""),
        ("repository_link/acme/net", "skipped", "because of sync_configuration/net"),
    ]
    assert api.written == ["CreateConnection"]


def approving(
    emulator: Emulator, plan: Plan, desired: Desired
) -> tuple[list[list[str]], dict[str, str]]:
    """What a person who does what is asked for was asked for each time, and how all ended."""
    asked: list[list[str]] = []
    ended: dict[str, str] = {}
    for event in apply_plan(plan, desired, api_of(emulator), run="r", today=TODAY, wait=9.0):
        if isinstance(event, Waiting):
            asked.append([str(task.address) for task in event.tasks])
            for address in asked[-1]:
                emulator.control.approve(address)
        if isinstance(event, Outcome):
            ended[str(event.change.address)] = event.status.value
    return asked, ended


@pytest.fixture
def unapproved(emulator: Emulator) -> Emulator:
    """An emulator in which there is a host, and a connection that nobody has approved yet."""
    applied(desired_of(HOSTED), api_of(emulator), wait=0.0)
    emulator.control.approve("host/h1")
    applied(desired_of(HOSTED), api_of(emulator), wait=0.0)
    return emulator


def test_nobody_is_asked_to_approve_what_was_deleted_with_its_parent(unapproved: Emulator) -> None:
    text = HOSTED.replace("GitHubEnterpriseServer", "GitLabSelfManaged")
    desired, plan = replacing(unapproved, text)
    assert approving(unapproved, plan, desired) == (
        [["host/h1"], ["connection/main"]],
        {
            "host/h1": "applied",
            "connection/main": "applied",
            "repository_link/acme/net": "applied",
        },
    )


def test_nobody_is_asked_to_approve_what_is_about_to_be_replaced(unapproved: Emulator) -> None:
    alone = HOSTED[: HOSTED.index("repository_links")]
    text = alone.replace("host: h1", "host: h2").replace("hosts:\n", H2)
    desired, plan = replacing(unapproved, text)
    assert approving(unapproved, plan, desired) == (
        [["host/h2"], ["connection/main"]],
        {"host/h2": "applied", "connection/main": "applied"},
    )


def test_an_interrupted_replacement_tells_how_far_it_came(emulator: Emulator) -> None:
    made(emulator, CHAIN)
    desired, plan = replacing(emulator, CHAIN.replace("GitHub", "Bitbucket"))
    events: list[Event] = []
    for event in apply_plan(plan, desired, api_of(emulator), run="r", today=TODAY, wait=9.0):
        if isinstance(event, Waiting):
            break
        events.append(event)
    left = {str(o.change.address): (o.status, o.calls_made) for o in cut_short(plan, events)}
    assert left == {
        "repository_link/acme/net": ("skipped", 1),
        "sync_configuration/net": ("skipped", 1),
    }


def test_a_look_that_fails_between_delete_and_create_is_not_the_last_one(quick: Emulator) -> None:
    alone = "version: 1\nowner: platform\nconnections: [{name: one, provider_type: GitHub}]\n"
    applied(desired_of(alone), api_of(quick))
    api = Between(api_of(quick))
    desired, plan = replacing(quick, alone.replace("GitHub", "Bitbucket"), api)
    left = [True]

    def once(call: Call) -> UnclearReplyError | None:
        gone = "DeleteConnection" in api.written and call.operation == "GetConnection"
        return (
            UnclearReplyError(call.operation, "timeout") if gone and left and left.pop() else None
        )

    api.spoil = once
    report = carried_out(plan, desired, api, means=AT_ONCE)
    assert statuses(report) == {"connection/one": "applied"}
    assert api.written == ["DeleteConnection", "CreateConnection"]
    assert left == []


def test_a_child_that_is_pruned_comes_too_late_for_its_replaced_parent(quick: Emulator) -> None:
    applied(desired_of(HOSTED.partition("repository_links")[0]), api_of(quick))
    text = HOSTED.partition("connections")[0]
    text = text.replace("GitHubEnterpriseServer", "GitLabSelfManaged")
    plan = planned(desired_of(text), api_of(quick), prune=True)
    told = [f.message for f in plan.findings if f.code == "still_used"]
    assert told == [
        "cannot be deleted: connection/main still uses it, and is deleted only afterwards: "
        "prune it in a run of its own"
    ]
