"""Tags that are read together are those that are read one by one, whatever the tagging API answers
and however it fails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.aws.tagging import SERVICE, TagsTogether
from reconciler.emulator import Emulator, Fault, Quotas
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import NotFoundError, ReconcilerError
from reconciler.resource import Call
from tests.cli.servers import Answer, answering, error
from tests.conftest import ACCOUNT, REGION

GONE = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/gone"


@pytest.fixture
def big() -> Iterator[Emulator]:
    """An emulator with room."""
    with Emulator(EmulatorSettings(quotas=Quotas(connections=1000))) as running:
        yield running


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read is made again at once."""
    monkeypatch.setattr("reconciler.aws.api.RETRY_DELAYS", (0.0,) * 4)


class Both:
    """Tags read one by one and together, and what was said about it."""

    def __init__(self, url: str, tagging_url: str = "") -> None:
        self.said: list[str] = []
        self.alone = AwsApi(self.session(url))
        self.tagging = AwsApi(self.session(tagging_url or url), service=SERVICE)
        self.together = TagsTogether(self.alone, self.tagging, self.said.append)

    @staticmethod
    def session(url: str) -> Session:
        key = (ACCOUNT, "x")
        agent = "reconciler/test md/command#plan"
        return Session(Settings(region=REGION, endpoint_url=url, access_key=key, agent=agent))

    def read(self, *arns: str) -> list[Any]:
        """The replies, which have to be those of reading one by one."""
        calls = [Call("ListTagsForResource", {"ResourceArn": arn}) for arn in arns]
        calls.insert(1, Call("ListHosts", {}))
        together, alone = list(self.together.read(calls)), list(self.alone.read(calls))
        assert [_plain(one) for one in together] == [_plain(one) for one in alone]
        return together


def _plain(result: Any) -> Any:
    if isinstance(result, Exception):
        return str(result)
    return {name: value for name, value in result.items() if name != "ResponseMetadata"}


def connections(emulator: Emulator, count: int, service: str = "codeconnections") -> list[str]:
    """Connections with a tag each, by their ARNs."""
    make: Any = boto3.client(service, endpoint_url=emulator.url, region_name=REGION)  # type: ignore[call-overload]
    return [
        make.create_connection(
            ConnectionName=f"c{number}",
            ProviderType="GitHub",
            Tags=[{"Key": "n", "Value": str(number)}],
        )["ConnectionArn"]
        for number in range(count)
    ]


def asked(emulator: Emulator) -> Counter[str]:
    """How often each operation that reads tags was asked for so far."""
    operations = (request.operation for request in emulator.control.requests())
    return Counter(one for one in operations if one in ("GetResources", "ListTagsForResource"))


@pytest.mark.parametrize(("count", "requests"), [(2, 1), (100, 1), (101, 2), (250, 3)])
def test_a_hundred_are_asked_for_at_once(count: int, requests: int, big: Emulator) -> None:
    arns = connections(big, count)
    both = Both(big.url)
    both.read(*arns)
    assert asked(big) == {"GetResources": requests, "ListTagsForResource": count}
    sizes = [
        len(request.parameters["ResourceARNList"])
        for request in big.control.requests()
        if request.operation == "GetResources"
    ]
    assert sum(sizes) == count
    assert max(sizes) <= 100
    agents = {r.agent.partition("md/command#")[2] for r in big.control.requests()[count:]}
    assert len(agents) == 1
    assert agents.pop().startswith("plan")
    assert both.said == []


def test_both_prefixes_and_doubles_keep_their_order(big: Emulator) -> None:
    new, old = connections(big, 3), connections(big, 3, "codestar-connections")
    first, hosts, *rest = Both(big.url).read(*new, *old, *new, GONE)
    assert hosts["Hosts"] == []
    values = [reply["Tags"][0]["Value"] for reply in [first, *rest[:-1]]]
    assert values == ["0", "1", "2"] * 3
    assert isinstance(rest[-1], NotFoundError)
    (request,) = [r for r in big.control.requests() if r.operation == "GetResources"]
    assert request.parameters["ResourceARNList"] == [*new, *old, GONE]


