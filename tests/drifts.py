"""Drift reports as `drift` makes them, for what remembers, shows and tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from reconciler.findings import CLASSES, DriftForm
from reconciler.history import stamp
from tests.conftest import ACCOUNT, REGION

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
INFO = ("ignored", "pending", "unmanaged")


def field(path: str, before: Any = "live", after: Any = "declared") -> dict[str, Any]:
    return {"path": path, "before": before, "after": after, "forces_replacement": False}


def finding(code: str, address: str | None = "connection/main", **members: Any) -> dict[str, Any]:
    """A finding of a class; `members` are what is not usual about it."""
    level = "info" if code in INFO else "error" if code == "not_checked" else "warning"
    return {
        "level": level,
        "code": code,
        "address": address,
        "id": None,
        "message": "is declared and not there" if address else "hosts: could not be read: no",
        "fields": [],
        "reason": None,
        "until": None,
        "link": None,
        "source": None,
        **members,
    }


def report(
    *findings: dict[str, Any], at: float = 0.0, complete: bool = True, owner: str = "platform"
) -> DriftForm:
    """A report of so many hours after noon."""
    document = {
        "format_version": "1.0",
        "kind": "drift",
        "created": stamp(NOON + timedelta(hours=at)),
        "target": {"account": ACCOUNT, "region": REGION, "endpoint": "https://x"},
        "owner": owner,
        "base": None,
        "checked": 3,
        "findings": list(findings),
        "coverage": {"complete": complete, "unread": []},
        "summary": _counted(findings),
    }
    return cast("DriftForm", document)


def _counted(findings: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {code: sum(one["code"] == code for one in findings) for code in CLASSES}
