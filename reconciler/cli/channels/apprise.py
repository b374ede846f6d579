"""Whatever Apprise speaks to: mail, chats, pagers (https://github.com/caronc/apprise)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from reconciler.cli.channels import Telling
from reconciler.errors import ReconcilerError

FORM = "apprise:URL"
PREFIX = "apprise:"
MESSAGE = 32 * 1024
"""How many bytes are handed over; Apprise cuts them to what each service takes."""
BREAK = "\u200b"
"""Keeps an @ from being a mention, which has no width."""


def takes(where: str) -> bool:
    """Whether it says that it is Apprise's."""
    return where.startswith(PREFIX)


def name(where: str) -> str:
    """What may be shown of it: tokens may stand anywhere behind the scheme."""
    scheme, found, _ = where.removeprefix(PREFIX).partition("://")
    return f"{PREFIX}{scheme}://" if found and scheme.isalnum() else PREFIX


def check(where: str) -> None:
    """Raise `ReconcilerError` when Apprise is not installed or does not know the address."""
    if find_spec("apprise") is None:
        raise ReconcilerError("apprise:URL needs apprise: pip install 'reconciler[apprise]'")
    _opened(where)


def send(where: str, telling: Telling) -> None:
    """Send the message."""
    body = telling.message.text(MESSAGE).replace("@", f"@{BREAK}")
    subject = telling.message.subject.replace("@", f"@{BREAK}")
    with _quietly():
        sent = _opened(where).notify(body=body, title=subject, body_format="text")
    if not sent:
        raise ReconcilerError("Apprise could not deliver it")


def _opened(where: str) -> Any:
    with _quietly():
        import apprise

        found: Any = apprise.Apprise()
        known = found.add(where.removeprefix(PREFIX))
    if not known:
        raise ReconcilerError("Apprise does not know such a URL, or it is not complete")
    return found


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the words of libraries on stderr, which may hold addresses."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
