"""The history of drift: what was seen when, by whom, and what the file does when it is no such."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler import history as module
from reconciler.errors import ReconcilerError
from reconciler.findings import DriftForm, Key
from reconciler.history import FORMAT, RUNS, History, Scope, Told, stamp
from tests.conftest import ACCOUNT, REGION, ROOT
from tests.drifts import NOON, field, finding, report
from tests.nasty import EVERYTHING

PLATFORM = Scope(ACCOUNT, REGION, "aws", "platform", ("/infra",), base=False)
FILE = Path("drift.db")
MISSING = finding("missing", "connection/a")
ORPHAN = finding("orphan", "connection/b")


def history(scope: Scope = PLATFORM, keep: float = 365.0) -> History:
    return History(FILE, scope, timedelta(days=keep))


def known(document: DriftForm) -> list[tuple[str | None, str, int]]:
    """Of each finding the address, when it was seen first, and how often."""
    return [(f["address"], f["first_seen"], f["times"]) for f in document["findings"]]


def at(hours: float) -> str:
    return stamp(NOON + timedelta(hours=hours))


def test_what_is_seen_again_is_the_same() -> None:
    history().recorded(report(MISSING))
    again = history().recorded(report(MISSING, ORPHAN, at=1))
    assert known(again) == [("connection/a", at(0), 2), ("connection/b", at(1), 1)]
    assert [run["time"] for run in again["history"]["runs"]] == [at(0), at(1)]
    assert again["history"]["runs"][1]["counts"]["orphan"] == 1
    assert [past["about"] for past in again["history"]["oldest"]] == [
        "connection/a",
        "connection/b",
    ]


def test_another_blocker_is_another_finding() -> None:
    first, second = (
        {**finding("sync_blocked", "sync_configuration/a"), "id": id_} for id_ in ("one", "two")
    )
    history().recorded(report(first))
    again = history().recorded(report(second, at=1))
    assert known(again) == [("sync_configuration/a", at(1), 1)]
    assert [past["fields"] for past in again["history"]["gone"]] == [["one"]]


def test_what_was_over_comes_back_as_new() -> None:
    history().recorded(report(MISSING))
    (gone,) = history().recorded(report(at=1))["history"]["gone"]
    assert (gone["about"], gone["first_seen"], gone["gone"]) == ("connection/a", at(0), at(1))
    assert history().recorded(report(at=2))["history"]["gone"] == []
    assert known(history().recorded(report(MISSING, at=3))) == [("connection/a", at(3), 1)]


def test_a_run_that_saw_not_all_ends_nothing() -> None:
    history().recorded(report(MISSING))
    unread = finding("not_checked", None)
    partly = history().recorded(report(unread, at=1, complete=False))["history"]
    assert partly["gone"] == []
    assert {past["about"] for past in partly["oldest"]} == {"connection/a", "hosts"}
    assert known(history().recorded(report(MISSING, at=2)))[0] == ("connection/a", at(0), 2)


def test_twins_are_one_finding_seen_once() -> None:
    document = history().recorded(report(MISSING, {**MISSING, "id": "other"}))
    assert known(document) == [("connection/a", at(0), 1)] * 2


def test_why_something_is_not_read_does_not_make_it_another_finding() -> None:
    first = finding("not_checked", None, message="hosts: could not be read: request 1")
    second = finding("not_checked", None, message="hosts: could not be read: request 2")
    other = finding("not_checked", None, message="connections: could not be read: request 2")
    history().recorded(report(first, complete=False))
    again = history().recorded(report(second, other, at=1, complete=False))
    assert [f["times"] for f in again["findings"]] == [2, 1]


@pytest.mark.parametrize("code", ["changed", "pending", "ignored"])
def test_other_fields_are_another_finding_and_other_values_are_not(code: str) -> None:
    history().recorded(report(finding(code, fields=[field("tags.a"), field("tags.b")])))
    same = finding(code, fields=[field("tags.b", "x"), field("tags.a", "y")])
    assert known(history().recorded(report(same, at=1)))[0][2] == 2
    other = finding(code, fields=[field("tags.a")])
    assert known(history().recorded(report(other, at=2)))[0][2] == 1


OTHERS: dict[str, Any] = {
    **dict.fromkeys(("account", "region", "place", "owner"), "other"),
    "files": ("/infra", "/more"),
    "base": True,
}


@pytest.mark.parametrize("member", OTHERS)
def test_what_cannot_be_compared_shares_a_file_and_no_findings(member: str) -> None:
    other = history(replace(PLATFORM, **{member: OTHERS[member]}))
    history().recorded(report(MISSING))
    assert other.recorded(report(at=1))["history"]["gone"] == []
    assert len(other.recorded(report(at=2))["history"]["runs"]) == 2
    assert known(history().recorded(report(MISSING, at=3)))[0][2] == 2


def test_the_order_of_files_makes_no_difference() -> None:
    history(replace(PLATFORM, files=("/a", "/b"))).recorded(report(MISSING))
    again = history(replace(PLATFORM, files=("/b", "/a", "/a"))).recorded(report(MISSING, at=1))
    assert known(again)[0][2] == 2


def test_a_run_that_ends_late_takes_nothing_back() -> None:
    """It began before another one, which has written down already what it saw."""
    history().recorded(report(MISSING, at=0))
    history().recorded(report(ORPHAN, at=2))
    late = history().recorded(report(MISSING, at=1))
    assert known(late) == [("connection/a", at(0), 2)]
    last = history().recorded(report(ORPHAN, at=3))
    assert known(last) == [("connection/b", at(2), 2)]
    assert last["history"]["gone"] == []


def test_what_is_old_is_forgotten_and_what_is_open_never() -> None:
    history(keep=1).recorded(report(MISSING, ORPHAN))
    history(keep=1).recorded(report(MISSING, at=1))
    last = history(keep=1).recorded(report(MISSING, at=26))
    assert [run["time"] for run in last["history"]["runs"]] == [at(26)]
    assert known(last) == [("connection/a", at(0), 3)]
    with closing(sqlite3.connect(FILE)) as db:
        assert db.execute("SELECT about FROM finding").fetchall() == [("connection/a",)]


def test_each_keeps_its_own_for_as_long_as_it_says() -> None:
    other = History(FILE, replace(PLATFORM, owner="other"), timedelta(hours=1))
    history().recorded(report(MISSING))
    history().recorded(report(at=1))
    other.recorded(report(at=100))
    assert len(history().recorded(report(at=101))["history"]["runs"]) == 3
    with closing(sqlite3.connect(FILE)) as db:
        assert db.execute("SELECT about FROM finding").fetchall() == [("connection/a",)]


def test_many_runs_are_thinned_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUNS", 10)
    for hour in range(25):
        document = history().recorded(report(at=hour))
    times = [run["time"] for run in document["history"]["runs"]]
    assert times == [at(hour) for hour in range(0, 25, 3)]
    assert RUNS >= 100


def test_the_oldest_are_those_that_count() -> None:
    counting = finding("unmanaged", "connection/u", level="warning")
    document = history().recorded(report(counting, finding("ignored"), finding("pending")))
    assert [past["code"] for past in document["history"]["oldest"]] == ["unmanaged"]


def test_every_text_is_kept() -> None:
    """Halves of surrogate pairs and all; nothing hostile lies in the file."""
    findings = [
        finding("changed", f"connection/{text}", fields=[field(f"tags.{text}")])
        for text in EVERYTHING
    ]
    history().recorded(report(*findings, owner="\ud800"))
    again = history().recorded(report(*findings, at=1, owner="\ud800"))
    assert {one["times"] for one in again["findings"]} == {2}
    assert b"\x1b[" not in FILE.read_bytes()


def test_what_a_channel_was_told_is_remembered() -> None:
    assert history().told("one") is None
    told = Told(NOON, False, frozenset({Key("changed", "connection/a", ("tags.a",))}))
    history().tell("one", told)
    assert history().told("one") == told
    assert history().told("two") is None
    later = Told(NOON + timedelta(hours=1), True, frozenset())
    history().tell("one", later)
    assert history().told("one") == later


def test_the_file_is_for_its_owner_alone() -> None:
    history().recorded(report())
    assert FILE.stat().st_mode & 0o777 == 0o600


def refused(file: Path = FILE) -> str:
    with pytest.raises(ReconcilerError) as caught:
        History(file, PLATFORM, timedelta(days=1)).recorded(report(MISSING))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"the history {file} cannot be used: ")
    return text


def test_a_link_leads_to_a_file_for_its_owner_alone() -> None:
    FILE.symlink_to("elsewhere.db")
    history().recorded(report())
    assert Path("elsewhere.db").stat().st_mode & 0o777 == 0o600


def test_what_is_no_history_is_left_alone() -> None:
    FILE.write_text("owner: platform\n" * 100, encoding="utf-8")
    before = FILE.read_bytes()
    assert "no history of drift, or damaged: move it away" in refused()
    assert FILE.read_bytes() == before
    other = Path("other.db")
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE run (id)")
    before = other.read_bytes()
    assert "the database of another program" in refused(other)
    assert other.read_bytes() == before
    os.mkfifo("pipe")
    assert "it is no file" in refused(Path("pipe"))
    assert "it is no file" in refused(Path.cwd())
    assert "No such file or directory" in refused(Path("nowhere/drift.db"))


def test_an_empty_file_becomes_one() -> None:
    FILE.touch()
    assert history().recorded(report(MISSING))["findings"][0]["times"] == 1


def test_a_newer_one_is_left_alone() -> None:
    history().recorded(report())
    with closing(sqlite3.connect(FILE)) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    before = FILE.read_bytes()
    assert "a newer program wrote it" in refused()
    assert FILE.read_bytes() == before


def test_an_older_one_is_left_alone() -> None:
    """It does not say which files it is about, so that nothing can be held against it."""
    history().recorded(report())
    with closing(sqlite3.connect(FILE)) as db:
        db.execute("PRAGMA user_version = 1")
    before = FILE.read_bytes()
    assert "an older program wrote it" in refused()
    assert "move it away, or name another file" in refused()
    assert FILE.read_bytes() == before


def test_what_a_channel_was_told_can_be_forgotten() -> None:
    told = Told(NOON, False, frozenset())
    history().tell("one", told)
    history().tell("two", told)
    history().untell("one")
    assert (history().told("one"), history().told("two")) == (None, told)
    history().untell("one")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_one_that_may_not_be_written() -> None:
    history().recorded(report())
    FILE.chmod(0o400)
    assert "check" in refused()


def test_a_damaged_page_is_an_error_or_does_no_harm() -> None:
    for hour in range(30):
        history().recorded(report(MISSING, ORPHAN, at=hour))
    whole = FILE.read_bytes()
    for start in range(0, len(whole), 4096):
        FILE.write_bytes(whole[:start] + b"\xa5" * 4096 + whole[start + 4096 :])
        try:
            document = history().recorded(report(MISSING, at=99))
        except ReconcilerError:
            pass  # whatever SQLite says of it, it is told in one line
        else:
            assert document["findings"][0]["code"] == "missing"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE finding SET gone = 'soon'",
        "UPDATE finding SET last_seen = 'soon'",
        "UPDATE run SET counts = '[]'",
        "UPDATE run SET counts = x'ff'",
        "UPDATE run SET time = NULL",
    ],
)
def test_what_somebody_wrote_into_it_is_not_believed(change: str) -> None:
    history().recorded(report(MISSING))
    with closing(sqlite3.connect(FILE)) as db:
        db.execute(change)
        db.commit()
    assert "damaged" in refused()


@pytest.mark.parametrize("keys", ["[[]]", "{}", "[" * 100_000])
def test_what_somebody_wrote_about_a_channel_is_not_believed(keys: str) -> None:
    history().tell("x", Told(NOON, True, frozenset()))
    with closing(sqlite3.connect(FILE)) as db:
        db.execute("UPDATE told SET time = '2026-01-01T00:00:00'")
        db.commit()
        told = history().told("x")
        assert told is not None
        assert told.time < NOON
        db.execute("UPDATE told SET keys = ?", (keys,))
        db.commit()
    with pytest.raises(ReconcilerError, match="damaged"):
        history().told("x")


RUN = """
import sys
from datetime import timedelta
from reconciler.history import History, Scope
from tests.drifts import finding, report
from tests.test_history import FILE, PLATFORM
name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for n in range(first, first + count):
    each = [finding("missing", "connection/shared"), finding("missing", f"connection/{name}")]
    History(FILE, PLATFORM, timedelta(days=365)).recorded(report(*each, at=1 + n / 1000))
