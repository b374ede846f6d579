"""A webhook: the whole drift report, or why there is none, as JSON in one POST."""

from __future__ import annotations

from reconciler.cli.channels import Telling
from reconciler.cli.channels._http import check, name, post
from reconciler.render.json import line

__all__ = ["FORM", "check", "name", "send", "takes"]
FORM = "https://HOST/..."


def takes(where: str) -> bool:
    """Whether it is a URL."""
    return where.startswith(("https://", "http://"))


def send(where: str, telling: Telling) -> None:
    """Send the report."""
    post(where, line(telling.document))
