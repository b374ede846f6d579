"""What the tests of a repository's checks share: GitHub's comments, and what its runner says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.comments import TOKEN, Comments, serving

HEAD = "5ca1ab1e" * 5


@pytest.fixture
def comments() -> Iterator[Comments]:
    """A pull request without comments."""
    with serving() as running:
        yield running


@pytest.fixture
def surroundings(comments: Comments, tmp_path: Path) -> dict[str, str]:
    """The environment of a step in a run for pull request 7, without any of this machine's own."""
    event = tmp_path / "event.json"
    about = {"number": 7, "head": {"sha": HEAD}}
    event.write_text(json.dumps({"pull_request": about}), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return {
        **kept,
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": comments.url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/infra",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SERVER_URL": "https://github.example.com",
        "HOME": str(tmp_path),
        "RECONCILER_SETTLE": "0.2",
    }


@pytest.fixture
def github() -> dict[str, object]:
    """The context of that name."""
    return {"token": TOKEN, "event_name": "pull_request", "run_id": "42", "run_attempt": "1"}
