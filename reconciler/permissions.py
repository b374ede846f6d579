"""The least that IAM has to allow for a command and files: what is declared goes in, a policy
document comes out; pure.

Which action each operation needs, and that the prefix of an action has to be that of the ARN, is
from https://docs.aws.amazon.com/service-authorization/latest/reference/list_codeconnections.html
and https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import Desired, Resource, Target

PREFIXES = ("codeconnections", "codestar-connections")
"""An object has one of the two in its ARN, by when it was made; which, nobody can tell before."""
ALSO = {
    "CreateRepositoryLink": ("PassConnection", "UseConnection"),
    "UpdateRepositoryLink": ("PassConnection", "UseConnection"),
    "CreateSyncConfiguration": ("PassRepository",),
    "UpdateSyncConfiguration": ("PassRepository",),
}
"""What an operation needs beside the action of its own name."""
TAGS = ("TagResource", "UntagResource")


def policy(
    command: str, desired: Desired, target: Target, *, prune: bool, lock: str = ""
) -> dict[str, Any]:
    """The policy document that lets this command do all that these files may ask of it; `validate`
    calls nothing, and what is no writer only reads."""
    partition = _partition(target.region)
    statements = []
    if command != "validate":
        statements.append(_statement("Read", _reads(), ["*"]))
        writes = sorted(set(_writes(command, desired, prune)))
        if writes:
            where = [
                f"arn:{partition}:{prefix}:{target.region}:{target.account}:*"
                for prefix in PREFIXES
            ]
            statements.append(_statement("Write", writes, where))
        if roles := sorted(_roles(command, desired)):
            passed = {"Sid": "Pass", "Effect": "Allow", "Action": ["iam:PassRole"]}
            statements.append({**passed, "Resource": roles})
        if lock and command in ("apply", "destroy", "forget"):
            allowed = ["s3:GetObject", "s3:PutObject"]
            place = f"arn:{partition}:s3:::{lock.removeprefix('s3://')}"
            statements.append(
                {"Sid": "Lock", "Effect": "Allow", "Action": allowed, "Resource": [place]}
            )
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(name: str, operations: Iterable[str], resources: list[str]) -> dict[str, Any]:
    actions = [f"{prefix}:{operation}" for prefix in PREFIXES for operation in operations]
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}


def _reads() -> list[str]:
    """All kinds are read, whatever is declared: what is not declared any more is reported."""
    calls = [operation for kind in KINDS for operation in (kind.calls.list, kind.calls.get)]
    return sorted({*calls, "ListTagsForResource"})


def _writes(command: str, desired: Desired, prune: bool) -> Iterator[str]:
    declared = {BY_NAME[address.kind] for address in desired.resources}
    if command in ("apply", "forget"):
        yield from TAGS
    if command == "apply":
        for kind in declared:
            yield from _of(kind.calls.create)
            yield from _of(kind.calls.update)
            yield from _of(kind.calls.delete)
    if prune or command == "destroy":
        for kind in KINDS if prune else declared:
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


def _partition(region: str) -> str:
    """The partition of a Region (botocore's partitions.json)."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")
