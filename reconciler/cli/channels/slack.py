"""Slack, or what takes the same payload, by an incoming webhook.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks says how it is sent, and
https://docs.slack.dev/messaging/formatting-message-text what Slack takes for markup: the three
signs that are escaped here begin every link, mention and special mention, and `verbatim` keeps it
from looking for others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from reconciler.cli.channels import Telling
from reconciler.cli.channels import _http as http
from reconciler.render._message import Item, Message

FORM = "slack:https://hooks.slack.com/..."
PREFIX = "slack:"
SECTION = 3_000
"""How many characters a section may have
(https://docs.slack.dev/reference/block-kit/blocks/section-block)."""
SECTIONS = 4
"""How many sections are sent, of the 50 that a message may have: Slack refuses one whose sections
have too many characters together, and nobody reads them."""
ROOM = SECTION - 100
"""What a section is filled with, so that there is room to say what was left out."""
LINE = 600
"""How many characters are shown of a line before it is escaped."""


def takes(where: str) -> bool:
    """Whether it says that it is Slack."""
    return where.startswith(PREFIX)


def name(where: str) -> str:
    """What may be shown of it."""
    return PREFIX + http.name(where.removeprefix(PREFIX))


def check(where: str) -> None:
    """Raise `ReconcilerError` when the address is wrong."""
    http.check(where.removeprefix(PREFIX))


def send(where: str, telling: Telling) -> None:
    """Send the message."""
    http.post(where.removeprefix(PREFIX), json.dumps(payload(telling.message)))


def payload(message: Message) -> dict[str, Any]:
    """The message as Slack takes it; `text` is what a notification shows."""
    head = f"*{escaped(message.subject)}*\n{escaped(message.result)}\n{escaped(message.news)}"
    return {
        "text": escaped(message.subject),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [_section(text) for text in (head, *_sections(message.items))],
    }


def escaped(text: str) -> str:
    """A text in which nothing is a link or a mention."""
    text = text if len(text) <= LINE else f"{text[: LINE - 1]}…"
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    return text


def _sections(items: tuple[Item, ...]) -> Iterator[str]:
    """The items in so many sections at most, and how many there was no room for."""
    text, sections = "", 0
    for number, item in enumerate(items):
        block = _block(item)
        if text and len(text) + len(block) > ROOM:
            sections += 1
            if sections == SECTIONS:
                yield f"{text}and {len(items) - number} more"
                return
            yield text
            text = ""
        text += block
    if text:
        yield text


def _block(item: Item) -> str:
    """One item, in as much as fits into a section."""
    lines = [escaped(line) for line in item.lines]
    link = f"<{item.link}|Open the console>\n" if item.link else ""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) + len(link) > ROOM - 50:
            kept.append(f"    and {len(lines) - len(kept)} more lines")
            break
        kept.append(line)
    return "".join(f"{line}\n" for line in kept) + link


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
