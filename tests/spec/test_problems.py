"""Problems as lines and as data."""

from __future__ import annotations

import re

from reconciler.spec.problems import CODES, Problem, shown


def test_a_problem_is_one_line() -> None:
    problem = Problem("a.yaml", 3, 5, "E015", "key `x` is written twice", "keep one")
    assert str(problem) == "a.yaml:3:5: E015 key `x` is written twice (keep one)"
    assert str(Problem("a\nb\x1b.yaml", 0, 0, "E001", "m")) == "a\\nb\\x1b.yaml:0:0: E001 m"


def test_a_problem_is_data() -> None:
    assert Problem("a.yaml", 3, 5, "E015", "m", "h").as_json() == {
        "file": "a.yaml",
        "line": 3,
        "column": 5,
        "code": "E015",
        "message": "m",
        "hint": "h",
    }


def test_problems_sort_by_place() -> None:
    places = [("b", 1, 1), ("a", 10, 1), ("a", 2, 9), ("a", 2, 10)]
    ordered = sorted(Problem(*place, "E001", "m") for place in places)
    assert [(one.file, one.line, one.column) for one in ordered] == [
        ("a", 2, 9),
        ("a", 2, 10),
        ("a", 10, 1),
        ("b", 1, 1),
    ]


def test_shown_text_cannot_leave_its_place() -> None:
    assert shown("a\u202e\x1b[31m\n\ud800") == "`a\\u202e\\x1b[31m\\n\\ud800`"
    assert shown("x" * 60) == f"`{'x' * 60}`"
    assert shown("x" * 61) == f"`{'x' * 57}...`"


def test_codes_are_sorted_and_well_formed() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(re.fullmatch(r"E0\d\d", code) and title for code, title in CODES.items())
