"""A journal that has grown is put away, and the next run still knows what it has to."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from reconciler.errors import ApiError
from reconciler.journal import Journal, history
from reconciler.resource import Address, Call
from tests.conftest import Cli
from tests.test_journal import MAIN

CREATE = Call("CreateConnection", {"ConnectionName": "main"})


def sent(journal: Journal, name: str, error: BaseException | None = None) -> None:
    try:
        with journal.sending(Address("connection", name), CREATE):
            if error is not None:
                raise error
    except (ApiError, TimeoutError):
        pass


@pytest.fixture
def grown(tmp_path: Path) -> Journal:
    """Three calls of an hour ago, one of them pending, and one of now."""
    journal = Journal(tmp_path / "state" / "a.jsonl", {"who": "me"})
    assert journal.path is not None
    sent(journal, "old")
    sent(journal, "lost", TimeoutError())
    sent(journal, "refused", ApiError("CreateConnection", "No", "no"))
    text = journal.path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    before = "".join(json.dumps({**line, "time": "2026-01-01T00:00:00Z"}) + "\n" for line in lines)
    journal.path.write_text(before, encoding="utf-8")
    sent(journal, "new")
    return journal


def names(path: Path | None) -> list[str]:
    assert path is not None
    return [one.line.address.partition("/")[2] for one in history(path)]


def test_what_is_pending_or_recent_stays_and_the_rest_is_beside_it(grown: Journal) -> None:
    old = grown.put_away(60.0, most=0)
    assert names(grown.path) == ["lost", "new"]
    assert [one.is_pending for one in grown.history()] == [True, False]
    assert names(old) == ["old", "lost", "refused", "new"]
    for path in (grown.path, old):
        assert path is not None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert grown.path is not None
    assert [path.suffix for path in grown.path.parent.iterdir()] == [".jsonl", ".jsonl"]


def test_a_small_one_is_left_alone(grown: Journal) -> None:
    assert grown.path is not None
    before = grown.path.read_bytes()
    assert grown.put_away(60.0) is None
    assert grown.path.read_bytes() == before
    assert Journal().put_away(60.0, most=0) is None


def test_a_line_that_was_cut_short_is_not_taken_along(grown: Journal) -> None:
    assert grown.path is not None
    with grown.path.open("a", encoding="utf-8") as file:
        file.write('{"format": 1, "event": "se')
    grown.put_away(60.0, most=0)
    sent(grown, "next")
    assert names(grown.path) == ["lost", "new", "next"]


def test_one_that_cannot_be_put_away_goes_on(
    grown: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refused)
    assert grown.path is not None
    before = names(grown.path)
    assert grown.put_away(60.0, most=0) is None
    assert names(grown.path) == before


def test_each_call_is_shown_once_with_what_is_known_now(grown: Journal, cli: Cli) -> None:
    grown.put_away(60.0, most=0)
    (lost,) = (one for one in grown.history() if one.is_pending)
    grown.resolve(lost.line.id, "it is there")
    assert grown.path is not None
    found = cli("journal", "--journal", grown.path.parent, "--format", "json").out.splitlines()
    outcomes = {json.loads(line)["address"]: json.loads(line)["outcome"] for line in found}
    assert len(found) == 4
    assert outcomes["connection/lost"] == "resolved"


def test_a_run_that_is_alone_puts_it_away(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.journal.MOST_BYTES", 10)
    file = tmp_path / "a.yaml"
    text = "version: 1\nowner: o\nconnections: [{name: main, provider_type: GitHub}]\n"
    file.write_text(text, encoding="utf-8")
    line = ("apply", "--local", "--local-handshake", "manual", "--yes", "--journal", "kept", file)
    assert cli(*line).code == 7
    file.write_text(text.replace("GitHub}", "GitHub, tags: {a: b}}"), encoding="utf-8")
    assert cli(*line).code == 7
    assert len(list(Path("kept").glob("*.jsonl"))) == 2
    assert str(MAIN) in cli("journal", "--journal", "kept").out
