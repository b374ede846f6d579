"""An event bus of Amazon EventBridge: the drift report, or why there is none, as the
detail of an event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html has its limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.cli.channels import Telling
from reconciler.errors import ReconcilerError
from reconciler.render.json import line

FORM = "arn:aws:events:REGION:ACCOUNT:event-bus/NAME"
ACTION = "events:PutEvents"
ARN = re.compile(r"arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/[/.\w-]{1,256}")
SOURCE = "reconciler"
DETAIL_TYPES = {"drift": "Drift Report", "failure": "Drift Check Failed"}
MOST = 256 * 1024 - len(SOURCE) - max(map(len, DETAIL_TYPES.values())) - 14
"""How many bytes the detail may have; 14 are for the time."""


def takes(where: str) -> bool:
    """Whether it looks like an ARN of EventBridge."""
    return where.startswith("arn:") and ":events:" in where


def name(where: str) -> str:
    """The ARN is no secret."""
    return where


def check(where: str) -> None:
    """Raise `ReconcilerError` when it is no ARN of an event bus."""
    if not ARN.fullmatch(where):
        raise ReconcilerError(f"an event bus is written {FORM}")


def send(where: str, telling: Telling) -> None:
    """Put the event."""
    from reconciler.aws.messages import put_event

    if telling.session is None:
        raise ReconcilerError("there is no AWS session to send it with")
    detail_type = DETAIL_TYPES[telling.document["kind"]]
    put_event(telling.session, where, SOURCE, detail_type, detail(telling.document))


def detail(document: Mapping[str, Any], most: int = MOST) -> str:
    """The report in so many bytes at most, without its history; where findings do not fit,
    `left_out` counts them."""
    short = {name: value for name, value in document.items() if name != "history"}
    if len(text := line(short).encode()) <= most:
        return text.decode()
    coverage = {**document["coverage"], "unread": []}  # each of them is a finding, too
    room = most - len(line({**short, "coverage": coverage, "findings": [], "left_out": 10**9}))
    kept = []
    for finding in document["findings"]:
        room -= len(line(finding)) + 2
        if room < 0:
            break
        kept.append(finding)
    left = len(document["findings"]) - len(kept)
    return line({**short, "coverage": coverage, "findings": kept, "left_out": left})
