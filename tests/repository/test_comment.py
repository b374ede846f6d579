"""The script that keeps one comment up to date, as a process, against GitHub's endpoints on this
machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.repository.comments import BOT, TOKEN, Comments
from tests.repository.conftest import HEAD

SCRIPT = ROOT / ".github" / "actions" / "check" / "comment.py"
MARKER = "<!-- reconciler check: reconciler -->"
LISTED = "GET /repos/acme/infra/issues/7/comments?per_page=100&page="
FOOTER = f"\nCommit {HEAD}, [log](https://github.example.com/acme/infra/actions/runs/42)\n"


@pytest.fixture
def given(surroundings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What the step gives to the script."""
    file = tmp_path / "plan.md"
    file.write_text("### Plan: 1 to create.\n", encoding="utf-8")
    mine = {"AUTHOR": BOT, "FILE": str(file), "GITHUB_TOKEN": TOKEN, "NAME": "reconciler"}
    return {**surroundings, **mine}


def said(environment: dict[str, str]) -> str:
    """What the script prints; it never fails."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_there_is_one_comment_and_it_is_updated(
    given: dict[str, str], comments: Comments, tmp_path: Path
) -> None:
    assert said(given) == ""
    (comment,) = comments.every
    assert comment["body"] == f"{MARKER}\n### Plan: 1 to create.\n{FOOTER}"
    (tmp_path / "plan.md").write_text("### No changes.\n", encoding="utf-8")
    assert said(given) == ""
    assert comments.every == [comment]
    assert comment["body"] == f"{MARKER}\n### No changes.\n{FOOTER}"


def test_a_plan_that_could_not_be_made_does_not_leave_the_last_one_standing(
    given: dict[str, str], comments: Comments, tmp_path: Path
) -> None:
    said(given)
    (tmp_path / "plan.md").unlink()
    said(given)
    (comment,) = comments.every
    assert comment["body"].startswith(f"{MARKER}\n### There is no plan: ")


def test_it_is_found_on_a_later_page(given: dict[str, str], comments: Comments) -> None:
    for number in range(250):
        comments.add(f"Looks good to me {number}", "jo")
    mine = comments.add(f"{MARKER}\nold", BOT)
    said(given)
    assert comments.asked[:-1] == [f"{LISTED}{page}" for page in (1, 2, 3)]
    assert comments.asked[-1] == f"PATCH /repos/acme/infra/issues/comments/{mine['id']}"
    assert len(comments.every) == 251


def test_a_page_that_is_just_full_is_followed_by_a_look_at_the_next(
    given: dict[str, str], comments: Comments
) -> None:
    for number in range(100):
        comments.add(f"Looks good to me {number}", "jo")
    said(given)
    assert comments.asked[:2] == [f"{LISTED}1", f"{LISTED}2"]
    assert len(comments.every) == 101


@pytest.mark.parametrize(
    ("body", "login"),
    [
        (f"{MARKER}\nall is well", "mallory"),
        (f"{MARKER}\nall is well", None),
        (f"Somebody wrote:\n{MARKER}\nall is well", BOT),
        (f"{MARKER} all is well", BOT),
        ("<!-- reconciler check: other -->\nanother check", BOT),
        (None, BOT),
    ],
)
def test_a_comment_that_only_looks_like_it_is_left_alone(
    body: str | None, login: str | None, given: dict[str, str], comments: Comments
) -> None:
    theirs = comments.add(body, login)
    said(given)
    assert theirs["body"] == body
    assert len(comments.every) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_may_not_is_a_warning(
    method: str, given: dict[str, str], comments: Comments
) -> None:
    comments.refuse[method] = 403
    text = said(given)
    assert text.startswith("::warning title=reconciler comment::the comment was not written: ")
    assert "GitHub answered 403, as always for a pull request from a fork" in text
    assert text.count("\n") == 1, "nothing of the answer is repeated"
    assert comments.every == []


def test_a_server_that_is_gone_or_answers_nonsense_is_a_warning(
    given: dict[str, str], comments: Comments
) -> None:
    assert "URLError" in said({**given, "GITHUB_API_URL": "http://127.0.0.1:1"})
    comments.every.append({"message": "no comment at all"})
    assert "KeyError" in said(given)


def test_the_token_does_not_follow_a_redirect(given: dict[str, str], comments: Comments) -> None:
    comments.refuse["GET"], comments.location = 302, f"{comments.url}/elsewhere"
    assert "GitHub answered 302" in said(given)
    assert comments.asked == [f"{LISTED}1"]


def test_outside_of_a_pull_request_there_is_nothing_to_do(
    given: dict[str, str], comments: Comments, tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{}", encoding="utf-8")
    assert said(given) == "No comment: this is no pull request.\n"
    assert comments.asked == []


@pytest.mark.parametrize("name", ["", "a --> b", "a--b", "a\n", "-a", "<b>"])
def test_a_name_cannot_end_its_comment(
    name: str, given: dict[str, str], comments: Comments
) -> None:
    assert "::the comment was not written: the name" in said({**given, "NAME": name})
    assert comments.asked == []