def test_what_the_answer_lacks_is_read_by_itself(big: Emulator) -> None:
    client = boto3.client("codeconnections", endpoint_url=big.url, region_name=REGION)
    tagged = connections(big, 3)
    never = client.create_connection(ConnectionName="x", ProviderType="GitHub")["ConnectionArn"]
    client.untag_resource(ResourceArn=tagged[2], TagKeys=["n"])
    both = Both(big.url)
    calls = [Call("ListTagsForResource", {"ResourceArn": arn}) for arn in (*tagged, never)]
    assert [len(reply["Tags"]) for reply in both.together.read(calls)] == [1, 1, 0, 0]
    assert asked(big) == {"GetResources": 1, "ListTagsForResource": 1}
    assert both.said == []


def test_one_object_is_read_by_itself(big: Emulator) -> None:
    Both(big.url).read(*connections(big, 1))
    assert asked(big)["GetResources"] == 0


def test_a_service_that_is_not_covered_costs_one_call_and_no_word() -> None:
    with Emulator(EmulatorSettings(tagging_api_covers=False)) as emulator:
        both = Both(emulator.url)
        both.read(*connections(emulator, 5))
        assert both.said == []
        assert asked(emulator) == {"GetResources": 1, "ListTagsForResource": 10}


def test_a_refusal_is_told_once_and_not_asked_for_again(big: Emulator) -> None:
    fault = Fault(kind="AccessDeniedException", operation="GetResources", count=99)
    big.control.fault(fault)
    arns = connections(big, 150)
    both = Both(big.url)
    both.read(*arns)
    both.read(*arns)
    assert asked(big) == {"GetResources": 2, "ListTagsForResource": 600}
    (said,) = both.said
    assert said.startswith("Warning: tags are read one by one, since --tags-from tagging-api fail")
    assert "reconciler iam-policy COMMAND --tags-from tagging-api" in said
    assert ": GetResources: AccessDeniedException: User is not authorized" in said


def test_what_came_before_a_failure_is_used(big: Emulator) -> None:
    fault = Fault(kind="AccessDeniedException", operation="GetResources", after=1)
    big.control.fault(fault)
    both = Both(big.url)
    both.read(*connections(big, 200))
    assert asked(big) == {"GetResources": 2, "ListTagsForResource": 300}
    assert len(both.said) == 1


PASSING = ["html", "empty", "cut", "unavailable", "reset", "eof", "dropped", "403", "502"]


@pytest.mark.parametrize("kind", [*PASSING, "InternalServiceException"])
def test_a_broken_answer_is_asked_for_again(kind: str, big: Emulator) -> None:
    big.control.fault(Fault(kind=kind, operation="GetResources", count=2))
    both = Both(big.url)
    both.read(*connections(big, 10))
    assert asked(big) == {"GetResources": 3, "ListTagsForResource": 10}
    assert both.said == []


@pytest.mark.parametrize("kind", PASSING)
def test_nothing_is_made_of_a_broken_answer(kind: str, big: Emulator) -> None:
    big.control.fault(Fault(kind=kind, operation="GetResources", count=99))
    both = Both(big.url)
    both.read(*connections(big, 10))
    assert asked(big) == {"GetResources": 5, "ListTagsForResource": 20}
    (said,) = both.said
    assert "GetResources: no clear answer: " in said
    assert "\n" not in said


def test_throttling_slows_down(big: Emulator) -> None:
    big.control.fault(Fault(kind="ThrottledException", operation="GetResources", count=7))
    both = Both(big.url)
    both.read(*connections(big, 10))
    assert asked(big) == {"GetResources": 8, "ListTagsForResource": 10}
    assert both.said == []


