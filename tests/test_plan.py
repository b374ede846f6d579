"""What a change waits for, beyond what the scenarios show, what people have to do, and what makes
the fingerprint."""

from __future__ import annotations

import re
from dataclasses import replace

from reconciler.bind import Finding
from reconciler.compare import FieldChange
from reconciler.diff import Action, Change, Differences
from reconciler.emulator import Emulator
from reconciler.kinds import BY_NAME
from reconciler.plan import Task, make_plan, worklist
from reconciler.resource import Address, Desired, Gap, Live, Observed, Target
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import DESIRED, api_of, applied, desired_of, planned, quick

__all__ = ["quick"]

MOVED = DESIRED.replace("network, connection: one", "network, connection: two")
NEW = DESIRED.replace("{name: one,", "{name: new,").replace("connection: one}", "connection: new}")
RENAMED = NEW.replace("{name: new,", "{name: new, previously: [one],")


def waits(text: str, emulator: Emulator) -> dict[str, list[str]]:
    """What each change of the plan waits for."""
    plan = planned(desired_of(text), api_of(emulator), prune=True)
    return {str(c.address): [str(a) for a in c.waits_for] for c in plan.work}


def test_what_is_there_and_ready_is_not_waited_for(quick: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    assert waits(MOVED, quick) == {"repository_link/acme/network": []}


def test_a_successor_that_is_there_and_ready_is_not_waited_for(quick: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    applied(desired_of(NEW), api_of(quick))
    assert waits(RENAMED, quick) == {"connection/one": []}


def test_first_what_can_be_done_at_once_then_what_waits_and_deletes_last(
    emulator: Emulator,
) -> None:
    for name in ("one", "old", "extra"):
        text = (
            f"version: 1\nowner: platform\nconnections: [{{name: {name}, provider_type: GitHub}}]"
        )
        applied(desired_of(text), api_of(emulator), wait=0.0)
        emulator.control.approve(f"connection/{name}")
    text = DESIRED.replace("{name: two,", "{name: two, previously: [old],")
    plan = planned(desired_of(text), api_of(emulator), prune=True)
    assert [(str(change.address), change.action.value) for change in plan.changes] == [
        ("connection/one", "unchanged"),
        ("connection/two", "create"),
        ("repository_link/acme/network", "create"),
        ("sync_configuration/network-prod", "create"),
        ("repository_link/acme/data", "defer"),
        ("connection/old", "defer"),
        ("connection/extra", "delete"),
    ]


def test_what_each_change_depends_on_by_name_by_arn_and_live(quick: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    lives = planned(desired_of(DESIRED), api_of(quick)).changes
    (arn,) = (c.live.arn for c in lives if c.live and str(c.address) == "connection/two")
    by_arn = DESIRED.replace("connection: two", f"connection: '{arn}'")
    by_arn = by_arn[: by_arn.index("sync_configurations")]
    plan = planned(desired_of(by_arn), api_of(quick), prune=True)
    assert {str(c.address): [str(a) for a in c.depends_on] for c in plan.changes} == {
        "connection/one": [],
        "connection/two": [],
        "repository_link/acme/data": ["connection/two"],
        "repository_link/acme/network": ["connection/one"],
        "sync_configuration/network-prod": ["repository_link/acme/network"],
    }


def test_a_plan_tells_whose_it_is_and_where_all_is_declared(emulator: Emulator) -> None:
    desired = desired_of(DESIRED)
    plan = planned(desired, api_of(emulator))
    assert (plan.owner, plan.declared, plan.sources) == ("platform", 5, desired.sources)
    assert sorted(plan.sources) == sorted(desired.resources)


def test_a_replacement_waits_for_a_parent_that_stays_as_it_is() -> None:
    address = Address("repository_link", "acme/net")
    members = {"owner_id": "acme", "repository_name": "net", "connection": "main"}
    link = BY_NAME[address.kind].model_validate(members)
    live = Live(address, "id-1", {"connection": ARN}, owner="platform")
    pending = replace(LIVE, status="PENDING")
    fields = (FieldChange("owner_id", "other", "acme", forces_replacement=True),)
    changes = (
        Change(MAIN, Action.UNCHANGED, "in_sync", live=pending),
        Change(address, Action.REPLACE, "", fields, resource=link, live=live),
    )
    lives = {("connection", ARN): pending, (address.kind, "id-1"): live}
    plan = make_plan(OWNER, OBSERVED, Differences(changes, (), {MAIN: ARN}, lives))
    (change,) = plan.work
    assert (change.action, change.then, change.waits_for) == ("defer", "replace", (MAIN,))


ARN = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1"
MAIN = Address("connection", "main")
LIVE = Live(MAIN, ARN, {}, arn=ARN, status="AVAILABLE", owner="platform")
CHANGE = Change(MAIN, Action.DELETE, "not_declared", live=LIVE)
OBSERVED = Observed(Target(ACCOUNT, REGION), {})
OWNER = Desired("platform", {}, {})


def deferred(name: str, *waits_for: str) -> Change:
    """A link that waits for these: a link when it has a slash, else a connection."""
    kinds = {True: "repository_link", False: "connection"}
    addresses = tuple(Address(kinds["/" in each], each) for each in waits_for)
    return Change(Address("repository_link", name), Action.DEFER, "", waits_for=addresses)


def test_what_a_person_has_to_do_and_what_waits_for_it() -> None:
    pending = replace(LIVE, status="PENDING")
    odd = Live(Address("connection", "odd"), "id-1", {}, status="NEW", message="no route")
    target = Target(ACCOUNT, REGION, console="https://x/{region}?{address}")
    changes = [
        deferred("a/1", "main", "odd"),
        deferred("a/2", "a/1"),
        deferred("a/3", "ready"),
        replace(deferred("a/4", "main"), action=Action.CREATE),
    ]
    assert worklist(target, [odd, pending], changes) == (
        Task(
            address=MAIN,
            id=ARN,
            status="PENDING",
            todo="approve it: open this connection and choose Update pending connection",
            link=f"https://x/{REGION}?connection/main",
            blocks=(changes[0].address, changes[1].address),
        ),
        Task(
            address=odd.address,
            id="id-1",
            status="NEW",
            todo="look at it in the console (no route)",
            link=f"https://x/{REGION}?connection/odd",
            blocks=(changes[0].address, changes[1].address),
        ),
    )
    assert worklist(target, [LIVE], changes) == ()


def test_what_is_still_used_and_by_what() -> None:
    link = Address("repository_link", "a/1")
    user = Live(link, "id-1", {"connection": ARN}, owner="platform")
    lives = {("connection", ARN): LIVE, ("repository_link", "id-1"): user}

    def told(*changes: Change) -> list[Finding]:
        plan = make_plan(OWNER, OBSERVED, Differences((CHANGE, *changes), (), {}, lives))
        return list(plan.findings)

    text = "cannot be deleted: repository_link/a/1 still uses it"
    assert told() == [Finding("error", "still_used", text, MAIN)]
    assert told(Change(link, Action.UNCHANGED, "", live=user)) == told()
    moved = (FieldChange("connection", ARN, "x"),)
    assert told(Change(link, Action.UPDATE, "", moved, live=user)) == []
    assert told(Change(link, Action.DELETE, "not_declared", live=user)) == []


def fingerprint(
    change: Change = CHANGE,
    *findings: Finding,
    live: Live = LIVE,
    desired: Desired = OWNER,
    observed: Observed = OBSERVED,
) -> str:
    """The fingerprint of a plan with this one change."""
    change = replace(change, live=live)
    differences = Differences((change,), findings, {}, {(live.address.kind, live.id): live})
    return make_plan(desired, observed, differences).fingerprint


def of(target: Target) -> Observed:
    return replace(OBSERVED, target=target)


def unread(gap: Gap) -> Observed:
    return replace(OBSERVED, gaps=(gap,))


def test_every_fact_a_plan_rests_on_makes_another_fingerprint() -> None:
    gap, error = Gap("connection", "ListTags", "no", MAIN), Finding("error", "taken", "it is", MAIN)
    tag = Change(MAIN, Action.TAG, "forgotten", (FieldChange("owner", "platform", None),))
    every = [
        fingerprint(),
        fingerprint(replace(CHANGE, reason="renamed")),
        fingerprint(replace(CHANGE, address=Address("connection", "x"))),
        fingerprint(tag),
        fingerprint(replace(tag, fields=(FieldChange("owner", "x", None),))),
        fingerprint(live=replace(LIVE, id="x")),
        fingerprint(live=replace(LIVE, status="x")),
        fingerprint(live=replace(LIVE, owner="x")),
        fingerprint(live=replace(LIVE, protect="x")),
        fingerprint(desired=replace(OWNER, owner="x")),
        fingerprint(observed=of(Target("x", REGION))),
        fingerprint(observed=of(Target(ACCOUNT, "x"))),
        fingerprint(observed=of(Target(ACCOUNT, REGION, "x"))),
        fingerprint(observed=unread(gap)),
        fingerprint(observed=unread(replace(gap, operation="x"))),
        fingerprint(observed=unread(replace(gap, address=None))),
        fingerprint(CHANGE, error),
        fingerprint(CHANGE, replace(error, code="x")),
        fingerprint(CHANGE, replace(error, message="x")),
        fingerprint(CHANGE, replace(error, address=None)),
    ]
    assert len(set(every)) == len(every)
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in every)


def test_what_a_plan_does_not_rest_on_leaves_its_fingerprint() -> None:
    warning = Finding("warning", "orphan", "is there", MAIN)
    assert fingerprint() == fingerprint(live=replace(LIVE, message="x", tags={"team": "x"}))
    assert fingerprint() == fingerprint(CHANGE, warning)
    gap = Gap("connection", "ListTags", "no", MAIN)
    again = replace(gap, reason="x")
    assert fingerprint(observed=unread(gap)) == fingerprint(observed=unread(again))


def test_another_certificate_makes_another_fingerprint(emulator: Emulator) -> None:
    hosts = """
version: 1
owner: platform
hosts:
  - name: ghes
    provider_type: GitHubEnterpriseServer
    provider_endpoint: https://git.example.com
    vpc_configuration:
      vpc_id: vpc-0123456789abcdef0
      subnet_ids: [subnet-0123456789abcdef0]
      security_group_ids: [sg-0123456789abcdef0]
      tls_certificate: CANARY
"""
    one, two = (
        planned(desired_of(text), api_of(emulator))
        for text in (hosts, hosts.replace("CANARY", "OTHER"))
    )
    assert one.fingerprint != two.fingerprint
