"""Which exit code a plan or a report amounts to, alone and when several hold."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from reconciler.cli.exits import PRECEDENCE, Exit, drift_code, exit_code, status_code
from reconciler.status import STATES
from tests.drifts import finding, report


def ended(status: str, calls_made: int) -> dict[str, Any]:
    """An outcome with what its exit code depends on."""
    return {"status": status, "calls_made": calls_made}


CLEAN: dict[str, Any] = {
    "changes": [],
    "findings": [],
    "refusals": [],
    "worklist": [],
    "coverage": {"complete": True, "unread": []},
    "outcomes": [],
}

# what makes a document amount to a code
CAUSES: dict[Exit, dict[str, Any]] = {
    Exit.UNKNOWN: {"outcomes": [ended("unknown", 0)]},
    Exit.PARTLY: {"outcomes": [ended("applied", 1), ended("failed", 0)]},
    Exit.ERROR: {"coverage": {"complete": False, "unread": [{}]}},
    Exit.REFUSED: {"refusals": [{}]},
    Exit.WAITING: {"worklist": [{}]},
    Exit.DIFFERENCES: {"changes": [{}]},
}


def with_causes(*codes: Exit) -> dict[str, Any]:
    """A document in which each of these codes holds."""
    document = dict(CLEAN)
    for code in codes:
        for member, value in CAUSES[code].items():
            document[member] = document[member] + value if member == "outcomes" else value
    return document


def test_the_numbers_are_promises() -> None:
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0,
        "ERROR": 1,
        "DIFFERENCES": 2,
        "PARTLY": 3,
        "UNKNOWN": 4,
        "REFUSED": 5,
        "STALE": 6,
        "WAITING": 7,
        "USAGE": 64,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }
    assert [code.value for code in PRECEDENCE] == [4, 130, 143, 3, 1, 6, 5, 7, 2]


def test_a_clean_document_is_done() -> None:
    assert exit_code(CLEAN, detailed=True) is Exit.DONE


@pytest.mark.parametrize("code", CAUSES)
def test_each_cause_has_its_code(code: Exit) -> None:
    assert exit_code(with_causes(code), detailed=True) is code


@pytest.mark.parametrize("pair", list(combinations(CAUSES, 2)))
def test_the_worse_of_two_is_told(pair: tuple[Exit, Exit]) -> None:
    worse = min(pair, key=PRECEDENCE.index)
    assert exit_code(with_causes(*pair), detailed=True) is worse
    assert exit_code(with_causes(*reversed(pair)), detailed=True) is worse


# a document, options, and its code
SPECIAL: list[tuple[dict[str, Any], dict[str, bool], Exit]] = [
    (with_causes(Exit.DIFFERENCES), {}, Exit.DONE),
    (with_causes(Exit.WAITING), {"allow_pending": True}, Exit.DONE),
    (
        with_causes(Exit.WAITING, Exit.DIFFERENCES),
        {"allow_pending": True, "detailed": True},
        Exit.DIFFERENCES,
    ),
    ({**CLEAN, "findings": [{"level": "error"}]}, {}, Exit.ERROR),
    ({**CLEAN, "findings": [{"level": "warning"}]}, {}, Exit.DONE),
    ({**CLEAN, "outcomes": [ended("applied", 1)]}, {}, Exit.DONE),
    ({**CLEAN, "outcomes": [ended("deferred", 0)]}, {}, Exit.WAITING),
    ({**CLEAN, "outcomes": [ended("deferred", 0)]}, {"allow_pending": True}, Exit.DONE),
    ({**CLEAN, "outcomes": [ended("failed", 0)]}, {}, Exit.ERROR),
    ({**CLEAN, "outcomes": [ended("failed", 1)]}, {}, Exit.PARTLY),
    ({**CLEAN, "outcomes": [ended("failed", 0), ended("skipped", 0)]}, {}, Exit.ERROR),
    ({**CLEAN, "outcomes": [ended("applied", 1), ended("skipped", 0)]}, {}, Exit.PARTLY),
]


@pytest.mark.parametrize(("document", "options", "code"), SPECIAL)
def test_special_cases(document: dict[str, Any], options: dict[str, bool], code: Exit) -> None:
    assert exit_code(document, **options) is code


STATED = {Exit.ERROR: "unread", Exit.WAITING: "waiting", Exit.DIFFERENCES: "failing"}
"""What makes a drift report and a status report amount to a code."""
FOUND = {Exit.ERROR: "not_checked", Exit.WAITING: "waiting", Exit.DIFFERENCES: "changed"}


def status_with(*codes: Exit) -> dict[str, Any]:
    states = {STATED[code] for code in codes}
    return {
        "findings": [],
        "coverage": {"complete": Exit.ERROR not in codes},
        "summary": {state: int(state in states) for state in STATES},
    }


@pytest.mark.parametrize("codes", [c for n in range(4) for c in combinations(STATED, n)], ids=str)
def test_drift_and_status_rank_like_plans(codes: tuple[Exit, ...]) -> None:
    worst = min(codes, key=PRECEDENCE.index, default=Exit.DONE)
    assert drift_code(report(*(finding(FOUND[code]) for code in codes))) is worst
    assert status_code(status_with(*codes), detailed=True) is worst
    plain = Exit.ERROR if Exit.ERROR in codes else Exit.DONE
    assert status_code(status_with(*codes)) is plain
