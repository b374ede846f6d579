"""STS through boto3: who am I, and roles of other accounts."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.emulator.cloud import Cloud, refused
from tests.emulator.raw import Raw

ROLE = "arn:aws:iam::999988887777:role/path/deployer"


def test_the_account_is_the_access_key_or_none(cloud: Cloud) -> None:
    answer = cloud.client("sts").get_caller_identity()
    assert answer["Account"] == "111122223333"
    assert answer["Arn"] == "arn:aws:iam::111122223333:root"
    assert cloud.client("sts", account="AKIDX").get_caller_identity()["Account"] == "000000000000"
    assert [one.service for one in cloud.control.requests()] == ["sts", "sts"]
    assert cloud.control.requests(mutating_only=True) == []


def test_an_assumed_role_works_in_its_own_account(cloud: Cloud) -> None:
    answer = cloud.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName="ci", DurationSeconds=900
    )
    keys = answer["Credentials"]
    assert keys["Expiration"] - datetime.fromtimestamp(cloud.clock(), UTC) == timedelta(minutes=15)
    key, token = keys["AccessKeyId"], keys["SessionToken"]
    identity = cloud.client("sts", account=key, token=token).get_caller_identity()
    assert identity["Account"] == "999988887777"
    assert identity["Arn"] == "arn:aws:sts::999988887777:assumed-role/deployer/ci"
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    made = cloud.client(account=key, token=token).create_connection(
        ConnectionName="a", ProviderType="GitHub"
    )
    assert ":999988887777:" in made["ConnectionArn"]


def test_a_token_of_another_account_names_no_role(cloud: Cloud) -> None:
    keys = cloud.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="ci")["Credentials"]
    for token in (keys["SessionToken"], "garbage", "bnVsbA=="):
        answer = cloud.client("sts", token=token).get_caller_identity()
        assert answer["Arn"] == "arn:aws:iam::111122223333:root"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"RoleArn": ROLE, "RoleSessionName": "a b"},
            "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy "
            r"constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (
            {"RoleArn": ROLE, "RoleSessionName": "ci", "DurationSeconds": 43201},
            "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy "
            "constraint: Member must have value less than or equal to 43200",
        ),
        (
            {"RoleArn": "arn:aws:iam::999988887777:user/x", "RoleSessionName": "ci"},
            "arn:aws:iam::999988887777:user/x is invalid",
        ),
    ],
)
def test_bad_roles_are_refused(parameters: dict[str, str], text: str, cloud: Cloud) -> None:
    answer = refused(cloud.client("sts").assume_role, **parameters)
    assert answer == ("ValidationError", text)
    assert [one.error for one in cloud.control.requests()] == ["ValidationError"]


def test_other_operations_are_refused(cloud: Cloud) -> None:
    code, text = refused(cloud.client("sts").get_session_token)
    assert (code, text) == (
        "InvalidAction",
        "Could not find operation GetSessionToken for version 2011-06-15",
    )


def test_an_unsigned_request_is_refused(cloud: Cloud) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = Raw(cloud).request("POST", "/", b"Action=GetCallerIdentity", form)
    assert status == 400
    assert b"<Code>MissingAuthenticationToken</Code>" in body
