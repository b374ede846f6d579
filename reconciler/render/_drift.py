"""What every format for people shows of a drift report: a document in, the findings to list and
words about them out."""

from __future__ import annotations

from typing import Any

from reconciler.render._words import Document
from reconciler.safe import safe


def listed(document: Document) -> tuple[list[Any], int]:
    """The findings to list, and how many older ones were not asked for."""
    since = document.get("history", {}).get("since")
    findings = document["findings"]
    new = [one for one in findings if not since or one.get("first_seen", since) >= since]
    return new, len(findings) - len(new)


def older(count: int, since: str) -> str:
    """That there are older findings."""
    many = count != 1
    told = f"{count} older finding{'s' * many} {'are' if many else 'is'} still open"
    return f"{told}, first seen before {day(since)}."


def day(time: str) -> str:
    """A time to the minute."""
    return safe(time[:16].replace("T", " ")) + "Z"


def seen(finding: Document) -> str:
    """Since when a finding is there, as far as a history knows."""
    if "first_seen" not in finding:
        return ""
    times = finding["times"]
    return f"first seen {day(finding['first_seen'])}, in {times} run{'s' * (times != 1)}"


def past(finding: Document) -> str:
    """A finding as the history knows it, in a few words."""
    paths = f" ({', '.join(map(safe, finding['fields']))})" if finding["fields"] else ""
    return f"{safe(finding['code'].replace('_', ' '))}: {safe(finding['about'])}{paths}"
