"""The least that IAM has to allow for a command and files: what is declared goes in, a policy
document comes out; pure.

Which action each operation needs, on what, and that the prefix of an action has to be that of the
ARN, is from
https://docs.aws.amazon.com/service-authorization/latest/reference/list_codeconnections.html
and https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import OWNER_TAG, Desired, Resource, Target

PREFIXES = ("codeconnections", "codestar-connections")
"""An object has one of the two in its ARN, by when it was made; which, nobody can tell before."""
ALSO = {
    "CreateRepositoryLink": ("PassConnection", "UseConnection"),
    "UpdateRepositoryLink": ("PassConnection", "UseConnection"),
    "CreateSyncConfiguration": ("PassRepository",),
    "UpdateSyncConfiguration": ("PassRepository",),
}
"""What an operation needs, on the object that its own refers to, beside the action of its name."""
ANYWHERE = frozenset(
    {
        *("CreateConnection", "CreateHost"),
        *("DeleteSyncConfiguration", "UpdateSyncBlocker", "UpdateSyncConfiguration"),
    }
)
"""The writes for which IAM knows no type of resource, so that they are allowed on `*` or not."""
WRITERS = ("apply", "destroy", "forget", "unblock")
"""The commands that write, and keep each other out."""
LOOKERS = ("plan", "drift", "status", "import")
"""The commands whose tags may come from the tagging API: none of them writes."""
TAGS = ("TagResource", "UntagResource")
_ARN = re.compile(r"arn:[a-z-]+:(?:codeconnections|codestar-connections):\S+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Besides:
    """What else a command is run with: a lock, `--preflight`, tags from the tagging API, and the
    actions with which `drift` tells somebody, each with the ARN it is about."""

    lock: str = ""
    preflight: bool = False
    tags_together: bool = False
    told: tuple[tuple[str, str], ...] = ()


def policy(
    command: str, desired: Desired, target: Target, besides: Besides, *, prune: bool
) -> dict[str, Any]:
    """The policy document that lets this command do all that these files may ask of it; `validate`
    calls nothing, and what is no writer only reads."""
    if command == "validate":
        return _document([])
    partition = partition_of(target.region)
    statements = [_statement("Read", _reads(command), ["*"])]
    if besides.tags_together and command in LOOKERS:
        # IAM knows no type of resource for it:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html
        statements.append(_other("Tags", ["tag:GetResources"], ["*"]))
    statements += _write_statements(set(_writes(command, desired, prune)), desired, target)
    if roles := sorted(_roles(command, desired)):
        statements.append(_other("Pass", ["iam:PassRole"], roles))
    if besides.lock and command in WRITERS:
        bucket, _, key = besides.lock.removeprefix("s3://").partition("/")
        bucket = f"arn:{partition}:s3:::{bucket}"
        statements.append(_other("Lock", ["s3:GetObject", "s3:PutObject"], [f"{bucket}/{key}"]))
        # Without it S3 says of an object that is gone that it is forbidden:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        statements.append(_other("LockGone", ["s3:ListBucket"], [bucket]))
    if command == "drift":
        statements += _telling(besides.told)
    if besides.preflight:
        principals = [
            f"arn:{partition}:iam::{target.account}:{kind}/*" for kind in ("role", "user")
        ]
        actions = ["iam:GetRole", "iam:SimulatePrincipalPolicy"]
        statements.append(_other("Preflight", actions, principals))
    return _document(statements)


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _write_statements(
    operations: set[str], desired: Desired, target: Target
) -> Iterator[dict[str, Any]]:
    """What can only be allowed on `*` is allowed in the Region; what creates, only with the owner's
    tag; and connections elsewhere, which are global, only to be used."""
    partition = partition_of(target.region)
    where = [f"arn:{partition}:{prefix}:{target.region}:{target.account}:*" for prefix in PREFIXES]
    used = sorted({*where, *_named(desired)})
    region = {} if target.region == "*" else {"aws:RequestedRegion": target.region}
    # IAM would put something else in the place of a variable.
    owned = {f"aws:RequestTag/{OWNER_TAG}": desired.owner.replace("$", "${$}")}
    tagged = {kind.calls.create for kind in KINDS if kind.taggable()}
    also = {action for actions in ALSO.values() for action in actions}
    rest = operations - tagged - also
    groups: tuple[tuple[str, set[str], list[str], dict[str, str]], ...] = (
        ("Create", operations & tagged & ANYWHERE, ["*"], {**owned, **region}),
        ("CreateOn", (operations & tagged) - ANYWHERE, used, owned),
        ("Use", operations & also, used, {}),
        ("WriteAnywhere", rest & ANYWHERE, ["*"], region),
        ("Write", rest - ANYWHERE, where, {}),
    )
    for name, some, resources, condition in groups:
        if some:
            statement = _statement(name, sorted(some), resources)
            if condition:
                statement["Condition"] = {"StringEquals": condition}
            yield statement


def _telling(told: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """What tells somebody: one statement for each action."""
    for action in sorted({action for action, _ in told}):
        arns = sorted({arn for other, arn in told if other == action})
        yield _other(action.partition(":")[2], [action], arns)


def _named(desired: Desired) -> Iterator[str]:
    """What the files refer to by ARN: a connection may be in another Region."""
    for resource in desired.resources.values():
        for spec, value in resource.declared():
            if spec.reference is not None and _ARN.fullmatch(str(value)):
                yield str(value)


def _statement(name: str, operations: Iterable[str], resources: list[str]) -> dict[str, Any]:
    actions = [f"{prefix}:{operation}" for prefix in PREFIXES for operation in operations]
    return _other(name, actions, resources)


def _other(name: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}


def _reads(command: str) -> list[str]:
    """All kinds are read, whatever is declared: what is not declared any more is reported. What
    resolves a blocker looks at the one object, and few look how syncs go."""
    synced = {kind: kind.syncs for kind in KINDS if kind.syncs is not None}
    if command == "unblock":
        return sorted(
            {name for kind, its in synced.items() for name in (kind.calls.get, its.blockers)}
        )
    calls = [operation for kind in KINDS for operation in (kind.calls.list, kind.calls.get)]
    for its in synced.values() if command in ("drift", "status") else ():
        calls += [its.attempt, its.branch_attempt, its.blockers]
        calls += [its.definitions] * (command == "status")
    return sorted({*calls, "ListTagsForResource"})


def _writes(command: str, desired: Desired, prune: bool) -> Iterator[str]:
    declared = {BY_NAME[address.kind] for address in desired.resources}
    yield from {"apply": TAGS, "forget": TAGS[1:]}.get(command, ())
    if command == "unblock":
        yield from (kind.syncs.resolve for kind in KINDS if kind.syncs)
    if command == "apply":
        for kind in declared:
            yield from _of(kind.calls.create)
            yield from _of(kind.calls.update)
            yield from _of(kind.calls.delete)
    if command == "destroy" or (command == "apply" and prune):
        for kind in declared if command == "destroy" else KINDS:
            yield from _of(kind.calls.delete)


def _of(operation: str) -> Iterator[str]:
    if operation:
        yield operation
        yield from ALSO.get(operation, ())


def _roles(command: str, desired: Desired) -> set[str]:
    """The roles that Git sync is given."""
    if command != "apply":
        return set()
    found = (_role(resource) for resource in desired.resources.values())
    return {role for role in found if role}


def _role(resource: Resource) -> str:
    return str(getattr(resource, "role_arn", None) or "")


def partition_of(region: str) -> str:
    """The partition of a Region (botocore's partitions.json)."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")
