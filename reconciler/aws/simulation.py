"""Asks IAM what the caller may do, without doing it: actions and resources in, answers out.

What a simulation leaves out, such as the policies of other services' resources, is written at
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
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

Context = tuple[tuple[str, tuple[str, ...]], ...]
"""The condition keys of a request, each with its values."""
Asked = tuple[str, str, Context]
"""An action, a resource, and what the request would say besides."""
Answer = tuple[str, str]
"""`allowed`, `denied` or `unknown`, and why."""


def simulated(session: Session, asked: Collection[Asked]) -> tuple[str, dict[Asked, Answer]]:
    """The caller, and the answer to all that is asked; what cannot be asked is `unknown`.

    Raises `TargetError` when STS does not say who is calling.
    """
    with explained(session.settings):
        caller = session.client("sts", attempts=ATTEMPTS, seconds=READ_SECONDS)
        principal = str(caller.get_caller_identity()["Arn"])
        iam = session.client("iam", attempts=ATTEMPTS, seconds=READ_SECONDS)
    principal = _role(iam, principal)
    if _PRINCIPAL.fullmatch(principal) is None:
        why = f"only users and roles are simulated, and this is {principal}"
        return principal, dict.fromkeys(asked, ("unknown", why))
    answers: dict[Asked, Answer] = dict.fromkeys(asked, ("unknown", "IAM did not say"))
    for actions, resources, context in _requests(asked):
        request = {
            "PolicySourceArn": principal,
            "ActionNames": actions,
            "ResourceArns": resources,
            "ContextEntries": [_entry(name, values) for name, values in context],
        }
        try:
            found = _answers(iam, request)
        except NO_ANSWER as error:
            is_told = isinstance(error, (BotoCoreError, ClientError))
            failed = ("unknown", one_line(error) if is_told else "IAM does not answer like AWS")
            found = {(action, one): failed for action in actions for one in resources}
        answers |= {(*key, context): answer for key, answer in found.items()}
    return principal, {one: answers[one] for one in asked}


def _entry(name: str, values: Sequence[str]) -> dict[str, Any]:
    kind = "stringList" if name == "aws:TagKeys" else "string"
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


def _requests(asked: Collection[Asked]) -> Iterator[tuple[list[str], list[str], Context]]:
    """Requests name actions and resources and are about each with each, so that what is asked about
    the same resources goes together."""
    resources: dict[tuple[str, Context], set[str]] = defaultdict(set)
    for action, resource, context in asked:
        resources[action, context].add(resource)
    actions: dict[tuple[tuple[str, ...], Context], list[str]] = defaultdict(list)
    for (action, context), some in resources.items():
        actions[tuple(sorted(some)), context].append(action)
    for (places, context), together in actions.items():
        for start in range(0, len(places), TOGETHER):
            yield together, list(places[start : start + TOGETHER]), context


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


def _answers(iam: Any, request: Mapping[str, Any]) -> dict[tuple[str, str], Answer]:
    """The answers of all pages. Of resources that were named the results are apart: the result as a
    whole has but the form of their ARN (botocore service model, EvaluationResult)."""
    pages = iam.get_paginator("simulate_principal_policy").paginate(**request)
    answers: dict[tuple[str, str], Answer] = {}
    for result in (result for page in pages for result in page["EvaluationResults"]):
        action = result["EvalActionName"]
        ruled = _ruled(result)
        for one in result.get("ResourceSpecificResults") or ():
            missing = one.get("MissingContextValues")
            answer = _answer(one["EvalResourceDecision"], missing, ruled or _ruled(one))
            answers[action, one["EvalResourceName"]] = answer
        if not result.get("ResourceSpecificResults") and len(request["ResourceArns"]) == 1:
            answer = _answer(result["EvalDecision"], result.get("MissingContextValues"), ruled)
            answers[action, request["ResourceArns"][0]] = answer
    return answers


def _ruled(result: Mapping[str, Any]) -> str:
    """What else than a policy of the principal says no, if so."""
    organization = result.get("OrganizationsDecisionDetail", {})
    if organization.get("AllowedByOrganizations") is False:
        return "the organization does not allow it"
    boundary = result.get("PermissionsBoundaryDecisionDetail", {})
    if boundary.get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary does not allow it"
    return ""


def _answer(decision: str, missing: Sequence[str] | None, ruled: str) -> Answer:
    if missing:
        return "unknown", f"a policy asks for {', '.join(missing)}"
    if decision == "allowed":
        return "allowed", ""
    told = "a policy denies it" if decision == "explicitDeny" else "no policy allows it"
    return "denied", ruled or told
