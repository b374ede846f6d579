"""Asks before the first call whether IAM allows all of them: a plan goes in, what its calls need
comes out; what was answered goes in, and the plan with what is denied comes out. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.bind import Finding
from reconciler.diff import Change
from reconciler.kinds import BY_NAME
from reconciler.permissions import ALSO, ANYWHERE, partition_of
from reconciler.plan import Plan, Refusal
from reconciler.resource import (
    OWNER_TAG,
    PROTECT_TAG,
    RUN_TAG,
    Address,
    Call,
    Live,
    Resource,
    Target,
    is_arn,
    plain,
)

Context = tuple[tuple[str, tuple[str, ...]], ...]
"""The condition keys of a request that are known, each with its values."""
Need = tuple[str, str, Context]
"""An action, the resource (an ARN, or `*`) that it has to be allowed on, and in which context."""
Answers = Mapping[Need, tuple[str, str]]
"""What IAM says to each need: `allowed`, `denied` or `unknown`, and why."""


def needs(plan: Plan, service: str) -> dict[Need, Address]:
    """What the calls of a plan need, each with the first address that needs it. What is made on the
    way has no ARN yet, and is taken to get one of `service`."""
    found: dict[Need, Address] = {}
    arns = {(live.address.kind, live.id): live.arn for live in plan.lives if live.arn}
    places = _Places(plan.target, service, arns)
    for change in plan.work:
        for call in change.calls:
            for need in _of_call(change, call, places):
                found.setdefault(need, change.address)
    return found


def judged(plan: Plan, asked: Mapping[Need, Address], principal: str, answers: Answers) -> Plan:
    """The plan with a refusal for what is denied, and a warning for what nobody can tell."""
    refusals = list(plan.refusals)
    unknown: dict[str, list[str]] = defaultdict(list)
    for need, address in asked.items():
        action, resource, _ = need
        answer, why = answers[need]
        if answer == "denied":
            text = f"{principal} is denied {action} on {resource}: {why}"
            refusals.append(Refusal("preflight", text, address))
        elif answer == "unknown":
            unknown[why].append(action)
    counts = Counter(answers[need][0] for need in asked)
    counted = ", ".join(f"{counts[each]} {each}" for each in ("allowed", "denied", "unknown"))
    findings = [Finding("info", "preflight", f"preflight for {principal}: {counted}")]
    for why, some in unknown.items():
        text = f"IAM cannot tell about {_listed(some)}: {why}"
        findings.append(Finding("warning", "preflight", text))
    return replace(plan, refusals=tuple(refusals), findings=(*plan.findings, *findings))


def _listed(actions: list[str]) -> str:
    more = f" and {len(actions) - 3} more" if len(actions) > 3 else ""
    return ", ".join(actions[:3]) + more


@dataclass(frozen=True, slots=True)
class _Places:
    target: Target
    service: str
    arns: Mapping[tuple[str, str], str]
    """Of what is live, by kind and id."""

    def arn(self, kind: type[Resource], id_: object) -> str:
        """The ARN of an object; of one that has none yet, a pattern that stands for it."""
        if isinstance(id_, str) and is_arn(id_):
            return id_
        name = id_ if isinstance(id_, str) else "*"
        if arn := self.arns.get((kind.kind, name)):
            return arn
        partition = partition_of(self.target.region)
        where = f"{self.service}:{self.target.region}:{self.target.account}"
        return f"arn:{partition}:{where}:{kind.kind.replace('_', '-')}/{name}"

    def need(self, operation: str, resource: str, context: Mapping[str, Sequence[str]]) -> Need:
        """The prefix of an action has to be that of the ARN."""
        if ":" not in operation:
            prefix = resource.split(":")[2] if is_arn(resource) else self.service
            operation = f"{prefix}:{operation}"
        known = {"aws:RequestedRegion": [self.target.region], **context}
        entries = tuple((name, tuple(known[name])) for name in sorted(known))
        return operation, resource, entries


def _of_call(change: Change, call: Call, places: _Places) -> Iterator[Need]:
    kind, operation = BY_NAME[change.address.kind], call.operation
    creates = operation == kind.calls.create
    live = None if creates else change.live
    own = places.arn(kind, (live.arn or live.id) if live else None)
    now = live.fields if live else {}
    parents = [
        places.arn(
            BY_NAME[reference.kind], call.parameters.get(kind.specs()[name].wire, now.get(name))
        )
        for name, reference in kind.references().items()
    ]
    said = _tags(call)
    on = ["*"] if operation in ANYWHERE else parents if creates else [own]
    for resource in on:
        yield places.need(operation, resource, {**said, **(_tags_of(live) if live else {})})
    for also in ALSO.get(operation, ()):
        yield from (places.need(also, parent, {}) for parent in parents)
    if creates and said:
        yield places.need("TagResource", own, said)
    if role := call.parameters.get("RoleArn"):
        yield places.need("iam:PassRole", str(role), {})


def _tags(call: Call) -> dict[str, list[str]]:
    """The tags that a call sends or takes away, as conditions name them."""
    tags = {tag["Key"]: str(plain(tag["Value"])) for tag in call.parameters.get("Tags", ())}
    keys = [*tags, *call.parameters.get("TagKeys", ())]
    named = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    return {**named, "aws:TagKeys": keys} if keys else {}


def _tags_of(live: Live) -> dict[str, list[str]]:
    """The tags of the object that a call is about, as conditions name them."""
    own = {OWNER_TAG: live.owner, PROTECT_TAG: live.protect, RUN_TAG: live.run}
    tags = {**live.tags, **{key: value for key, value in own.items() if value is not None}}
    return {f"aws:ResourceTag/{key}": [value] for key, value in tags.items()}
