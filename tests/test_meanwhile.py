"""Between a plan and its deletes the world may change; nothing is deleted on facts that are old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from reconciler.apply import Started, apply
from reconciler.compare import Comparison
from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import UnclearReplyError
from reconciler.guards import Allow
from reconciler.resource import OWNER_TAG, PROTECT_TAG
from reconciler.writer import Clock, Means, Outcome
from tests.conftest import REGION
from tests.test_apply import TODAY, Between, api_of, desired_of, planned, refuse

EMPTY = "version: 1\nowner: platform\nconnections: [{name: kept, provider_type: GitHub}]\n"
RENAMED = """
version: 1
owner: platform
connections: [{name: new, provider_type: GitHub, previously: [old], adopt: true}]
"""


class World:
    """An emulator with an owned connection `old` that nobody has approved yet."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.api = Between(api_of(emulator))
        self.client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
        self.arn = self.make("old", owner="platform")
        self.make("kept", owner="platform")

    def make(self, name: str, owner: str | None = None) -> str:
        tags = [{"Key": OWNER_TAG, "Value": owner}] if owner else []
        made = self.client.create_connection(
            ConnectionName=name,
            ProviderType="GitHub",
            Tags=tags,
        )
        return str(made["ConnectionArn"])

    def approve(self) -> None:
        self.emulator.control.approve(self.arn)

    def tag(self, key: str, value: str) -> None:
        self.client.tag_resource(ResourceArn=self.arn, Tags=[{"Key": key, "Value": value}])

    def use(self) -> None:
        self.client.create_repository_link(
            ConnectionArn=self.arn, OwnerId="acme", RepositoryName="theirs"
        )

    def outcomes(
        self, text: str, meanwhile: Callable[[World], object], **options: Any
    ) -> dict[str, Outcome]:
        """How every change ended when this happened just before the delete."""
        plan = planned(desired_of(text), self.api, **options)
        assert (plan.refusals, plan.is_complete) == ((), True)
        clock = Clock(now=lambda: 0.0, sleep=lambda seconds: None)
        found = {}
        compare = Comparison("platform", (), TODAY)
        for event in apply(plan, self.api, compare, run="r", means=Means(clock)):
            if isinstance(event, Started) and event.change.action == "delete":
                meanwhile(self)
            if isinstance(event, Outcome):
                found[str(event.change.address)] = event
        return found

    def names(self) -> list[str]:
        return sorted(c["ConnectionName"] for c in self.client.list_connections()["Connections"])


@pytest.fixture
def world() -> Iterator[World]:
    with Emulator(EmulatorSettings(handshake="manual")) as emulator:
        yield World(emulator)


def _everything(world: World) -> None:
    world.tag(OWNER_TAG, "team-b")
    world.tag(PROTECT_TAG, "production")
    world.approve()


MEANWHILE: dict[str, tuple[Callable[[World], object], str]] = {
    "approved": (World.approve, "not deleted: approved changed"),
    "another owner": (lambda w: w.tag(OWNER_TAG, "team-b"), "not deleted: owner changed"),
    "protected": (lambda w: w.tag(PROTECT_TAG, "production"), "not deleted: protect changed"),
    "all": (
        _everything,
        "not deleted: owner and protect and approved changed",
    ),
}


@pytest.mark.parametrize(("meanwhile", "said"), MEANWHILE.values(), ids=MEANWHILE)
def test_what_became_somebodys_is_not_deleted(
    meanwhile: Callable[[World], object], said: str, world: World
) -> None:
    outcome = world.outcomes(EMPTY, meanwhile, prune=True)["connection/old"]
    assert (outcome.status, said in outcome.message) == ("failed", True)
    assert world.names() == ["kept", "old"]
    assert world.api.written == []


def test_what_was_taken_into_use_is_not_deleted(world: World) -> None:
    world.approve()
    allow = Allow(destroy=frozenset({"connection/old"}))
    outcome = world.outcomes(EMPTY, World.use, prune=True, allow=allow)["connection/old"]
    assert outcome.status == "failed"
    assert "repository_link/acme/theirs uses it now" in outcome.message
    assert world.names() == ["kept", "old"]


def test_what_is_gone_already_is_no_failure(world: World) -> None:
    def delete(world: World) -> None:
        world.client.delete_connection(ConnectionArn=world.arn)

    assert world.outcomes(EMPTY, delete, prune=True)["connection/old"].status == "applied"


def test_what_did_not_change_is_deleted(world: World) -> None:
    outcome = world.outcomes(EMPTY, lambda w: None, prune=True)["connection/old"]
    assert outcome.status == "applied"
    assert world.names() == ["kept"]


def test_the_old_one_stays_when_its_successor_could_not_be_adopted(world: World) -> None:
    world.approve()
    world.emulator.control.approve(world.make("new"))
    world.api.spoil = refuse("TagResource")
    found = world.outcomes(RENAMED, lambda w: None)
    assert {address: outcome.status for address, outcome in found.items()} == {
        "connection/new": "failed",
        "connection/old": "skipped",
    }
    assert world.names() == ["kept", "new", "old"]


def test_a_plan_made_again_differs_when_an_object_was_taken_into_use(world: World) -> None:
    world.approve()
    options: dict[str, Any] = {"prune": True, "allow": Allow(destroy=frozenset({"connection/old"}))}
    before = planned(desired_of(EMPTY), world.api, **options)
    world.use()
    after = planned(desired_of(EMPTY), world.api, **options)
    assert before.changes == after.changes
    assert before.fingerprint != after.fingerprint
    assert not after.is_complete


@pytest.mark.parametrize("operation", ["GetConnection", "ListRepositoryLinks"])
def test_a_look_that_failed_deletes_nothing_and_leaves_nothing_unknown(
    operation: str, world: World
) -> None:
    unclear = UnclearReplyError(operation, "cut short")

    def spoil(world: World) -> None:
        world.api.spoil = lambda call: unclear if call.operation == operation else None

    outcome = world.outcomes(EMPTY, spoil, prune=True)["connection/old"]
    assert (outcome.status, outcome.message) == (
        "failed",
        f"not deleted: {operation}: no clear answer: cut short",
    )
    assert world.api.written == []


@pytest.mark.parametrize("status", ["gone", "ERROR"])
def test_the_old_one_stays_when_its_successor_is_lost_meanwhile(status: str, world: World) -> None:
    new = world.make("new", owner="platform")
    world.approve()
    world.emulator.control.approve(new)

    def lose(world: World) -> None:
        if status == "gone":
            world.client.delete_connection(ConnectionArn=new)
        else:
            world.emulator.control.approve(new, ok=False)

    outcome = world.outcomes(RENAMED, lose)["connection/old"]
    text = f"not deleted: connection/new, which takes its place, is {status}: plan again"
    assert (outcome.status, outcome.message) == ("failed", text)
    assert "old" in world.names()
