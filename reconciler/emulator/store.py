"""The only place where state lives: a SQLite file (or memory) in, transactions out."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_VERSION = 5
_APPLICATION = 0x5243_4E43  # tells our files from any other SQLite database
_BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
CREATE TABLE hosts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE, name TEXT NOT NULL, provider_type TEXT NOT NULL,
    endpoint TEXT NOT NULL, vpc TEXT, created_at REAL NOT NULL,
    initialized_at REAL NOT NULL, approved_at REAL, failure TEXT, gone_at REAL
) STRICT;
CREATE TABLE connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE, name TEXT NOT NULL, provider_type TEXT NOT NULL, host_arn TEXT,
    endpoint TEXT, created_at REAL NOT NULL, approved_at REAL, failure TEXT
) STRICT;
CREATE TABLE repository_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE, link_id TEXT NOT NULL UNIQUE, connection_arn TEXT NOT NULL,
    provider_type TEXT NOT NULL, owner_id TEXT NOT NULL, repository_name TEXT NOT NULL,
    encryption_key_arn TEXT, created_at REAL NOT NULL,
    UNIQUE (account, region, provider_type, owner_id, repository_name)
) STRICT;
CREATE TABLE sync_configurations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
    sync_type TEXT NOT NULL, resource_name TEXT NOT NULL, link_id TEXT NOT NULL,
    branch TEXT NOT NULL, config_file TEXT NOT NULL, role_arn TEXT NOT NULL,
    created_at REAL NOT NULL, publish_deployment_status TEXT,
    trigger_resource_update_on TEXT, pull_request_comment TEXT,
    UNIQUE (account, region, sync_type, resource_name)
) STRICT;
CREATE INDEX sync_configurations_of_link ON sync_configurations (link_id, branch);
CREATE TABLE repository_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, link_id TEXT NOT NULL, branch TEXT NOT NULL,
    sync_type TEXT NOT NULL, attempt TEXT NOT NULL
) STRICT;
CREATE TABLE resource_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sync_id INTEGER NOT NULL, status TEXT NOT NULL,
    attempt TEXT NOT NULL
) STRICT;
CREATE TABLE blockers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sync_id INTEGER NOT NULL, blocker_id TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL, created_at REAL NOT NULL, contexts TEXT NOT NULL,
    resolved_reason TEXT, resolved_at REAL
) STRICT;
CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (arn, key)
) STRICT;
CREATE TABLE once_tagged (arn TEXT PRIMARY KEY) STRICT;
CREATE TABLE faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, operation TEXT NOT NULL,
    account TEXT NOT NULL, region TEXT NOT NULL,
    after INTEGER NOT NULL, count INTEGER NOT NULL, every INTEGER NOT NULL, seconds REAL NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, service TEXT NOT NULL,
    operation TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, parameters TEXT NOT NULL,
    mutating INTEGER NOT NULL, agent TEXT NOT NULL, error TEXT
) STRICT;
"""

TABLES = (
    "hosts",
    "connections",
    "repository_links",
    "sync_configurations",
    "repository_attempts",
    "resource_attempts",
    "blockers",
    "tags",
    "once_tagged",
    "faults",
    "requests",
)
"""Every table, for whoever empties the store."""


class StoreError(ValueError):
    """The file is not a store of this version, or cannot be opened."""


class Store:
    """One SQLite connection under a lock; several processes may open the same file."""

    def __init__(self, path: Path | None) -> None:
        """Opens or creates the file; its folder is made. StoreError when it cannot be used."""
        self._lock = threading.Lock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            # Transactions are opened by hand, and the lock is what makes threads take turns.
            self._rows = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from error
        self._rows.row_factory = sqlite3.Row
        try:
            self._prepare()
        except (sqlite3.Error, StoreError) as error:
            self._rows.close()
            raise StoreError(f"{path}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens at once or, on an exception, not at all."""
        with self._lock:
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield self._rows
                self._rows.execute("COMMIT")
            except BaseException:
                if self._rows.in_transaction:  # a failed COMMIT may have ended it
                    self._rows.execute("ROLLBACK")
                raise

    @property
    def id(self) -> str:
        """Another one for each store, also for one in the place of another that was deleted."""
        with self.transaction() as rows:
            return str(rows.execute("SELECT id FROM identity").fetchone()["id"])

    def close(self) -> None:
        """Waits for the running transaction and lets go of the file."""
        with self._lock:
            self._rows.close()

    def _write_ahead(self, deadline: float) -> None:
        """Readers and a writer at a time. SQLite does not wait for others where it cannot switch
        to that at once."""
        while True:
            try:
                self._rows.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _prepare(self) -> None:
        with self.transaction() as rows:
            application = rows.execute("PRAGMA application_id").fetchone()[0]
            version = rows.execute("PRAGMA user_version").fetchone()[0]
            if rows.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    rows.execute(statement)
                rows.execute("INSERT INTO identity VALUES (?)", (uuid.uuid4().hex,))
                rows.execute(f"PRAGMA application_id = {_APPLICATION}")
                rows.execute(f"PRAGMA user_version = {_VERSION}")
            elif application != _APPLICATION:
                raise StoreError("is a SQLite database of another program")
            elif version != _VERSION:
                text = f"has format {version}; this program reads format {_VERSION}"
                raise StoreError(f"{text}: take another file, or delete this one")
        self._write_ahead(time.monotonic() + _BUSY_SECONDS)
        # Nothing here has to survive a power cut, and syncing would cost a hundredfold.
        self._rows.execute("PRAGMA synchronous = OFF")
