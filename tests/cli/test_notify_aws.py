"""`drift --notify` to SNS and EventBridge, moto's, read from queues that subscribe to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.cli.channels.events import detail
from reconciler.cli.channels.sns import MESSAGE, SUBJECT
from reconciler.emulator import Emulator
from reconciler.render import message, told_document
from tests.aws.s3 import s3_server
from tests.conftest import Cli
from tests.drifts import finding, report

ELSEWHERE = "eu-central-1"
"""Another Region than the target's: that of the ARN counts."""


class Aws:
    """Clients of one moto in one Region."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, service: str) -> Any:
        make: Any = boto3.client  # boto3-stubs would list every service here
        return make(service, endpoint_url=self.url, region_name=ELSEWHERE)

    def queue(self, name: str = "told") -> tuple[str, str]:
        """The URL and ARN of a new queue."""
        url = self("sqs").create_queue(QueueName=name)["QueueUrl"]
        reply = self("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, reply["Attributes"]["QueueArn"]

    def received(self, queue: str) -> list[Any]:
        """What arrived."""
        found = self("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with s3_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", server.url)
        yield Aws(server.url)


@pytest.fixture
def line(desired: Path, emulator: Emulator) -> tuple[str, ...]:
    """A command about files of whose one connection nothing is there."""
    return ("drift", str(desired), "--endpoint-url", emulator.url, "--history", "drift.db")


def test_a_topic_is_told(line: tuple[str, ...], aws: Aws, cli: Cli) -> None:
    topic = aws("sns").create_topic(Name="drift")["TopicArn"]
    url, arn = aws.queue()
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert [cli(*line, "--notify", topic).code for _ in range(2)] == [2, 2]
    (told,) = aws.received(url)
    assert told["Subject"] == "reconciler: drift, 111122223333 eu-west-1 platform"
    assert told["Message"].splitlines()[1:] == [
        "1 new, 0 gone, 0 still open.",
        "",
        "new: missing: connection/main is declared and not there",
    ]


def test_a_topic_that_keeps_the_order_is_told(line: tuple[str, ...], aws: Aws, cli: Cli) -> None:
    attributes = {"FifoTopic": "true"}
    topic = aws("sns").create_topic(Name="drift.fifo", Attributes=attributes)["TopicArn"]
    assert cli(*line, "--notify", topic).code == 2


def test_a_bus_is_told(line: tuple[str, ...], aws: Aws, cli: Cli) -> None:
    events = aws("events")
    bus = events.create_event_bus(Name="ours")["EventBusArn"]
    url, arn = aws.queue()
    pattern = json.dumps({"source": ["reconciler"], "detail-type": ["Drift Report"]})
    events.put_rule(Name="all", EventBusName="ours", EventPattern=pattern)
    events.put_targets(Rule="all", EventBusName="ours", Targets=[{"Id": "q", "Arn": arn}])
    assert cli(*line, "--notify", bus).code == 2
    (told,) = aws.received(url)
    assert told["region"] == ELSEWHERE
    assert (told["detail"]["kind"], told["detail"]["news"]["new"]) == ("drift", 1)
    assert "history" not in told["detail"]


@pytest.mark.parametrize("arn", ["sns:{}:111122223333:no", "events:{}:111122223333:event-bus/no"])
def test_what_aws_refuses_is_one_line(arn: str, line: tuple[str, ...], aws: Aws, cli: Cli) -> None:
    where = f"arn:aws:{arn.format(ELSEWHERE)}"
    failed = cli(*line, "--notify", where)
    first, _ = failed.err.splitlines()
    assert failed.code == 1
    assert first.startswith(f"Error: {where} could not be told: ")
    assert "missing" in failed.out


def test_what_is_too_much_is_cut_and_counted() -> None:
    long = "\u20ac" * 200
    many = [finding("missing", f"connection/{n}-{long}") for n in range(1000)]
    document = report(*many, owner="\u20ac" * 256)
    told = message(document, None, "")
    text = told.text(MESSAGE)
    assert len(text.encode()) <= MESSAGE
    left = int(text.splitlines()[-1].removeprefix("and ").removesuffix(" more"))
    assert text.count("new: missing") + left == 1000 > left > 0
    assert " more" not in message(report(many[0]), None, "").text(MESSAGE)
    subject = told.subject.encode("ascii", "replace").decode()[:SUBJECT]
    assert len(subject) == SUBJECT
    detailed = detail(told_document(document, None), 100_000)
    assert len(detailed.encode()) <= 100_000
    read = json.loads(detailed)
    assert len(read["findings"]) + read["left_out"] == 1000 > read["left_out"] > 0
    assert read["news"]["new"] == 1000