"""


def process(name: str, first: int, count: int, limit: int = 0) -> subprocess.Popen[str]:
    """Another run, which writes so many times; `limit` is the largest file it may make, in KiB."""
    command = [sys.executable, "-c", RUN, name, str(first), str(count)]
    if limit:
        command = ["bash", "-c", 'trap "" XFSZ; ulimit -f "$0"; exec "$@"', str(limit), *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_runs_at_the_same_time_lose_nothing() -> None:
    count = 40
    runs = [process(name, 0, count) for name in ("a", "b", "c")]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [("", 0)] * 3
    with closing(sqlite3.connect(FILE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM run").fetchone() == (3 * count,)
        which = "SELECT sum(times) FROM finding WHERE about = 'connection/shared'"
        assert db.execute(which).fetchone() == (3 * count,)


def test_a_full_disk_undoes_the_run_and_leaves_the_rest() -> None:
    history().recorded(report(MISSING))
    full = process("a", 0, 2000, limit=60)
    _, told = full.communicate()
    assert full.returncode == 1
    assert "cannot be used" in told.splitlines()[-1]
    with closing(sqlite3.connect(FILE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert history().recorded(report(MISSING, at=9))["findings"][0]["times"] >= 1


def test_a_killed_run_leaves_the_file_whole() -> None:
    for _ in range(3):
        running = process("a", 0, 2000)
        while not (FILE.exists() and FILE.stat().st_size):
            assert running.poll() is None
        running.kill()
        running.communicate()
        with closing(sqlite3.connect(FILE)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert history().recorded(report(MISSING, at=9))


def test_the_forms_have_no_more_members_than_the_documents() -> None:
    document: dict[str, Any] = dict(history().recorded(report(MISSING)))
    assert set(document) <= set(DriftForm.__annotations__)
