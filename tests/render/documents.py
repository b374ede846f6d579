"""Documents for the formats: of real plans and files, harmless or with every nasty text in them."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from reconciler.errors import SpecError
from reconciler.guards import Allow
from reconciler.reconcile import plan_for
from reconciler.report import plan_document
from reconciler.resource import Target
from reconciler.spec.document import load
from reconciler.spec.problems import problems_document
from tests.cli.hostile_service import HostileApi, declared
from tests.conftest import ACCOUNT, REGION


def plan_of(texts: list[str], *, prune: bool = True) -> dict[str, Any]:
    """A plan in which each text is everywhere: names, ids, tags, statuses, messages."""
    desired = load(["-"], stdin=io.BytesIO(declared(len(texts)).encode()))
    target, today = Target(ACCOUNT, REGION), date(2026, 1, 1)
    api, allow = HostileApi(texts), Allow()
    return dict(
        plan_document(plan_for(desired, api, target, today=today, allow=allow, prune=prune))
    )


def report_of(plan: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """A plan whose changes ended in every way, and each text as what the service said."""
    statuses = ("applied", "failed", "skipped", "deferred", "unknown")
    outcomes = [
        {
            "address": change["address"],
            "action": change["action"],
            "status": statuses[number % 5],
            "message": texts[number % len(texts)],
            "id": change["id"],
            "calls_made": 1,
        }
        for number, change in enumerate(plan["changes"])
    ]
    counts = {status: sum(o["status"] == status for o in outcomes) for status in statuses}
    more = {"kind": "report", "run": "r", "outcomes": outcomes, "outcome_summary": counts}
    return {**plan, "refusals": [], **more}


def problems_of(content: str) -> dict[str, Any]:
    """What is wrong with a file."""
    try:
        load(["-"], stdin=io.BytesIO(content.encode()))
    except SpecError as error:
        return dict(problems_document(error.problems))
    raise AssertionError("nothing is wrong")
