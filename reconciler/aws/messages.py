"""Sends messages through AWS: texts go in, to a topic of SNS or a bus of EventBridge, and nothing
comes out but an error.

A message may arrive twice: both services promise that it does at least once.
"""

from __future__ import annotations

import uuid

from botocore.exceptions import BotoCoreError, ClientError

from reconciler.aws.masking import one_line
from reconciler.aws.session import READ_SECONDS, Session
from reconciler.errors import TargetError

ATTEMPTS = 3
GROUP = "reconciler"
"""The order of messages is kept within a group, in topics that keep any."""


def publish(session: Session, topic: str, subject: str, text: str) -> None:
    """Publish to a topic of SNS, by its ARN. Raises `TargetError` when that fails."""
    more = {}
    if topic.endswith(".fifo"):
        more = {"MessageGroupId": GROUP, "MessageDeduplicationId": uuid.uuid4().hex}
    client = session.client("sns", attempts=ATTEMPTS, seconds=READ_SECONDS, region=region(topic))
    try:
        client.publish(TopicArn=topic, Subject=subject, Message=text, **more)
    except (ClientError, BotoCoreError) as error:
        raise TargetError(one_line(error)) from error


def put_event(session: Session, bus: str, source: str, detail_type: str, detail: str) -> None:
    """Put an event on a bus of EventBridge, by its ARN; `detail` is a JSON object. Raises
    `TargetError` when that fails."""
    client = session.client("events", attempts=ATTEMPTS, seconds=READ_SECONDS, region=region(bus))
    entry = {"Source": source, "DetailType": detail_type, "Detail": detail, "EventBusName": bus}
    try:
        reply = client.put_events(Entries=[entry])
    except (ClientError, BotoCoreError) as error:
        raise TargetError(one_line(error)) from error
    if reply.get("FailedEntryCount"):
        failed = (reply.get("Entries") or [{}])[0]
        text = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
        raise TargetError(" ".join(text.split()))


def region(arn: str) -> str:
    """The Region of what an ARN names."""
    return arn.split(":")[3]
