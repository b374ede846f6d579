"""Makes executors: the name of an engine goes in, a `concurrent.futures.Executor` comes out."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

from reconciler.errors import ReconcilerError

ENGINES = ("threads", "processes", "dask")


@contextmanager
def engine(name: str, concurrency: int, scheduler: str | None) -> Iterator[Executor]:
    """An executor that does so many jobs at a time, for as long as the block runs.

    `scheduler` is the address of a Dask scheduler. Raises `ReconcilerError` when there is none, or
    what talks to it is not installed.
    """
    if name == "dask":
        with _dask(scheduler or "") as executor:
            yield executor
        return
    executor = threads(concurrency) if name == "threads" else processes(concurrency)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def threads(concurrency: int) -> Executor:
    """Threads of this process: nothing to start, one core."""
    return ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="target")


def processes(concurrency: int) -> Executor:
    """Processes, as many as there is use for: all cores, half a second to start each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ProcessPoolExecutor(
        max_workers=min(concurrency, 4 * (cores or 1)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_patient,
    )


def _patient() -> None:
    """A Ctrl-C at a terminal goes to every process: one that does nothing has nothing to end, and
    what writes takes the signal itself."""
    signal.signal(signal.SIGINT, lambda *_: None)


@contextmanager
def _dask(scheduler: str) -> Iterator[Executor]:
    """The workers of a Dask cluster. A job is never begun again by Dask itself: whether a dead
    worker has sent something only the next plan can tell."""
    try:
        from distributed import Client
    except ImportError as error:
        text = "--engine dask needs Dask: pip install 'reconciler[dask]'"
        raise ReconcilerError(text) from error
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise ReconcilerError(f"the scheduler {scheduler} cannot be reached: {why}") from error
    with client, client.get_executor(pure=False, retries=0) as executor:
        yield executor
