"""Applying when something goes wrong: what depends on a failure is skipped, nothing is claimed
that was not seen, and the exit code says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import Waiting, apply
from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.cli.exits import Exit, exit_code
from reconciler.compare import Comparison
from reconciler.emulator import Emulator, Quotas
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import ApiError, ReconcilerError, UnclearReplyError
from reconciler.guards import Allow
from reconciler.plan import Plan
from reconciler.reconcile import apply_plan, plan_for
from reconciler.report import report_document
from reconciler.resource import Call, Desired, ReadResult, Reply, Target
from reconciler.spec.document import load
from reconciler.writer import Clock, Means, Outcome
from tests.conftest import ACCOUNT, REGION

TODAY = date(2026, 1, 15)
DESIRED = """
version: 1
owner: platform
connections:
  - {name: one, provider_type: GitHub}
  - {name: two, provider_type: GitHub}
repository_links:
  - {owner_id: acme, repository_name: network, connection: one}
  - {owner_id: acme, repository_name: data, connection: two}
sync_configurations:
  - resource_name: network-prod
    repository: acme/network
    branch: main
    config_file: a.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
"""


@dataclass
class Between:
    """An `Api` in front of another one that spoils chosen calls."""

    api: AwsApi
    spoil: Callable[[Call], ReadResult | None] = lambda call: None
    written: list[str] = field(default_factory=list)

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        for call, result in zip(calls, self.api.read(calls), strict=True):
            yield self.spoil(call) or result

    def write(self, call: Call) -> Reply:
        spoilt = self.spoil(call)
        if isinstance(spoilt, Exception):
            raise spoilt
        self.written.append(call.operation)
        return self.api.write(call) if spoilt is None else spoilt


def api_of(emulator: Emulator) -> AwsApi:
    settings = Settings(region=REGION, endpoint_url=emulator.url, access_key=(ACCOUNT, "x"))
    return AwsApi(Session(settings), writes=True)


def desired_of(text: str) -> Desired:
    Path("desired.yaml").write_text(text, encoding="utf-8")
    return load(["desired.yaml"])


def planned(desired: Desired, api: Any, **options: Any) -> Plan:
    return plan_for(desired, api, Target(ACCOUNT, REGION), today=TODAY, **options)


AT_ONCE = Means(Clock(sleep=lambda seconds: None))
"""No waiting between looks: what does not show at once does not show."""


def applied(
    desired: Desired, api: Any, wait: float = 5.0, means: Means = Means(), **options: Any
) -> Any:
    """The report of planning and applying."""
    plan = planned(desired, api, **options)
    events = apply_plan(plan, desired, api, run="run-1", today=TODAY, wait=wait, means=means)
    return report_document(plan, list(events), run="run-1")


def statuses(report: Any) -> dict[str, str]:
    return {outcome["address"]: outcome["status"] for outcome in report["outcomes"]}


@pytest.fixture
def quick() -> Iterator[Emulator]:
    """An emulator whose person approves at once."""
    with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as running:
        yield running


def refuse(operation: str, **wanted: str) -> Callable[[Call], ReadResult | None]:
    """Spoils the calls of an operation with these parameters by a certain no."""

    def spoil(call: Call) -> ReadResult | None:
        hit = call.operation == operation and wanted.items() <= call.parameters.items()
        return ApiError(operation, "AccessDeniedException", "no") if hit else None

    return spoil


def test_a_failure_skips_only_what_depends_on_it(quick: Emulator) -> None:
    api = Between(api_of(quick), refuse("CreateRepositoryLink", RepositoryName="network"))
    report = applied(desired_of(DESIRED), api)
    assert statuses(report) == {
        "connection/one": "applied",
        "connection/two": "applied",
        "repository_link/acme/data": "applied",
        "repository_link/acme/network": "failed",
        "sync_configuration/network-prod": "skipped",
    }
    messages = {o["address"]: o["message"] for o in report["outcomes"]}
    assert messages["repository_link/acme/network"] == (
        "CreateRepositoryLink: AccessDeniedException: no"
    )
    assert messages["sync_configuration/network-prod"] == "because of repository_link/acme/network"
    assert exit_code(report) == Exit.PARTLY

    mended = applied(desired_of(DESIRED), api_of(quick))
    assert set(statuses(mended).values()) == {"applied"}
    assert len(statuses(mended)) == 2


def test_a_quota_is_reported_and_the_rest_goes_on() -> None:
    settings = EmulatorSettings(
        handshake="auto", handshake_seconds=0.0, quotas=Quotas(connections=1)
    )
    with Emulator(settings) as emulator:
        report = applied(desired_of(DESIRED), api_of(emulator))
    assert statuses(report)["connection/one"] == "applied"
    assert statuses(report)["connection/two"] == "failed"
    assert statuses(report)["repository_link/acme/data"] == "skipped"
    assert statuses(report)["sync_configuration/network-prod"] == "applied"
    assert "LimitExceededException" in report["outcomes"][1]["message"]


def test_all_failed_is_an_error_not_partly(quick: Emulator) -> None:
    api = Between(api_of(quick), refuse("CreateConnection"))
    report = applied(desired_of(DESIRED), api)
    assert set(statuses(report).values()) == {"failed", "skipped"}
    assert exit_code(report) == Exit.ERROR


def test_no_clear_answer_is_unknown_and_not_sent_again(quick: Emulator) -> None:
    def lose(call: Call) -> ReadResult | None:
        lost = call.operation == "CreateConnection" and call.parameters["ConnectionName"] == "two"
        return UnclearReplyError("CreateConnection", "read timeout") if lost else None

    report = applied(desired_of(DESIRED), Between(api_of(quick), lose), means=AT_ONCE)
    assert statuses(report)["connection/two"] == "unknown"
    assert statuses(report)["repository_link/acme/data"] == "skipped"
    assert statuses(report)["sync_configuration/network-prod"] == "applied"
    assert exit_code(report) == Exit.UNKNOWN


def test_a_create_without_an_arn_is_unknown(quick: Emulator) -> None:
    def empty(call: Call) -> ReadResult | None:
        return {"ConnectionArn": ""} if call.operation == "CreateConnection" else None

    report = applied(desired_of(DESIRED), Between(api_of(quick), empty), means=AT_ONCE)
    assert statuses(report)["connection/one"] == "unknown"
    assert "holds no ConnectionArn" in report["outcomes"][0]["message"]


HOST = """
version: 1
owner: platform
hosts:
  - {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://%s"}
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.writer.READ_BACK_DELAYS", (0.0, 0.01))


@pytest.mark.usefixtures("impatient")
def test_an_update_that_was_answered_but_not_done_has_failed(quick: Emulator) -> None:
    # Terraform's aws_codeconnections_host once sent updates that changed nothing.
    applied(desired_of(HOST % "a.example.com"), api_of(quick))

    def swallow(call: Call) -> ReadResult | None:
        return {} if call.operation == "UpdateHost" else None

    report = applied(desired_of(HOST % "b.example.com"), Between(api_of(quick), swallow))
    assert statuses(report) == {"host/ghes": "failed"}
    assert report["outcomes"][0]["message"] == (
        "carried out, but it reads back differently: provider_endpoint"
    )
    assert exit_code(report) == Exit.PARTLY


@pytest.mark.usefixtures("impatient")
def test_a_write_that_cannot_be_read_back_is_not_called_done(quick: Emulator) -> None:
    report = applied(desired_of(HOST % "a.example.com"), Between(api_of(quick), refuse("GetHost")))
    assert statuses(report) == {"host/ghes": "failed"}
    assert "could not be read back" in report["outcomes"][0]["message"]


def test_a_create_that_shows_up_late_is_waited_for(quick: Emulator) -> None:
    from reconciler.errors import NotFoundError

    looks: list[Call] = []

    def late(call: Call) -> ReadResult | None:
        if call.operation != "GetHost":
            return None
        looks.append(call)
        return NotFoundError("GetHost", "ResourceNotFoundException", "") if len(looks) < 3 else None

    report = applied(desired_of(HOST % "a.example.com"), Between(api_of(quick), late))
    assert statuses(report) == {"host/ghes": "applied"}
    assert len(looks) == 3


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ListHosts", "host"),
        ("ListConnections", "connection"),
        ("ListRepositoryLinks", "repository_link"),
        ("ListSyncConfigurations", "sync_configuration"),
        ("ListTagsForResource", "connection"),
    ],
)
def test_an_incomplete_read_never_looks_clean(quick: Emulator, operation: str, kind: str) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    api = Between(api_of(quick), refuse(operation))
    desired = desired_of(DESIRED.partition("sync_configurations")[0].replace("two", "new"))
    plan = planned(desired, api, prune=True)
    report = report_document(plan, [], run="")
    assert not report["coverage"]["complete"]
    assert kind in {gap["kind"] for gap in report["coverage"]["unread"]}
    assert not [change for change in report["changes"] if change["action"] == "delete"]
    assert exit_code(report) == Exit.ERROR
    with pytest.raises(ReconcilerError, match="nothing was called"):
        list(apply_plan(plan, desired, api, run="r", today=TODAY))
    assert api.written == []


