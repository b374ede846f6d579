"""IAM through boto3: what a principal may do."""

import pytest

from reconciler.emulator.faults import Fault
from tests.emulator.cloud import Cloud, refused

ROLE = "arn:aws:iam::111122223333:role/deploy"
ACTIONS = ["codeconnections:CreateHost", "codeconnections:DeleteHost"]


def decisions(cloud: Cloud) -> list[tuple[str, str, str]]:
    pages = cloud.client("iam").get_paginator("simulate_principal_policy")
    found = pages.paginate(PolicySourceArn=ROLE, ActionNames=ACTIONS, ResourceArns=["a:a", "b:b"])
    return [
        (result["EvalActionName"], one["EvalResourceName"], one["EvalResourceDecision"])
        for page in found
        for result in page["EvaluationResults"]
        for one in result["ResourceSpecificResults"]
    ]


def test_the_result_as_a_whole_names_the_form_of_an_arn(cloud: Cloud) -> None:
    """As botocore's model of IAM has it; only for all resources there is nothing else."""
    simulate = cloud.client("iam").simulate_principal_policy
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:host/h/1"
    given = {"PolicySourceArn": ROLE, "ActionNames": ["codeconnections:DeleteHost"]}
    (result,) = simulate(**given, ResourceArns=[arn])["EvaluationResults"]
    assert result["EvalResourceName"] == (
        "arn:${Partition}:codeconnections:${Region}:${Account}:host/${Id}"
    )
    (result,) = simulate(**given)["EvaluationResults"]
    assert (result["EvalResourceName"], "ResourceSpecificResults" in result) == ("*", False)


def test_there_are_pages(cloud: Cloud) -> None:
    simulate = cloud.client("iam").simulate_principal_policy
    page = simulate(PolicySourceArn=ROLE, ActionNames=[*ACTIONS, "codeconnections:GetHost"])
    assert (len(page["EvaluationResults"]), page["IsTruncated"]) == (2, True)


def test_each_action_is_held_against_each_resource(cloud: Cloud) -> None:
    assert decisions(cloud) == [
        (action, resource, "allowed") for action in ACTIONS for resource in ("a:a", "b:b")
    ]


def test_what_a_fault_denies_is_denied_before_and_when_it_is_called(cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind="AccessDeniedException", operation="Create*"))
    cloud.control.fault(Fault(kind="ThrottlingException", operation="Delete*"))
    expected = ["implicitDeny", "implicitDeny", "allowed", "allowed"]
    assert [decision for _, _, decision in decisions(cloud)] == expected
    assert [decision for _, _, decision in decisions(cloud)] == expected
    host = {"Name": "h", "ProviderType": "GitHubEnterpriseServer", "ProviderEndpoint": "https://h"}
    code, _ = refused(cloud.client().create_host, **host)
    assert code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::111122223333:root", "InvalidInput"),
        ("arn:aws:sts::111122223333:assumed-role/deploy/ci", "InvalidInput"),
        ("arn:aws:iam::999988887777:role/deploy", "NoSuchEntity"),
    ],
)
def test_only_users_and_roles_of_the_account_are_simulated(
    arn: str, code: str, cloud: Cloud
) -> None:
    simulate = cloud.client("iam").simulate_principal_policy
    assert refused(simulate, PolicySourceArn=arn, ActionNames=ACTIONS)[0] == code


def test_a_role_is_looked_up_by_its_name(cloud: Cloud) -> None:
    assert cloud.client("iam").get_role(RoleName="deploy")["Role"]["Arn"] == ROLE
