"""As much of IAM as says what a principal may do: GetRole and SimulatePrincipalPolicy.

There are no policies here: everything is allowed, but for the operations that a fault denies.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from reconciler.emulator.caller import Caller
from reconciler.emulator.errors import ApiError
from reconciler.emulator.query import Api, Query, Tree
from reconciler.emulator.sts import role_id

_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::(\d{12}):(user|group|role)/.+", re.ASCII)


def api(denied: Callable[[str, Caller], bool]) -> Api:
    """IAM, where `denied` says whether an operation of CodeConnections is refused to a caller."""

    def simulate(query: Query) -> Tree:
        source = query.form.get("PolicySourceArn", "")
        principal = _PRINCIPAL.fullmatch(source)
        if principal is None:
            raise ApiError(
                "InvalidInput",
                f"Invalid Entity Arn: {source} does not clearly define entity type and name.",
            )
        if principal[1] != query.caller.account:
            raise ApiError("NoSuchEntity", f"{source} cannot be found.")
        resources = query.texts("ResourceArns") or ["*"]
        caller = replace(query.caller, region=_region(query))
        results = [
            _result(action, resources, denied(action.partition(":")[2], caller))
            for action in query.texts("ActionNames")
        ]
        # Two a page, so that clients see more than one.
        start = int(query.form.get("Marker", "0"))
        page: Tree = {"EvaluationResults": results[start : start + 2], "IsTruncated": "false"}
        if start + 2 < len(results):
            page |= {"IsTruncated": "true", "Marker": str(start + 2)}
        return page

    return Api("iam", "2010-05-08", {"GetRole": _get_role, "SimulatePrincipalPolicy": simulate})


def _region(query: Query) -> str:
    """Where the simulated requests go: as their context says, else where this one went."""
    for number in count(1):
        entry = f"ContextEntries.member.{number}"
        name = query.form.get(f"{entry}.ContextKeyName")
        if name is None:
            return query.caller.region
        value = query.form.get(f"{entry}.ContextKeyValues.member.1")
        if name == "aws:RequestedRegion" and value:
            return value
    raise AssertionError("the numbers do not end")


def _result(action: str, resources: list[str], denied: bool) -> Tree:
    """The result for an action: as a whole, with what is named only by the form of its ARN, and for
    each resource that was named (botocore service model, EvaluationResult)."""
    decision = "implicitDeny" if denied else "allowed"
    result: Tree = {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": decision}
    if resources != ["*"]:
        *_, form = resources[0].rpartition(":")
        service = action.partition(":")[0]
        result["EvalResourceName"] = (
            f"arn:${{Partition}}:{service}:${{Region}}:${{Account}}:{form.partition('/')[0]}/${{Id}}"
        )
        result["ResourceSpecificResults"] = [
            {"EvalResourceName": resource, "EvalResourceDecision": decision}
            for resource in resources
        ]
    return result


def _get_role(query: Query) -> Tree:
    """Roles are not kept: one of any name is there, at the path `/`."""
    account, partition, name = (
        query.caller.account,
        query.caller.partition,
        query.form.get("RoleName", ""),
    )
    return {
        "Role": {
            "Path": "/",
            "RoleName": name,
            "RoleId": role_id(name),
            "Arn": f"arn:{partition}:iam::{account}:role/{name}",
            "CreateDate": "2020-01-01T00:00:00Z",
        }
    }