def test_a_refused_plan_is_not_applied(quick: Emulator) -> None:
    api = Between(api_of(quick))
    api.api.write(Call("CreateConnection", {"ConnectionName": "one", "ProviderType": "GitHub"}))
    desired = desired_of(DESIRED)
    plan = planned(desired, api)
    assert {refusal.guard for refusal in plan.refusals} == {"adoption"}
    with pytest.raises(ReconcilerError, match="nothing was called"):
        list(apply_plan(plan, desired, api, run="r", today=TODAY))
    assert api.written == []


def test_waiting_ends_in_time_and_says_for_whom(emulator: Emulator) -> None:
    desired, api = desired_of(DESIRED), api_of(emulator)
    plan = planned(desired, api)
    events = list(apply_plan(plan, desired, api, run="r", today=TODAY, wait=1.2))
    waits = [event for event in events if isinstance(event, Waiting)]
    assert [str(task.address) for task in waits[0].tasks] == ["connection/one", "connection/two"]
    assert waits[0].seconds > waits[-1].seconds
    report = report_document(plan, events, run="r")
    assert statuses(report)["repository_link/acme/network"] == "deferred"
    assert exit_code(report) == Exit.WAITING
    assert report["worklist"][0]["blocks"] == [
        "repository_link/acme/network",
        "sync_configuration/network-prod",
    ]


