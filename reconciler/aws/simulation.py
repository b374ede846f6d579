"""Asks IAM what the caller may do, without doing it: actions and resources in, answers out.

What a simulation leaves out, such as the policies of other services' resources, is written at
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from reconciler.aws.masking import one_line
from reconciler.aws.session import READ_SECONDS, Session, explained

ATTEMPTS = 5
TOGETHER = 50
"""How many resources one request names."""
NO_ANSWER = (BotoCoreError, ClientError, KeyError, ResponseParserError)
"""What comes up when IAM refuses, cannot be reached, or something else answers in its place."""
_ASSUMED = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.*", re.ASCII)
_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::\d{12}:(user|role)/.+", re.ASCII)

Asked = tuple[str, str]
"""An action, and a resource."""
Answer = tuple[str, str]
"""`allowed`, `denied` or `unknown`, and why."""


def simulated(
    session: Session, asked: Collection[Asked], context: Mapping[str, str]
) -> tuple[str, dict[Asked, Answer]]:
    """The caller, and the answer to all that is asked; `context` holds the condition keys of the
    requests. What cannot be asked is `unknown`.

    Raises `TargetError` when STS does not say who is calling.
    """
    with explained(session.settings):
        caller = session.client("sts", attempts=ATTEMPTS, seconds=READ_SECONDS)
        principal = str(caller.get_caller_identity()["Arn"])
        iam = session.client("iam", attempts=ATTEMPTS, seconds=READ_SECONDS)
    answers: dict[Asked, Answer] = dict.fromkeys(asked, ("unknown", "IAM did not say"))
    principal = _role(iam, principal)
    if _PRINCIPAL.fullmatch(principal) is None:
        why = f"only users and roles are simulated, and this is {principal}"
        return principal, dict.fromkeys(asked, ("unknown", why))
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in context.items()
    ]
    for actions, resources in _requests(asked):
        request = {
            "PolicySourceArn": principal,
            "ActionNames": actions,
            "ResourceArns": resources,
            "ContextEntries": entries,
        }
        try:
            answers |= _answers(iam, request)
        except NO_ANSWER as error:
            is_told = isinstance(error, (BotoCoreError, ClientError))
            failed = ("unknown", one_line(error) if is_told else "IAM does not answer like AWS")
            answers |= {(action, one): failed for action in actions for one in resources}
    return principal, {one: answers[one] for one in asked}


def _requests(asked: Collection[Asked]) -> Iterator[tuple[list[str], list[str]]]:
    """Requests name actions and resources and are about each with each, so that what is asked about
    the same resources goes together."""
    resources: dict[str, set[str]] = defaultdict(set)
    for action, resource in asked:
        resources[action].add(resource)
    actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action, some in resources.items():
        actions[tuple(sorted(some))].append(action)
    for places, together in actions.items():
        for start in range(0, len(places), TOGETHER):
            yield together, list(places[start : start + TOGETHER])


def _role(iam: Any, principal: str) -> str:
    """The role that a session is of. The ARN of a session holds no path, so that the role has to be
    looked up; who may not do that most often has a role without one."""
    session = _ASSUMED.fullmatch(principal)
    if session is None:
        return principal
    partition, account, name = session.groups()
    try:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    except NO_ANSWER:
        return f"arn:{partition}:iam::{account}:role/{name}"


def _answers(iam: Any, request: Mapping[str, Any]) -> dict[Asked, Answer]:
    pages = iam.get_paginator("simulate_principal_policy").paginate(**request)
    results = [result for page in pages for result in page["EvaluationResults"]]
    return {
        (result["EvalActionName"], result["EvalResourceName"]): _answer(result)
        for result in results
    }


def _answer(result: Mapping[str, Any]) -> Answer:
    decision = result["EvalDecision"]
    if decision == "allowed":
        return "allowed", ""
    if missing := result.get("MissingContextValues"):
        return "unknown", f"a policy asks for {', '.join(missing)}"
    return "denied", "a policy denies it" if decision == "explicitDeny" else "no policy allows it"
