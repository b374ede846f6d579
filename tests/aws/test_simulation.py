"""What IAM answers is read as botocore's model of it says it is written."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from reconciler.aws import simulation
from reconciler.aws.session import Session, Settings
from reconciler.aws.simulation import simulated
from reconciler.emulator import Emulator
from tests.conftest import ACCOUNT, REGION

ARN = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1"
OTHER = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/2"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/deploy"
FORM = "arn:${Partition}:codeconnections:${Region}:${Account}:connection/${ConnectionId}"
DELETE = "codeconnections:DeleteConnection"


def result(decision: str, *each: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The result for deleting, with those for each resource."""
    told = {"EvalActionName": DELETE, "EvalResourceName": FORM, "EvalDecision": decision, **more}
    return {**told, "ResourceSpecificResults": list(each)} if each else told


def one(arn: str, decision: str, **more: Any) -> dict[str, Any]:
    return {"EvalResourceName": arn, "EvalResourceDecision": decision, **more}


@pytest.fixture
def stubbed(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives what IAM answers, page by page, and the session that asks; replies are checked against
    botocore's model."""
    session = Session(Settings(region=REGION, endpoint_url=emulator.url, access_key=(ACCOUNT, "x")))
    iam = boto3.client("iam", region_name=REGION)
    stub = Stubber(iam)
    stub.activate()
    real = session.client
    monkeypatch.setattr(
        session, "client", lambda name, **more: iam if name == "iam" else real(name, **more)
    )
    monkeypatch.setattr(simulation, "_role", lambda iam, principal: ROLE)

    def answering(*pages: list[dict[str, Any]]) -> Session:
        for number, results in enumerate(pages, 1):
            more = {"Marker": "next"} if number < len(pages) else {}
            reply = {"EvaluationResults": results, "IsTruncated": bool(more), **more}
            stub.add_response("simulate_principal_policy", reply)
        return session

    return answering


def asked(session: Session, *arns: str) -> list[tuple[str, str]]:
    principal, answers = simulated(session, [(DELETE, arn, ()) for arn in arns])
    assert principal == ROLE
    return [answers[DELETE, arn, ()] for arn in arns]


@pytest.mark.parametrize(
    ("specific", "answer"),
    [
        (one(ARN, "allowed"), ("allowed", "")),
        (one(ARN, "explicitDeny"), ("denied", "a policy denies it")),
        (one(ARN, "implicitDeny"), ("denied", "no policy allows it")),
        (
            one(ARN, "implicitDeny", MissingContextValues=["aws:SourceIp"]),
            ("unknown", "a policy asks for aws:SourceIp"),
        ),
        (
            one(ARN, "allowed", MissingContextValues=["aws:SourceIp"]),
            ("unknown", "a policy asks for aws:SourceIp"),
        ),
        (
            one(
                ARN,
                "implicitDeny",
                PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False},
            ),
            ("denied", "the permissions boundary does not allow it"),
        ),
    ],
)
def test_what_is_said_of_a_resource_counts(
    stubbed: Any, specific: dict[str, Any], answer: tuple[str, str]
) -> None:
    """Whatever the result as a whole says."""
    assert asked(stubbed([result("implicitDeny", specific)]), ARN) == [answer]


def test_each_resource_has_its_own_answer_on_whatever_page(stubbed: Any) -> None:
    pages = (
        [result("allowed", one(ARN, "allowed"))],
        [result("allowed", one(OTHER, "explicitDeny"))],
    )
    assert asked(stubbed(*pages), ARN, OTHER) == [("allowed", ""), ("denied", "a policy denies it")]


def test_the_result_as_a_whole_is_of_the_only_resource_that_was_named(stubbed: Any) -> None:
    no = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
    session = stubbed([result("implicitDeny", **no)])
    assert asked(session, ARN) == [("denied", "the organization does not allow it")]


def test_what_is_not_said_is_unknown(stubbed: Any) -> None:
    session = stubbed([result("allowed", one(OTHER, "allowed"))])
    assert asked(session, ARN, OTHER) == [("unknown", "IAM did not say"), ("allowed", "")]
