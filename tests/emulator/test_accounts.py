"""Many accounts and Regions: whom a fault strikes, what STS and IAM make of it, and whose rate."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from reconciler.emulator import Fault
from tests.emulator.cloud import ACCOUNT, Cloud, Start, refused
from tests.emulator.raw import Raw

OTHER = "222233334444"
ROLES = {one: f"arn:aws:iam::{one}:role/path/deployer" for one in (ACCOUNT, OTHER)}


def fault(kind: str, **more: Any) -> Fault:
    return Fault(kind=kind, **more)


def assume(cloud: Cloud, account: str, **more: Any) -> Any:
    return cloud.client("sts").assume_role(RoleArn=ROLES[account], RoleSessionName="ci", **more)


@pytest.mark.parametrize(
    ("place", "struck"),
    [
        ({"account": OTHER}, {(OTHER, "eu-west-1"), (OTHER, "us-east-1")}),
        ({"account": "1111*"}, {(ACCOUNT, "eu-west-1"), (ACCOUNT, "us-east-1")}),
        ({"region": "us-*"}, {(ACCOUNT, "us-east-1"), (OTHER, "us-east-1")}),
        ({"account": OTHER, "region": "eu-west-1"}, {(OTHER, "eu-west-1")}),
        ({"account": "3*"}, set()),
    ],
)
def test_a_fault_strikes_where_it_should(
    place: dict[str, str], struck: set[tuple[str, str]], cloud: Cloud
) -> None:
    cloud.control.fault(fault("ThrottlingException", count=99, **place))
    found = set()
    for account in (ACCOUNT, OTHER):
        for region in ("eu-west-1", "us-east-1"):
            try:
                cloud.client(account=account, region=region).list_hosts()
            except ClientError:
                found.add((account, region))
    assert found == struck


def test_requests_of_others_are_not_counted(cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind="ThrottlingException", account=OTHER, after=1))
    for _ in range(3):
        cloud.client().list_hosts()
    cloud.client(account=OTHER).list_hosts()
    assert refused(cloud.client(account=OTHER).list_hosts)[0] == "ThrottlingException"


def test_a_place_can_be_named_over_http(cloud: Cloud) -> None:
    body = b'{"kind": "ThrottlingException", "account": "222233334444", "region": "eu-*"}'
    assert Raw(cloud).request("POST", "/_emulator/fault", body)[0] == 200
    number = b'{"kind": "eof", "account": 2}'
    assert Raw(cloud).request("POST", "/_emulator/fault", number)[0] == 400
    cloud.client().list_hosts()
    cloud.client(account=OTHER, region="us-east-1").list_hosts()
    assert refused(cloud.client(account=OTHER).list_hosts)[0] == "ThrottlingException"


def test_it_is_the_account_of_the_role_that_denies(cloud: Cloud) -> None:
    denied = Fault(kind="AccessDeniedException", operation="AssumeRole", account=OTHER, count=9)
    cloud.control.fault(denied)
    keys = assume(cloud, ACCOUNT)["Credentials"]
    with pytest.raises(ClientError) as error:
        assume(cloud, OTHER)
    answer: Any = error.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert answer["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: "
        f"sts:AssumeRole on resource: {ROLES[OTHER]}",
    }
    session = cloud.client("sts", account=keys["AccessKeyId"], token=keys["SessionToken"])
    _, text = refused(session.assume_role, RoleArn=ROLES[OTHER], RoleSessionName="ci")
    assert text.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ci is not")
    # The denied account itself may assume a role elsewhere.
    theirs = cloud.client("sts", account=OTHER)
    assert theirs.assume_role(RoleArn=ROLES[ACCOUNT], RoleSessionName="ci")
    log = [(one.account, one.error) for one in cloud.control.requests()]
    assert log == [(ACCOUNT, None), *[(ACCOUNT, "AccessDenied")] * 2, (OTHER, None)]


@pytest.mark.parametrize("arn", ["", "x:y", "arn:aws:iam::222233334444:user/somebody"])
def test_a_role_that_is_none_is_refused_as_before(arn: str, cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind="AccessDeniedException", account="3*"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    form["Authorization"] = "Credential=111122223333/20260101/eu-west-1/sts/aws4_request"
    body = f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=ci&RoleArn={arn}"
    status, answer = Raw(cloud).request("POST", "/", body.encode(), form)
    assert (status, b"<Code>ValidationError</Code>" in answer) == (400, True)


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("ThrottlingException", "Throttling", 400),
        ("ExpiredTokenException", "ExpiredToken", 403),
        ("RegionDisabledException", "RegionDisabledException", 403),
        ("PackedPolicyTooLargeException", "PackedPolicyTooLarge", 400),
        ("ServiceUnavailableException", "ServiceUnavailable", 503),
    ],
)
def test_errors_have_the_names_that_sts_gives_them(
    kind: str, code: str, status: int, cloud: Cloud
) -> None:
    cloud.control.fault(Fault(kind=kind, operation="GetCallerIdentity"))
    with pytest.raises(ClientError) as error:
        cloud.client("sts").get_caller_identity()
    answer: Any = error.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_an_answer_of_sts_can_be_lost(cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind="eof", operation="AssumeRole", account=OTHER))
    assume(cloud, ACCOUNT)
    with pytest.raises(ConnectionClosedError):
        assume(cloud, OTHER)
    assert [one.error for one in cloud.control.requests()] == [None, None]


def test_iam_itself_can_deny(cloud: Cloud) -> None:
    denied = fault("AccessDeniedException", operation="SimulatePrincipalPolicy", account=OTHER)
    cloud.control.fault(denied)
    for account, role in ROLES.items():
        asked = {"PolicySourceArn": role, "ActionNames": ["codeconnections:CreateHost"]}
        simulate = cloud.client("iam", account=account).simulate_principal_policy
        if account == ACCOUNT:
            assert simulate(**asked)["EvaluationResults"][0]["EvalDecision"] == "allowed"
        else:
            code, text = refused(simulate, **asked)
            assert code == "AccessDenied"
            assert text.endswith(f"iam:SimulatePrincipalPolicy on resource: {role}")


def test_a_simulation_knows_whom_and_where_a_fault_denies(cloud: Cloud) -> None:
    place = {"account": OTHER, "region": "eu-*"}
    cloud.control.fault(fault("AccessDeniedException", operation="CreateHost", **place))
    found = []
    for account, role in ROLES.items():
        for region in ("eu-west-1", "us-east-1"):
            context = {"aws:PrincipalTag/a": "b", "aws:RequestedRegion": region}
            (result,) = cloud.client("iam", account=account).simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=["codeconnections:CreateHost"],
                ContextEntries=[
                    {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                    for key, value in context.items()
                ],
            )["EvaluationResults"]
            found.append(result["EvalDecision"])
    assert found == ["allowed", "allowed", "implicitDeny", "allowed"]


def test_each_account_and_region_has_a_rate_of_its_own(start: Start) -> None:
    cloud = start(calls_per_second=0.001)  # one call, and then none for long
    places = [(account, region) for account in ROLES for region in ("eu-west-1", "us-east-1")]
    for account, region in places:
        cloud.client(account=account, region=region).list_hosts()
    for account, region in places:
        lists = cloud.client(account=account, region=region).list_hosts
        assert refused(lists) == ("ThrottlingException", "Rate exceeded")
    older = cloud.client("codestar-connections").list_hosts
    assert refused(older)[0] == "ThrottlingException"
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_the_log_shows_what_a_role_was_assumed_with(cloud: Cloud) -> None:
    tags = [{"Key": "team", "Value": "network"}]
    assume(cloud, OTHER, ExternalId="fleet-7", Tags=tags, TransitiveTagKeys=["team"])
    (logged,) = cloud.control.requests()
    assert (logged.operation, logged.account) == ("AssumeRole", ACCOUNT)
    assert logged.parameters == {
        "RoleArn": ROLES[OTHER],
        "RoleSessionName": "ci",
        "ExternalId": "fleet-7",
        "Tags.member.1.Key": "team",
        "Tags.member.1.Value": "network",
        "TransitiveTagKeys.member.1": "team",
    }


def test_the_keys_of_a_role_assume_another_one(cloud: Cloud) -> None:
    keys = assume(cloud, OTHER, DurationSeconds=7200)["Credentials"]
    first = cloud.client("sts", account=keys["AccessKeyId"], token=keys["SessionToken"])
    third = "arn:aws:iam::333344445555:role/last"
    too_long = {"RoleArn": third, "RoleSessionName": "two", "DurationSeconds": 3601}
    assert refused(first.assume_role, **too_long) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
        "chaining.",
    )
    keys = first.assume_role(RoleArn=third, RoleSessionName="two")["Credentials"]
    second = cloud.client("sts", account=keys["AccessKeyId"], token=keys["SessionToken"])
    assert second.get_caller_identity()["Arn"] == "arn:aws:sts::333344445555:assumed-role/last/two"
    accounts = [one.account for one in cloud.control.requests()]
    assert accounts == [ACCOUNT, OTHER, OTHER, "333344445555"]
