"""What a run over targets says of those that it could not hand out any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import fleets
from reconciler.emulator import Emulator
from reconciler.errors import ReconcilerError
from reconciler.fleet.engines import Engine, _Cluster
from tests.conftest import Cli
from tests.fleet.test_commands import Fleet


class Leaving(Executor):
    """An executor that does one job and then takes nothing any more."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._taken = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._taken += 1
        if self._taken > 1:
            raise RuntimeError("it went away")
        return self._pool.submit(fn, *args, **kwargs)


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes")])
def test_what_was_not_taken_is_not_begun(
    words: tuple[str, ...],
    cli: Cli,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executors = [Leaving()]

    @contextmanager
    def leaving(*_: object, **__: object) -> Iterator[Engine]:
        if not executors:
            raise ReconcilerError("it cannot be reached")
        yield Engine(executors.pop(), lambda: 1)

    monkeypatch.setattr(fleets, "engine", leaving)
    more = ("--allow-pending",) if "apply" in words else ()
    found = Fleet(cli, emulator, tmp_path).run(*words, *more, "--output", "json")
    states = [row["state"] for row in found.json["targets"]]
    assert sorted(states) == ["not begun", "not begun", "ok"], found.err
    assert (found.code, found.json["code"]) == (1, 1), found.err


class Empty:
    """A client of a Dask cluster whose last worker has just died."""

    status = "running"

    def run_on_scheduler(self, _: Callable[..., int]) -> int:
        return 0


def test_a_cluster_that_gets_its_workers_back_has_room() -> None:
    assert _Cluster(Empty(), "tcp://127.0.0.1:1").threads == 1
