"""A store that several processes open at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

from reconciler.emulator.store import Store


def test_a_store_that_somebody_reads_is_opened_when_they_are_done(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    Store(file).close()
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("PRAGMA journal_mode = DELETE")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM identity").fetchall()

        def done() -> None:
            time.sleep(0.3)
            reader.execute("COMMIT")

        thread = threading.Thread(target=done)
        thread.start()
        with Store(file) as store:
            assert store.id
        thread.join()
