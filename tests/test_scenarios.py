"""Plays every folder of `tests/scenarios` against a real emulator through real boto3.

A scenario is a folder with

    live.yaml      API calls that make what is there before (optional)
    desired.yaml   the files to plan and apply; steps may name other files of the folder
    steps.yaml     what to do and what to expect; see `tests/scenarios/README.md`

After the last step everything is planned once more, and there has to be nothing left to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from reconciler.apply import Event, Waiting
from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.cli.exits import exit_code
from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.guards import Allow
from reconciler.plan import Plan
from reconciler.reconcile import apply_plan, plan_for
from reconciler.report import plan_document, report_document
from reconciler.resource import Address, Call, Desired, Target
from reconciler.spec.document import load
from reconciler.writer import Outcome
from tests.conftest import ACCOUNT, REGION

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS = sorted(path.parent for path in FOLDER.glob("*/steps.yaml"))
TODAY = date(2026, 1, 15)
IDS = {
    "CreateHost": ("", "HostArn"),
    "CreateConnection": ("", "ConnectionArn"),
    "CreateRepositoryLink": ("RepositoryLinkInfo", "RepositoryLinkId"),
    "CreateSyncConfiguration": ("SyncConfiguration", "ResourceName"),
}


@dataclass
class World:
    """An emulator in which a scenario is played, and the ids of what `live.yaml` made."""

    emulator: Emulator
    api: AwsApi
    clients: dict[tuple[str, str], Any]
    ids: dict[str, str] = field(default_factory=dict)

    def call(self, operation: str, parameters: dict[str, Any], extras: dict[str, Any]) -> Any:
        """A call as somebody else would make it, with `$name` standing for an id."""
        region, service = extras.get("region", REGION), extras.get("service", "codeconnections")
        if (region, service) not in self.clients:
            self.clients[region, service] = boto3.client(
                service,
                endpoint_url=self.emulator.url,
                region_name=region,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="secret",
            )
        client = self.clients[region, service]
        known = self._known(parameters)
        if isinstance(known.get("Tags"), dict):
            known["Tags"] = [{"Key": k, "Value": v} for k, v in known["Tags"].items()]
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        return getattr(client, name)(**known)

    def _known(self, value: Any) -> Any:
        match value:
            case str() if value.startswith("$"):
                return self.ids[value[1:]]
            case dict():
                return {key: self._known(item) for key, item in value.items()}
            case _:
                return value

    def make(self, entries: list[dict[str, Any]]) -> None:
        """Carry out a list of calls; `as` names the id, `approve` finishes the handshake."""
        for entry in entries:
            extras: dict[str, Any] = {
                k: entry[k] for k in ("as", "approve", "fail", "region", "service") if k in entry
            }
            ((operation, parameters),) = ((k, v) for k, v in entry.items() if k not in extras)
            reply = self.call(operation, parameters or {}, extras)
            if operation in IDS:
                item, member = IDS[operation]
                self.ids[extras.get("as", "")] = (reply[item] if item else reply)[member]
            if "approve" in extras or "fail" in extras:
                self.emulator.control.approve(self.ids[extras["as"]], ok="fail" not in extras)

    def text(self, path: Path, *, later: bool = False) -> str:
        """A file of the scenario with the ids filled in; `later` leaves what is not known yet."""

        def known(match: re.Match[str]) -> str:
            return self.ids.get(match[1], match[0]) if later else self.ids[match[1]]

        return re.sub(r"\$\{(\w+)\}", known, path.read_text(encoding="utf-8"))

    def mutating(self) -> list[tuple[str, dict[str, Any]]]:
        """Every mutating call the emulator has seen."""
        return [
            (request.operation, dict(request.parameters))
            for request in self.emulator.control.requests(mutating_only=True)
        ]


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with Emulator(EmulatorSettings(handshake="manual", vpc_seconds=0.0)) as emulator:
        settings = Settings(
            region=REGION, endpoint_url=emulator.url, access_key=(ACCOUNT, "secret")
        )
        yield World(emulator, AwsApi(Session(settings), writes=True), {})


@pytest.fixture
def world(shared: World) -> World:
    shared.emulator.control.reset()
    return World(shared.emulator, shared.api, shared.clients)


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_scenario(folder: Path, world: World, tmp_path: Path) -> None:
    live = folder / "live.yaml"
    if live.exists():
        world.make(yaml.safe_load(live.read_text(encoding="utf-8")) or [])
    player = Player(world, folder, tmp_path / "desired.yaml")
    for step in yaml.safe_load(world.text(folder / "steps.yaml", later=True)):
        player.play(step)
    player.nothing_is_left()


@dataclass
class Player:
    """Plays the steps of one scenario."""

    world: World
    folder: Path
    file: Path
    desired: Desired | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def play(self, step: dict[str, Any]) -> None:
        known = {"plan", "apply", "call", "approve", "fail", "desired", "allow", "prune"}
        known |= {
            "exit",
            "refused",
            "findings",
            "worklist",
            "calls",
            "fields",
            "wait",
            "approve_first",
        }
        assert set(step) <= known, f"unknown keys in {step}"
        if "call" in step:
            self.world.make(step["call"])
        for verb in ("approve", "fail"):
            for target in _list(step.get(verb, ())):
                name = self.world.ids.get(target, target)
                self.world.emulator.control.approve(name, ok=verb == "approve")
        if "plan" in step:
            self.plan(step)
        if "apply" in step:
            self.apply(step)

    def planned(self, step: dict[str, Any]) -> Plan:
        """The plan of a step; planning never writes."""
        name = step.get("desired", "desired.yaml")
        self.file.write_text(self.world.text(self.folder / name), encoding="utf-8")
        self.desired = load([str(self.file)])
        allow = {**step.get("allow", {})}
        for key in ("destroy", "take_over"):
            allow[key] = frozenset(allow.get(key, ()))
        self.options = {"allow": Allow(**allow), "prune": step.get("prune", False)}
        return self.plan_now()

    def plan_now(self) -> Plan:
        assert self.desired is not None
        before = self.world.mutating()
        target = Target(ACCOUNT, REGION, self.world.emulator.url)
        plan = plan_for(self.desired, self.world.api, target, today=TODAY, **self.options)
        assert self.world.mutating() == before
        return plan

    def plan(self, step: dict[str, Any]) -> None:
        document = plan_document(self.planned(step))
        actions = {change["address"]: change["action"] for change in document["changes"]}
        assert actions == (step["plan"] or {})
        self._check(step, document)

    def apply(self, step: dict[str, Any]) -> None:
        plan = self.planned(step)
        before = len(self.world.mutating())
        events: list[Event] = []
        wait = step.get("wait", 0)
        for event in apply_plan(
            plan, self._desired(), self.world.api, run="run-1", today=TODAY, wait=wait
        ):
            if isinstance(event, Waiting):
                self.world.emulator.control.approve(step["approve_first"])
            events.append(event)
        document = report_document(plan, events, run="run-1")
        outcomes = {o["address"]: o["status"] for o in document["outcomes"]}
        assert outcomes == (step["apply"] or {}), document["outcomes"]
        made = self.world.mutating()[before:]
        assert_calls_as_planned([e for e in events if isinstance(e, Outcome)], made)
        if "calls" in step:
            assert [operation for operation, _ in made] == step["calls"]
        self._check(step, document)

    def _desired(self) -> Desired:
        assert self.desired is not None
        return self.desired

    def _check(self, step: dict[str, Any], document: Any) -> None:
        assert exit_code(document) == step.get("exit", 0), document
        guards = sorted({refusal["guard"] for refusal in document["refusals"]})
        assert guards == sorted(_list(step.get("refused", ())))
        codes = sorted(finding["code"] for finding in document["findings"])
        assert codes == sorted(_list(step.get("findings", ()))), document["findings"]
        if "worklist" in step:
            tasks = [task["address"] for task in document["worklist"]]
            assert tasks == _list(step["worklist"])
        for address, paths in step.get("fields", {}).items():
            change = next(c for c in document["changes"] if c["address"] == address)
            shown = {f["path"]: [f["before"], f["after"]] for f in change["fields"]}
            assert shown == {k: [self.world._known(v) for v in vs] for k, vs in paths.items()}

    def nothing_is_left(self) -> None:
        """The law every scenario ends with: planning again finds nothing to do."""
        left = plan_document(self.plan_now())["changes"]
        assert left == []


def assert_calls_as_planned(
    outcomes: list[Outcome], made: list[tuple[str, dict[str, Any]]]
) -> None:
    """The calls of the plan are the calls that were made, in order, values unknown then aside."""
    planned = list(_in_turn(outcomes))
    assert [operation for operation, _ in made] == [call.operation for call in planned]
    for call, (_, sent) in zip(planned, made, strict=True):
        assert_sent(call.operation, call.parameters, sent)


def _in_turn(outcomes: list[Outcome]) -> Iterator[Call]:
    """The calls the outcomes tell of, the delete of what goes with a replaced object first."""

    def calls_of(outcome: Outcome) -> list[Call]:
        return list(outcome.change.calls[: outcome.calls_made])

    left = {outcome.change.address: calls_of(outcome) for outcome in outcomes}

    def down(address: Address) -> Iterator[Call]:
        for outcome in outcomes:
            calls = left[outcome.change.address]
            if outcome.change.goes_with == address and calls == calls_of(outcome):
                yield from down(outcome.change.address)
                if calls:
                    yield calls.pop(0)

    for outcome in outcomes:
        if outcome.calls_made > (outcome.change.goes_with is not None):
            yield from down(outcome.change.address)
        yield from left[outcome.change.address]
        left[outcome.change.address] = []


def assert_sent(where: str, planned: Any, sent: Any) -> None:
    """A planned value is the one sent, unless only the apply could know it."""
    match planned:
        case dict():
            assert planned.keys() == sent.keys(), where
            for key, value in planned.items():
                assert_sent(f"{where}.{key}", value, sent[key])
        case list():
            assert len(planned) == len(sent), where
            for index, value in enumerate(planned):
                assert_sent(f"{where}[{index}]", value, sent[index])
        case str():
            assert planned == sent, where
        case _:
            assert isinstance(sent, str), where
            assert sent, where


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else list(value)
