"""Replacing what other things stand under: they are deleted first, nothing is deleted under what
could not be, and the next run makes what is missing."""

from __future__ import annotations

import pytest

from reconciler.cli.exits import Exit, exit_code
from reconciler.emulator import Emulator
from reconciler.guards import Allow
from reconciler.observe import observe
from reconciler.reconcile import apply_plan
from reconciler.report import report_document
from reconciler.resource import Live, Target
from tests.conftest import ACCOUNT, REGION
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
