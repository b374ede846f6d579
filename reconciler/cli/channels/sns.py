"""A topic of Amazon SNS.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html has its limits.
"""

from __future__ import annotations

import re

from reconciler.cli.channels import Telling
from reconciler.errors import ReconcilerError

FORM = "arn:aws:sns:REGION:ACCOUNT:TOPIC"
ACTION = "sns:Publish"
ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?")
SUBJECT = 100
"""How many characters of ASCII a subject may have, without line ends."""
MESSAGE = 256 * 1024
"""How many bytes a message may have."""


def takes(where: str) -> bool:
    """Whether it looks like an ARN of SNS."""
    return where.startswith("arn:") and ":sns:" in where


def name(where: str) -> str:
    """The ARN is no secret."""
    return where


def check(where: str) -> None:
    """Raise `ReconcilerError` when it is no ARN of a topic."""
    if not ARN.fullmatch(where):
        raise ReconcilerError(f"a topic of SNS is written {FORM}")


def send(where: str, telling: Telling) -> None:
    """Publish the message."""
    from reconciler.aws.messages import publish

    if telling.session is None:
        raise ReconcilerError("there is no AWS session to send it with")
    subject = telling.message.subject.encode("ascii", "replace").decode()[:SUBJECT]
    publish(telling.session, where, subject, telling.message.text(MESSAGE))
