"""As much of IAM as says what a principal may do: GetRole and SimulatePrincipalPolicy.

There are no policies here: everything is allowed, but for the operations that a fault denies.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import re
from collections.abc import Callable

from reconciler.emulator.errors import ApiError
from reconciler.emulator.query import Api, Query, Tree
from reconciler.emulator.sts import role_id

_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::(\d{12}):(user|group|role)/.+", re.ASCII)


def api(denied: Callable[[str], bool]) -> Api:
    """IAM, where `denied` says whether an operation of CodeConnections is refused."""

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
        results: list[Tree] = []
        for action in query.texts("ActionNames"):
            decision = "implicitDeny" if denied(action.partition(":")[2]) else "allowed"
            results += [
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": decision,
                }
                for resource in query.texts("ResourceArns") or ["*"]
            ]
        return {"EvaluationResults": results, "IsTruncated": "false"}

    return Api("iam", "2010-05-08", {"GetRole": _get_role, "SimulatePrincipalPolicy": simulate})


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
