"""How syncs go, as read from the emulator: attempts, blockers, definitions, and failed reads."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.emulator import Emulator, Fault
from reconciler.health import Definition, definitions, look, moment
from reconciler.observe import observe
from reconciler.resource import Address, Live
from tests.conftest import ACCOUNT, REGION
from tests.test_observe import TARGET, client, fill, quick

__all__ = ["quick"]
STACK = Address("sync_configuration", "s0")


@pytest.fixture
def api(quick: Emulator) -> AwsApi:
    settings = Settings(region=REGION, endpoint_url=quick.url, access_key=(ACCOUNT, "x"))
    return AwsApi(Session(settings))


def lives(api: AwsApi) -> list[Live]:
    return [live for found in observe(api, TARGET).lives.values() for live in found]


def test_what_was_never_synced_has_no_attempt_and_is_no_gap(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 1, 1, 2)
    health = look(api, lives(api))
    assert health.gaps == ()
    assert sorted(map(str, health.syncs)) == ["sync_configuration/s0", "sync_configuration/s1"]
    sync = health.syncs[STACK]
    assert (sync.attempt, sync.succeeded, sync.branch_attempt) == (None, None, None)
    assert (sync.failure, sync.blocked, sync.branch) == (None, (), "b0")


def test_attempts_are_told_with_their_commit_and_events(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 1)
    quick.control.record_sync("s0", "SUCCEEDED", sha="a" * 40)
    quick.control.record_sync("s0", "FAILED", sha="b" * 40, events=["begun", "template is wrong"])
    sync = look(api, lives(api)).syncs[STACK]
    assert sync.attempt is not None
    assert sync.succeeded is not None
    assert (sync.attempt.status, sync.attempt.revision) == ("FAILED", "b" * 40)
    assert sync.attempt.branch == "b0"
    assert [event.text for event in sync.attempt.events] == ["begun", "template is wrong"]
    assert sync.attempt.started.endswith("Z")
    assert (sync.succeeded.status, sync.succeeded.revision) == ("SUCCEEDED", "a" * 40)
    assert sync.failure == sync.attempt
    quick.control.record_sync("s0", "SUCCEEDED")
    assert look(api, lives(api)).syncs[STACK].failure is None


def test_a_failure_of_the_branch_alone_counts(quick: Emulator, api: AwsApi) -> None:
    """Two stacks follow one branch: what failed for the other one says something about both."""
    fill(quick, 0, 1, 1)
    link = client(quick).list_repository_links()["RepositoryLinks"][0]["RepositoryLinkId"]
    client(quick).create_sync_configuration(
        SyncType="CFN_STACK_SYNC",
        ResourceName="other",
        RepositoryLinkId=link,
        Branch="b0",
        ConfigFile="b.yaml",
        RoleArn="arn:aws:iam::111122223333:role/git-sync",
    )
    quick.control.record_sync("other", "FAILED")
    sync = look(api, lives(api)).syncs[STACK]
    assert sync.attempt is None
    assert sync.failure is not None
    assert sync.failure == sync.branch_attempt


def test_blockers_are_told_active_and_resolved(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 1)
    id_ = quick.control.record_blocker("s0", "drifted", contexts={"stack": "s0"})
    (blocker,) = look(api, lives(api)).syncs[STACK].blocked
    assert (blocker.id, blocker.reason, dict(blocker.contexts)) == (id_, "drifted", {"stack": "s0"})
    assert (blocker.resolved, blocker.resolved_reason) == ("", "")
    client(quick).update_sync_blocker(
        Id=id_, SyncType="CFN_STACK_SYNC", ResourceName="s0", ResolvedReason="mended"
    )
    sync = look(api, lives(api)).syncs[STACK]
    assert sync.blocked == ()
    assert [(b.status, b.resolved_reason) for b in sync.blockers] == [("RESOLVED", "mended")]
    assert sync.blockers[0].resolved.endswith("Z")


def test_the_reads_are_two_for_each_stack_and_one_for_each_branch(
    quick: Emulator, api: AwsApi
) -> None:
    fill(quick, 1, 2, 3)
    found = lives(api)
    before = quick.control.requests()[-1].sequence
    look(api, found)
    made = Counter(request.operation for request in quick.control.requests(after=before))
    assert made == {
        "GetResourceSyncStatus": 3,
        "GetRepositorySyncStatus": 3,
        "GetSyncBlockerSummary": 3,
    }
    definitions(api, found)
    made = Counter(request.operation for request in quick.control.requests(after=before))
    assert made["ListRepositorySyncDefinitions"] == 3


def test_definitions_say_what_each_branch_is_synced_to(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 1)
    found, gaps = definitions(api, lives(api))
    parent = client(quick).list_repository_links()["RepositoryLinks"][0]["RepositoryLinkId"]
    assert gaps == ()
    assert [(d.parent, d.branch, d.target) for d in found] == [(parent, "b0", "s0")]
    assert isinstance(found[0], Definition)


@pytest.mark.parametrize(
    "operation", ["GetResourceSyncStatus", "GetRepositorySyncStatus", "GetSyncBlockerSummary"]
)
def test_what_cannot_be_read_is_a_gap_and_the_rest_is_told(
    quick: Emulator, api: AwsApi, operation: str
) -> None:
    fill(quick, 0, 1, 1)
    quick.control.record_blocker("s0", "drifted")
    found = lives(api)
    quick.control.fault(Fault(kind="AccessDeniedException", operation=operation))
    health = look(api, found)
    (gap,) = health.gaps
    assert (gap.operation, gap.address) == (operation, STACK)
    assert "AccessDeniedException" in gap.reason
    assert len(health.syncs[STACK].blockers) == (operation != "GetSyncBlockerSummary")


def test_definitions_that_cannot_be_read_are_a_gap(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 1)
    found = lives(api)
    quick.control.fault(
        Fault(kind="AccessDeniedException", operation="ListRepositorySyncDefinitions")
    )
    every, gaps = definitions(api, found)
    assert (every, [gap.operation for gap in gaps]) == ((), ["ListRepositorySyncDefinitions"])


def test_a_moment_is_in_utc() -> None:
    from datetime import datetime, timedelta, timezone

    there = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 1, 2, 3, 4, 5, 6, there)) == "2026-01-02T01:04:05Z"
    assert moment(None) == ""
