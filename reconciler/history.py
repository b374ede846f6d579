"""Remembers drift in a SQLite file: a drift report goes in, the same report with what earlier runs
saw comes out. It also keeps what each channel was told last, and what it keeps is never authority
for anything that is live.

Runs may share a file: each change of it is one transaction, and the next one waits. A run that
began earlier and ends later than another one takes nothing back that this one has seen.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.findings import (
    QUIET,
    DriftFindingForm,
    DriftForm,
    HistoryForm,
    Key,
    PastForm,
    RunForm,
    counts,
    key_of,
)
from reconciler.safe import safe

APPLICATION = 0x72636E63
"""Says in the file's header whose it is (https://sqlite.org/pragma.html#pragma_application_id)."""
FORMAT = 2
"""An older one did not know which files its looks were about."""
BUSY_SECONDS = 30.0
"""How long another run is waited for, which needs milliseconds."""
RUNS = 500
"""How many runs a report holds; a plot shows no more."""
OLDEST = 20
SCHEMA = """
CREATE TABLE scope (
    id INTEGER PRIMARY KEY, account TEXT, region TEXT, place TEXT, owner TEXT,
    files TEXT, base INTEGER, UNIQUE (account, region, place, owner, files, base)
);
CREATE TABLE run (
    id INTEGER PRIMARY KEY, scope INTEGER, time TEXT, complete INTEGER, counts TEXT
);
CREATE INDEX run_time ON run (scope, time);
CREATE TABLE finding (
    id INTEGER PRIMARY KEY, scope INTEGER, code TEXT, about TEXT, fields TEXT,
    first_seen TEXT, last_seen TEXT, times INTEGER, gone TEXT
);
CREATE INDEX finding_key ON finding (scope, code, about, fields);
CREATE INDEX finding_open ON finding (scope, gone);
CREATE TABLE told (
    scope INTEGER, channel TEXT, time TEXT, complete INTEGER, keys TEXT,
    PRIMARY KEY (scope, channel)
);
"""
DAMAGED = (
    sqlite3.Error,
    ArithmeticError,
    AttributeError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What comes up where somebody else wrote something into the file."""
PAST = "code, about, fields, first_seen, last_seen, times, gone"


@dataclass(frozen=True, slots=True)
class Scope:
    """What looks have to share so that their findings can be compared. `place` is the endpoint, in
    one spelling, or a local store; `files` are the paths of the files, and `base` whether they were
    held against what was applied, too."""

    account: str
    region: str
    place: str
    owner: str
    files: tuple[str, ...]
    base: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was told last."""

    time: datetime
    complete: bool
    keys: frozenset[Key]


def stamp(time: datetime) -> str:
    """A time in UTC, to the millisecond, so that sorting texts sorts times."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class History:
    """The history of one scope in a file; what is over for longer than `keep` is forgotten.

    Every method raises `ReconcilerError` when the file cannot be used.
    """

    path: Path
    scope: Scope
    keep: timedelta

    def recorded(self, document: DriftForm, since: str | None = None) -> DriftForm:
        """Write down what a run saw; gives its report with what the runs before it saw."""
        time, complete = document["created"], document["coverage"]["complete"]
        with self._changing() as (db, scope):
            keys = dict.fromkeys(map(key_of, document["findings"]))
            seen = {key: _see(db, scope, key, time) for key in keys}
            if complete:
                _close(db, scope, time)
            db.execute(
                "INSERT INTO run (scope, time, complete, counts) VALUES (?, ?, ?, ?)",
                (scope, time, complete, json.dumps(document["summary"])),
            )
            self._forget(db, scope, time)
            history: HistoryForm = {
                "runs": _runs(db, scope),
                "oldest": _oldest(db, scope, document),
                "gone": _past(db, "scope = ? AND gone = ? ORDER BY first_seen, id", scope, time),
                "since": since,
            }
        findings = [_with_past(finding, seen[key_of(finding)]) for finding in document["findings"]]
        return {**document, "findings": findings, "history": history}

    def told(self, channel: str) -> Told | None:
        """What a channel was told last; `channel` says which without giving its address away."""
        with self._changing() as (db, scope):
            row = db.execute(
                "SELECT time, complete, keys FROM told WHERE scope = ? AND channel = ?",
                (scope, channel),
            ).fetchone()
            if row is None:
                return None
            keys = frozenset(Key(str(c), str(a), tuple(map(str, f))) for c, a, f in _list(row[2]))
            time = datetime.fromisoformat(row[0]).astimezone(UTC)
            return Told(time, bool(row[1]), keys)

    def tell(self, channel: str, told: Told) -> None:
        """Remember what a channel was told."""
        with self._changing() as (db, scope):
            db.execute(
                "INSERT OR REPLACE INTO told (scope, channel, time, complete, keys) "
                "VALUES (?, ?, ?, ?, ?)",
                (scope, channel, stamp(told.time), told.complete, json.dumps(sorted(told.keys))),
            )

    def untell(self, channel: str) -> None:
        """Forget what a channel was told."""
        with self._changing() as (db, scope):
            db.execute("DELETE FROM told WHERE scope = ? AND channel = ?", (scope, channel))

    def _forget(self, db: sqlite3.Connection, scope: int, time: str) -> None:
        """Let go of runs and of findings that are over; what is open is always kept."""
        before = stamp(datetime.fromisoformat(time) - self.keep)
        db.execute("DELETE FROM run WHERE scope = ? AND time < ?", (scope, before))
        db.execute("DELETE FROM finding WHERE scope = ? AND gone < ?", (scope, before))

    @contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """The file in one transaction, which is undone when the block fails, and the scope's id."""
        try:
            self._make()
            file = os.path.abspath(self.path)
            opened = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
            with closing(opened) as db:
                db.execute("BEGIN IMMEDIATE")
                self._check(db)
                yield db, _scope(db, self.scope)
                db.execute("COMMIT")
        except OSError as error:
            raise self._unusable(f"{error.strerror}: check its folder and permissions") from error
        except sqlite3.OperationalError as error:
            text = f"{error}: check the disk, its folder and permissions"
            raise self._unusable(text) from error
        except DAMAGED as error:
            text = "it is no history of drift, or damaged: move it away, or name another file"
            raise self._unusable(text) from error

    def _make(self) -> None:
        """Make the file when there is none, for nobody else to read."""
        if self.path.exists() and not self.path.is_file():
            raise self._unusable("it is no file: name another one")
        with suppress(FileExistsError):
            file = os.path.realpath(self.path)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))

    def _check(self, db: sqlite3.Connection) -> None:
        """Make sure that the file is one of this program; an empty one becomes one."""
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (format_,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (application, format_, tables) == (0, 0, 0):
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {FORMAT}")
        elif application != APPLICATION:
            raise self._unusable("it is the database of another program: name another file")
        elif format_ > FORMAT:
            raise self._unusable("a newer program wrote it: use that one, or name another file")
        elif format_ < FORMAT:
            text = "an older program wrote it, without the files that it is about"
            raise self._unusable(f"{text}: move it away, or name another file")

    def _unusable(self, why: str) -> ReconcilerError:
        return ReconcilerError(f"the history {self.path} cannot be used: {why}")


def _scope(db: sqlite3.Connection, scope: Scope) -> int:
    """The id of a scope, which is made when it is new."""
    files = json.dumps(sorted({safe(file) for file in scope.files}))
    texts = map(safe, (scope.account, scope.region, scope.place, scope.owner))
    row = (*texts, files, scope.base)
    db.execute(
        "INSERT OR IGNORE INTO scope (account, region, place, owner, files, base) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    which = "(account, region, place, owner, files, base) = (?, ?, ?, ?, ?, ?)"
    return int(db.execute(f"SELECT id FROM scope WHERE {which}", row).fetchone()[0])  # noqa: S608  no text from outside


def _see(db: sqlite3.Connection, scope: int, key: Key, time: str) -> PastForm:
    """Write down that a finding was seen; one that is over comes again as a new one."""
    row = (scope, key.code, key.about, json.dumps(key.fields))
    which = "scope = ? AND code = ? AND about = ? AND fields = ? AND (gone IS NULL OR gone > ?)"
    found = db.execute(f"SELECT id FROM finding WHERE {which}", (*row, time)).fetchone()  # noqa: S608  no text from outside
    if found is None:
        made = db.execute(
            "INSERT INTO finding (scope, code, about, fields, first_seen, last_seen, times) "
            "VALUES (?, ?, ?, ?, ?, ?, 0)",
            (*row, time, time),
        )
        found = (made.lastrowid,)
    db.execute(
        "UPDATE finding SET times = times + 1, first_seen = min(first_seen, ?), "
        "last_seen = max(last_seen, ?) WHERE id = ?",
        (time, time, found[0]),
    )
    return _past(db, "id = ?", found[0])[0]


def _close(db: sqlite3.Connection, scope: int, time: str) -> None:
    """Mark what this run could have seen, and did not, as gone."""
    over = "UPDATE finding SET gone = ? WHERE scope = ? AND gone IS NULL AND last_seen < ?"
    db.execute(over, (time, scope, time))


def _runs(db: sqlite3.Connection, scope: int) -> list[RunForm]:
    """The runs, oldest first and the latest always among them."""
    (count,) = db.execute("SELECT count(*) FROM run WHERE scope = ?", (scope,)).fetchone()
    step = -(-count // RUNS) or 1
    rows = db.execute(
        "SELECT time, complete, counts FROM (SELECT *, row_number() OVER (ORDER BY time DESC, "
        "id DESC) AS place FROM run WHERE scope = ?) WHERE (place - 1) % ? = 0 ORDER BY place DESC",
        (scope, step),
    )
    return [
        {
            "time": stamp(datetime.fromisoformat(time)),
            "complete": bool(complete),
            "counts": {str(code): int(n) for code, n in json.loads(found).items()},
        }
        for time, complete, found in rows
    ]


def _oldest(db: sqlite3.Connection, scope: int, document: DriftForm) -> list[PastForm]:
    """What counts and is open longest; a run that could not see it does not end it."""
    found = {counting: set[str]() for counting in (True, False)}
    for finding in document["findings"]:
        found[counts(finding)].add(finding["code"])
    codes = found[False] | (QUIET - found[True])
    every = _past(db, "scope = ? AND gone IS NULL ORDER BY first_seen, id", scope)
    return [past for past in every if past["code"] not in codes][:OLDEST]


def _past(db: sqlite3.Connection, which: str, *values: object) -> list[PastForm]:
    """Findings as they are kept; what somebody else wrote into the file is checked."""
    rows = db.execute(f"SELECT {PAST} FROM finding WHERE {which}", values)  # noqa: S608  no text from outside
    return [
        {
            "code": str(code),
            "about": str(about),
            "fields": [str(path) for path in _list(fields)],
            "first_seen": stamp(datetime.fromisoformat(first)),
            "last_seen": stamp(datetime.fromisoformat(last)),
            "times": int(times),
            "gone": None if gone is None else stamp(datetime.fromisoformat(gone)),
        }
        for code, about, fields, first, last, times, gone in rows
    ]


def _list(text: str) -> list[Any]:
    if not isinstance(found := json.loads(text), list):
        raise TypeError(text)
    return found


def _with_past(finding: DriftFindingForm, past: PastForm) -> DriftFindingForm:
    return {**finding, "first_seen": past["first_seen"], "times": past["times"]}
