"""Before a call is sent again it is looked at what is there, and afterwards it is noted what came
of it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler.diff import forget
from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import ApiError, ReconcilerError
from reconciler.journal import Journal
from reconciler.resource import OWNER_TAG, Call
from tests.test_apply import AT_ONCE, api_of, applied, desired_of, quick
from tests.test_writer import AFTER, BEFORE, EMPTY, LOST, Service, service, there, unclear

__all__ = ["quick", "service", "there"]

SYNC = """
version: 1
owner: platform
connections: [{name: kept, provider_type: GitHub}]
repository_links: [{owner_id: acme, repository_name: net, connection: kept}]
"""
STACK = """
sync_configurations:
- {resource_name: net, repository: acme/net, branch: %s, config_file: f,
   role_arn: "arn:aws:iam::111122223333:role/r"}
"""


@pytest.mark.parametrize("operation", ["DeleteSyncConfiguration", "UpdateSyncConfiguration"])
def test_what_takes_no_tags_and_became_somebodys_is_left_to_them(
    quick: Emulator, operation: str
) -> None:
    """Its name is all that it is called by, and under that name there is another one now."""
    service, api = Service(quick), api_of(quick)
    report = applied(desired_of(SYNC + STACK % "main"), api)
    ids = {outcome["address"]: outcome["id"] for outcome in report["outcomes"]}
    link = {"ConnectionArn": ids["connection/kept"], "OwnerId": "o", "RepositoryName": "r"}
    others = [{"Key": OWNER_TAG, "Value": "others"}]

    def theirs_meanwhile(call: Call) -> ReconcilerError:
        name = {"ResourceName": "net", "SyncType": "CFN_STACK_SYNC"}
        api.write(Call("DeleteSyncConfiguration", name))
        made = api.write(Call("CreateRepositoryLink", {**link, "Tags": others}))
        id_ = made["RepositoryLinkInfo"]["RepositoryLinkId"]
        more = {"RepositoryLinkId": id_, "Branch": "b", "ConfigFile": "f"}
        role = {"RoleArn": "arn:aws:iam::111122223333:role/r"}
        api.write(Call("CreateSyncConfiguration", {**name, **more, **role}))
        return unclear(operation)

    text = SYNC + (STACK % "next" if operation.startswith("Update") else "")
    spoilt = service.spoilt(**{operation: [theirs_meanwhile]})
    report = applied(desired_of(text), spoilt, means=AT_ONCE, prune=True)
    (outcome,) = report["outcomes"]
    assert (outcome["status"], outcome["message"]) == (
        "unknown",
        f"{operation}: {LOST}; then others owns it now: plan again",
    )
    sent = [r for r in quick.control.requests() if r.operation == operation]
    assert len(sent) == operation.startswith("Delete")  # the one that made room for theirs


def test_a_look_that_fails_says_nothing_about_the_call(there: Service) -> None:
    busy = ApiError("UpdateHost", "ConcurrentModificationException", "")
    answers: dict[str, list[Any]] = {"UpdateHost": [busy], "GetHost": [unclear("GetHost")]}
    assert there.ends(AFTER, **answers) == (
        "failed",
        f"not sent without a look at what is there: GetHost: {LOST}",
    )
    assert there.sent("UpdateHost") == 0


def test_a_look_that_fails_after_an_unclear_call_leaves_it_unknown(there: Service) -> None:
    answers: dict[str, list[Any]] = {
        "UpdateHost": [unclear("UpdateHost")],
        "GetHost": [unclear("GetHost")],
    }
    status, message = there.ends(AFTER, **answers)
    assert (status, message.startswith(f"UpdateHost: {LOST}; then not sent without")) == (
        "unknown",
        True,
    )


def test_what_nobody_answered_is_noted_as_done_once_it_is(there: Service, tmp_path: Path) -> None:
    """A delete that was seen to be done is one that was answered, for who reads the journal."""
    journal = Journal(tmp_path / "journal")
    there.journal = journal
    there.ends(AFTER, UpdateHost=[unclear("UpdateHost")])
    (lost, repeated) = journal.history()
    assert (lost.last.event, repeated.last.event) == ("resolved", "done")
    answer = there.done_but(unclear("DeleteHost"))
    assert there.ends(EMPTY, DeleteHost=[answer]) == ("applied", "")
    gone = journal.history()[-1]
    assert (gone.line.operation, gone.last.event, gone.last.text) == ("DeleteHost", "done", "gone")
    assert [sent.line.operation for sent in journal.history() if sent.is_pending] == []


def test_ownership_that_was_given_up_without_an_answer_is_given_up(there: Service) -> None:
    api = there.spoilt(UntagResource=[there.done_but(unclear("UntagResource"))])
    compare = partial(forget, addresses=["host/ghes"])
    report = applied(desired_of(BEFORE), api, wait=0.0, means=AT_ONCE, compare=compare)
    (outcome,) = report["outcomes"]
    assert (outcome["status"], outcome["message"]) == ("applied", "")


def test_what_is_being_deleted_is_not_deleted_once_more(tmp_path: Path) -> None:
    vpc = """, vpc_configuration: {vpc_id: vpc-0123456789abcdef0,
      subnet_ids: [subnet-0123456789abcdef0], security_group_ids: [sg-0123456789abcdef0]}}"""
    with Emulator(EmulatorSettings(handshake="auto", vpc_seconds=0.3)) as emulator:
        service = Service(emulator)
        text = BEFORE.rstrip().removesuffix("}") + vpc
        assert service.ends(text)[0] == "applied"
        time.sleep(0.4)  # its VPC is set up
        answer = service.done_but(unclear("DeleteHost"))
        service.slept.clear()
        status, _ = service.ends(EMPTY, DeleteHost=[answer])
        assert service.sent("DeleteHost") == 1
        assert status == "applied"