def test_whoever_is_approved_first_goes_on_first(emulator: Emulator) -> None:
    desired, api = desired_of(DESIRED), api_of(emulator)
    plan = planned(desired, api)
    outcomes: list[Outcome] = []
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=20):
        if isinstance(event, Waiting):
            done = {str(outcome.change.address) for outcome in outcomes}
            second = "repository_link/acme/data" in done
            emulator.control.approve("connection/one" if second else "connection/two")
        if isinstance(event, Outcome):
            outcomes.append(event)
    assert [str(outcome.change.address) for outcome in outcomes] == [
        "connection/one",
        "connection/two",
        "repository_link/acme/data",
        "repository_link/acme/network",
        "sync_configuration/network-prod",
    ]


def test_waiting_stops_at_once_when_it_is_in_vain(emulator: Emulator) -> None:
    desired = desired_of((HOST % "a.example.com") + "connections:\n  - {name: one, host: ghes}\n")
    api = api_of(emulator)
    plan = planned(desired, api)
    events = []
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=20):
        events.append(event)
        if isinstance(event, Waiting):
            emulator.control.approve("host/ghes", ok=False, message="no route")
    report = report_document(plan, events, run="r")
    assert statuses(report)["connection/one"] == "deferred"
    (task,) = report["worklist"]
    assert task["status"] == "VPC_CONFIG_FAILED_INITIALIZATION"
    assert len([event for event in events if isinstance(event, Waiting)]) == 1