def test_throttling_that_does_not_end_is_told(
    big: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.aws.api.THROTTLED_SECONDS", 0.5)
    big.control.fault(Fault(kind="ThrottledException", operation="GetResources", count=9999))
    both = Both(big.url)
    both.read(*connections(big, 10))
    (said,) = both.said
    assert "GetResources: ThrottledException: Rate exceeded" in said


def test_an_endpoint_that_is_not_there_is_told(big: Emulator) -> None:
    both = Both(big.url, "http://127.0.0.1:9")
    both.read(*connections(big, 10))
    (said,) = both.said
    assert "GetResources: Unreachable" in said


TAGS = [{"Key": "n", "Value": "another"}]


def item(arn: str, **more: Any) -> dict[str, Any]:
    return {"ResourceARN": arn, "Tags": TAGS, **more}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("[]", "not a JSON object"),
        ("{}", "no list of ResourceTagMappingList"),
        ('{"ResourceTagMappingList": null}', "no list of ResourceTagMappingList"),
        ('{"ResourceTagMappingList": {}}', "ResourceTagMappingList is not a list"),
        ('{"ResourceTagMappingList": ["x"]}', "ResourceTagMappingList[0] is not an object"),
        ('{"ResourceTagMappingList": [{"Tags": [{"Key": "a"}]}]}', "Tags[0].Value is missing"),
        ('{"ResourceTagMappingList": [{"ResourceARN": 5}]}', "ResourceARN is not text"),
    ],
)
def test_a_reply_of_another_form_is_an_error(reply: str, told: str, big: Emulator) -> None:
    with answering(lambda _: Answer(200, reply)) as server:
        both = Both(big.url, server.url)
        both.read(*connections(big, 2))
    (said,) = both.said
    assert told in said
    assert set(server.asked) == {"GetResources"}


@pytest.mark.parametrize(
    "items",
    [
        lambda arn: [{"ResourceARN": arn}],
        lambda arn: [item(arn, Tags=None)],
        lambda arn: [item(arn), item(arn)],
        lambda arn: [item(arn, Tags=[]), item(arn)],
        lambda arn: [{"Tags": TAGS}],
        lambda arn: [item(arn.upper()), item(arn + "0"), item(GONE)],
        lambda arn: [item("")],
    ],
)
def test_what_is_not_clearly_about_an_object_is_not_taken_for_its_tags(
    items: Any, big: Emulator
) -> None:
    arns = connections(big, 2)
    reply = {"ResourceTagMappingList": items(arns[0]), "PaginationToken": "more"}
    with answering(lambda _: Answer(200, json.dumps(reply))) as server:
        both = Both(big.url, server.url)
        both.read(*arns)
    assert both.said == []
    assert server.asked == ["GetResources"]


def test_an_answer_is_believed(big: Emulator) -> None:
    """The control: it is from there that the tags come."""
    arns = connections(big, 2)
    reply = {"ResourceTagMappingList": [item(arns[0])], "PaginationToken": ""}
    calls = [Call("ListTagsForResource", {"ResourceArn": arn}) for arn in arns]
    with answering(lambda _: Answer(200, json.dumps(reply))) as server:
        first, second = Both(big.url, server.url).together.read(calls)
    assert first["Tags"] == TAGS
    assert second["Tags"] == [{"Key": "n", "Value": "1"}]


def test_no_secret_gets_into_what_is_told(big: Emulator) -> None:
    secret = "zzSecretzz0123456789"
    session = Session(Settings(region=REGION, endpoint_url=big.url, access_key=(ACCOUNT, secret)))
    said: list[str] = []
    with answering(lambda _: error("AccessDeniedException", f"not with {secret}")) as server:
        url = server.url
        settings = Settings(region=REGION, endpoint_url=url, access_key=(ACCOUNT, secret))
        tagging = AwsApi(Session(settings), service=SERVICE)
        calls = [Call("ListTagsForResource", {"ResourceArn": arn}) for arn in connections(big, 2)]
        list(TagsTogether(AwsApi(session), tagging, said.append).read(calls))
    assert len(said) == 1
    assert secret not in said[0]


def test_it_cannot_write(big: Emulator) -> None:
    both = Both(big.url)
    arns = connections(big, 2)
    before = len(big.control.requests())
    names = [name for name in dir(both.tagging._reader) if name.startswith(("tag_", "untag_"))]
    names.append("start_report_creation")
    assert len(names) == 3
    given = {"ResourceARNList": arns}
    more: list[dict[str, Any]] = [
        {**given, "Tags": {"a": "b"}},
        {**given, "TagKeys": ["a"]},
        {"S3Bucket": "bucket"},
    ]
    for name, parameters in zip(names, more, strict=True):
        with pytest.raises(ReconcilerError, match="this client only reads: not sent"):
            getattr(both.tagging._reader, name)(**parameters)
    call = Call("TagResource", {"ResourceArn": arns[0], "Tags": TAGS})
    with pytest.raises(ReconcilerError, match="this client only reads: not sent"):
        both.together.write(call)
    assert len(big.control.requests()) == before
