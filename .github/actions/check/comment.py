"""Keeps one comment on a pull request up to date. A file and what the runner says of itself go in;
a comment comes out, or a warning: what the check found does not hang on it.

The comment is found by its first line and by who wrote it. The line alone would not do: anybody
may write it, and the comment of somebody else can be changed by them at any time after the check.

Only the standard library is used, so that this runs before and without anything installed.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = 100
"""How many comments GitHub gives at a time
(https://docs.github.com/en/rest/issues/comments#list-issue-comments)."""
PAGES = 100
"""Where to stop asking, whatever the answers say."""
SECONDS = 30.0
NAME = re.compile(r"[A-Za-z0-9]+(?:[ ._/-][A-Za-z0-9]+)*")
"""A name that cannot end the HTML comment it stands in."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token would go along, to whatever host it names."""

    def redirect_request(self, *_: object) -> None:
        """No request; the redirect is then an error."""


class Repository:
    """The comments of one pull request."""

    def __init__(self, api: str, repository: str, number: int, token: str) -> None:
        self._issues = f"{api.rstrip('/')}/repos/{repository}/issues"
        self._comments = f"{self._issues}/{number}/comments"
        self._headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": "reconciler",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._opener = urllib.request.build_opener(_Stay)

    def comments(self) -> Iterator[Mapping[str, Any]]:
        """Every comment, oldest first, page by page."""
        for page in range(1, PAGES + 1):
            found = self._call("GET", f"{self._comments}?per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return

    def create(self, body: str) -> None:
        """Write a new comment."""
        self._call("POST", self._comments, body)

    def update(self, comment: int, body: str) -> None:
        """Write a comment anew."""
        self._call("PATCH", f"{self._issues}/comments/{comment}", body)

    def _call(self, method: str, url: str, body: str | None = None) -> Any:
        data = None if body is None else json.dumps({"body": body}).encode()
        request = urllib.request.Request(url, data, self._headers, method=method)
        with self._opener.open(request, timeout=SECONDS) as answer:
            return json.load(answer)


def put(repository: Repository, marker: str, author: str, text: str) -> None:
    """Write the text to the comment that begins with the marker and is the author's, or to a new
    one."""
    body = f"{marker}\n{text}"
    for comment in repository.comments():
        # The marker further down is somebody's text that is shown here, and no comment of ours.
        begins = str(comment["body"] or "").startswith(f"{marker}\n")
        # A deleted account is no author at all.
        if begins and (comment["user"] or {}).get("login") == author:
            repository.update(comment["id"], body)
            return
    repository.create(body)


def text_of(file: Path, environment: Mapping[str, str], commit: str) -> str:
    """What was found, and which commit and run it is about."""
    try:
        found = file.read_text(encoding="utf-8")
    except FileNotFoundError:  # else the last plan would go on standing there as if it were this
        found = "### There is no plan: the check ended before it could make one\n"
    server, repository = environment["GITHUB_SERVER_URL"], environment["GITHUB_REPOSITORY"]
    run = f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return f"{found}\nCommit {commit}, [log]({run})\n"


def warn(text: str) -> None:
    """Say it where people see it, and fail nothing."""
    print(f"::warning title=reconciler comment::the comment was not written: {text}")


def main(environment: Mapping[str, str]) -> None:
    """Read what the runner says, and write the comment if this is a pull request."""
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    pull_request = event.get("pull_request")
    if not pull_request:
        print("No comment: this is no pull request.")
        return
    name = environment["NAME"]
    if NAME.fullmatch(name) is None:
        warn("the name of a check is words of letters and digits, with one of ` ._/-` between them")
        return
    repository = Repository(
        environment["GITHUB_API_URL"],
        environment["GITHUB_REPOSITORY"],
        int(pull_request["number"]),
        environment["GITHUB_TOKEN"],
    )
    text = text_of(Path(environment["FILE"]), environment, str(pull_request["head"]["sha"]))
    try:
        put(repository, f"<!-- reconciler check: {name} -->", environment["AUTHOR"], text)
    except urllib.error.HTTPError as error:
        hint = ", as always for a pull request from a fork" if error.code == 403 else ""
        warn(f"GitHub answered {error.code}{hint}; the summary of this job says the same")
    except (OSError, ValueError, LookupError, TypeError) as error:
        # No answer, or one that is no list of comments; its words may be anybody's.
        warn(f"no answer of use ({type(error).__name__}); the summary of this job says the same")


if __name__ == "__main__":
    main(os.environ)