@pytest.mark.parametrize("gone", [False, True])
def test_waiting_for_a_connection_stops_when_its_host_fails_or_it_is_gone(
    emulator: Emulator, gone: bool
) -> None:
    api = api_of(emulator)
    own = {"Key": "reconciler.owner", "Value": "platform"}
    host = {"ProviderType": "GitLabSelfManaged", "ProviderEndpoint": "https://a.example.com"}
    arn = api.write(Call("CreateHost", {"Name": "ghes", **host, "Tags": [own]}))["HostArn"]
    one = Call("CreateConnection", {"ConnectionName": "one", "HostArn": arn, "Tags": [own]})
    connection = api.write(one)["ConnectionArn"]
    link = "repository_links:\n  - {owner_id: a, repository_name: b, connection: one}\n"
    text = (HOST % "a.example.com") + "connections:\n  - {name: one, host: ghes}\n" + link
    desired = desired_of(text.replace("GitHubEnterpriseServer", "GitLabSelfManaged"))
    events: list[Any] = []
    plan = planned(desired, api)
    for event in apply_plan(plan, desired, api, run="r", today=TODAY, wait=20):
        events.append(event)
        if isinstance(event, Waiting):
            emulator.control.approve("host/ghes", ok=gone)
            if gone:
                api.write(Call("DeleteConnection", {"ConnectionArn": connection}))
    report = report_document(plan, events, run="r")
    assert statuses(report) == {"repository_link/a/b": "skipped" if gone else "deferred"}
    assert len([event for event in events if isinstance(event, Waiting)]) == 1


@pytest.mark.usefixtures("impatient")
def test_a_replacement_waits_until_the_old_object_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EmulatorSettings(handshake="auto", handshake_seconds=0.0, vpc_seconds=0.3)
    vpc = """
    vpc_configuration:
      vpc_id: vpc-0123456789abcdef0
      subnet_ids: [subnet-0123456789abcdef0]
      security_group_ids: [sg-0123456789abcdef0]
"""
    host = (HOST % "a.example.com").rstrip().replace("{name: ghes, ", "name: ghes\n    ")
    host = host.replace(", provider_endpoint", "\n    provider_endpoint").rstrip("}") + vpc
    with Emulator(settings) as emulator:
        api = api_of(emulator)
        assert statuses(applied(desired_of(host), api)) == {"host/ghes": "applied"}
        desired = desired_of(host.replace("GitHubEnterpriseServer", "GitLabSelfManaged"))
        plan = planned(desired, api, allow=Allow(destroy=frozenset({"host/ghes"})))
        events = list(apply_plan(plan, desired, api, run="r", today=TODAY))
        report = report_document(plan, events, run="r")
        assert statuses(report) == {"host/ghes": "failed"}
        text = "deleted, but not seen to be gone yet: apply again later"
        assert report["outcomes"][0]["message"] == f"after 1 of 2 calls: {text}"
        assert exit_code(report) == Exit.PARTLY
        between = planned(desired, api)
        assert [finding.code for finding in between.findings] == ["vanishing"]
        time.sleep(0.4)
        monkeypatch.undo()
        assert statuses(applied(desired, api)) == {"host/ghes": "applied"}


def test_the_order_of_the_files_does_not_matter(emulator: Emulator) -> None:
    parts = DESIRED.replace("\nrepository_links", "\0repository_links")
    parts = parts.replace("\nsync_conf", "\0sync_conf").replace("\nconnections", "\0connections")
    first, *rest = parts.split("\0")
    forward = "\n".join([first, *rest])
    backward = "\n".join([first, *reversed(rest)])
    api = api_of(emulator)
    plans = [planned(desired_of(text), api) for text in (forward, backward)]
    assert plans[0].fingerprint == plans[1].fingerprint
    assert [c.address for c in plans[0].changes] == [c.address for c in plans[1].changes]


def test_apply_is_the_only_way_to_the_run_tag(quick: Emulator) -> None:
    desired, api = desired_of(DESIRED), Between(api_of(quick))
    plan = planned(desired, api)
    compare = Comparison(desired.owner, desired.ignore_tags, TODAY)
    list(apply(plan, api, compare, run="run-7"))
    created = quick.control.requests(mutating_only=True)[0]
    assert {"Key": "reconciler.run", "Value": "run-7"} in created.parameters["Tags"]
