"""The file that a local CodeConnections is kept in, when many open it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from reconciler.emulator.store import Store

AT_ONCE = 8


def test_many_can_open_a_new_store_at_once(tmp_path: Path) -> None:
    together = Barrier(AT_ONCE)

    def opened(path: Path) -> str:
        together.wait()
        with Store(path) as store:
            return store.id

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(20):
            assert len(set(pool.map(opened, [tmp_path / f"{number}.db"] * AT_ONCE))) == 1
