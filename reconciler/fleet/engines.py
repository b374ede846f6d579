"""Makes executors: the name of an engine goes in, a `concurrent.futures.Executor` comes out."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ReconcilerError

REACHED_SECONDS = 10
"""How long a Dask scheduler may take to say that it is one."""
WORKERS_SECONDS = 30.0
"""How long it may take to do what it is asked, and be without a worker; a new one may be
starting."""
ASKED_SECONDS = 1.0
"""How often a Dask cluster is asked for its workers."""
_ASKING = frozenset(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask for the end."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An executor, how many jobs it has room for, since what waits there is begun even when it is
    enough, why it will never answer any more, if so: some do not say it themselves, and how to pass
    on that somebody wants the end."""

    executor: Executor
    room: Callable[[], int]
    gone: Callable[[], str] = lambda: ""
    interrupt: Callable[[], None] = lambda: None


@contextmanager
def engine(name: str, concurrency: int, scheduler: str | None, *, writes: bool) -> Iterator[Engine]:
    """An executor that does up to so many jobs at a time, for as long as the block runs.

    `scheduler` is the address of a Dask scheduler, and what `writes` must not be begun twice by it.
    Raises `ReconcilerError` when that cannot be had, or what talks to it is not installed.
    """
    if name == "dask":
        with _dask(scheduler or "", concurrency, writes=writes) as found:
            yield found
        return
    if name == "threads":
        found = Engine(threads(concurrency), lambda: concurrency)
    else:
        most = min(concurrency, _most_processes())
        pool = processes(most)
        found = Engine(pool, lambda: most, interrupt=pool.interrupt)
    patient = False
    try:
        yield found
        patient = True
    finally:  # who leaves in a hurry does not wait for what is running
        found.executor.shutdown(wait=patient, cancel_futures=True)


def threads(concurrency: int) -> Executor:
    """Threads of this process: nothing to start, one core."""
    return ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="target")


def _most_processes() -> int:
    """As many as there is use for: each takes half a second to start."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 4 * (cores or 1)


def processes(concurrency: int) -> Processes:
    """Processes: all cores."""
    return Processes(concurrency)


class Processes(ProcessPoolExecutor):
    """Processes that hear of it when somebody wants the end, also those that only begin."""

    def __init__(self, concurrency: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._asked = context.RawValue("b", 0)
        super().__init__(concurrency, context, _started, (self._asked,))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have it done by a process, which may be a new one. It begins with signals blocked, since
        they would kill it; this process takes its own once it knows whom to pass them on to."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def interrupt(self) -> None:
        """Tell the processes that somebody wants the end: what they do now, and what they have been
        given and will begin yet."""
        self._asked.value = 1
        for process in multiprocessing.active_children():
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGINT)


_asked: list[Any] = []
"""In a process that works for another one: where that says whether somebody wants the end."""


def was_asked() -> bool:
    """Whether somebody wants the end of all that this process is given."""
    return any(one.value for one in _asked)


def _started(asked: Any) -> None:
    """A process that works for another one begins. Signals reach it from there alone: of a Ctrl-C
    every process of the terminal's group hears by itself, and of a SIGTERM only the first one."""
    os.setpgrp()
    _asked.append(asked)
    idle()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
    parent = multiprocessing.parent_process()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def idle() -> None:
    """How a process that works for another one takes signals while it has nothing to do: when
    somebody wants the end there is nothing to end; who is told to end by itself, does."""
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_with(parent: Any) -> None:
    """Nobody takes what this process does any more: settle the running call, if any, and end."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _dask(scheduler: str, concurrency: int, *, writes: bool) -> Iterator[Engine]:
    """The workers of a Dask cluster. By default it begins anew what a dead worker had, at once and
    without a word; but what that one has sent may not be listed yet.
    (https://distributed.dask.org/en/stable/resilience.html)"""
    try:
        import distributed
    except ImportError as error:
        text = "--engine dask needs Dask: pip install 'reconciler[dask]'"
        raise ReconcilerError(text) from error
    _check_address(scheduler)
    try:
        client: Any = distributed.Client(scheduler, timeout=WORKERS_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split()) or f"no answer in {WORKERS_SECONDS:.0f} s"
        raise ReconcilerError(f"the scheduler {scheduler} cannot be reached: {why}") from error
    with client:
        again = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures)
        if writes and again:
            text = "it begins anew by itself what a dead worker had, which could create twice"
            hint = "start it with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0"
            raise ReconcilerError(f"the scheduler {scheduler} cannot be used: {text}: {hint}")
        try:
            client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except distributed.TimeoutError as error:
            text = (
                f"the scheduler {scheduler} has no worker: start one with dask worker {scheduler}"
            )
            raise ReconcilerError(text) from error
        executor = _Submitting(client.get_executor(pure=False, retries=0))
        cluster = _Cluster(client, scheduler)
        patient = False
        try:
            yield Engine(executor, lambda: min(concurrency, cluster.threads), cluster.gone)
            patient = True
        finally:
            executor.shutdown(wait=patient and not cluster.gone())


class _Submitting(Executor):
    """An executor of Dask, which says as every other one that it takes nothing any more."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have it done by a worker. Raises `RuntimeError` when the client is closed."""
        from distributed.client import ClosedClientError

        try:
            future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        except ClosedClientError as error:
            raise RuntimeError("the client is closed") from error
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing any more; what is running is forgotten unless it is waited for."""
        self._executor.shutdown(wait=wait)


class _Cluster:
    """What is left of the scheduler and the workers of a Dask cluster."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self._client, self._scheduler = client, scheduler
        self._seen = time.monotonic()
        self.threads = max(1, self._threads())
        """How many jobs its workers do at a time; at least one, which a new worker would do."""

    def gone(self) -> str:
        """Why nothing will be answered any more, if so: Dask waits for ever for both."""
        if self._client.status != "running":
            return f"the scheduler {self._scheduler} went away"
        now = time.monotonic()
        if now - self._seen > ASKED_SECONDS and (threads := self._threads()):
            self._seen, self.threads = now, threads
        if now - self._seen > WORKERS_SECONDS:
            return f"the scheduler {self._scheduler} had no worker for {WORKERS_SECONDS:.0f} s"
        return ""

    def _threads(self) -> int:
        try:
            return int(
                self._client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.total_nthreads)
            )
        except OSError:  # it is going away, which is told the next time
            return 1


def _check_address(scheduler: str) -> None:
    """Refuse what would make the client fail half-made, which then waits for itself at its end."""
    from distributed.security import Security

    protocol, _, place = scheduler.partition("://")
    if protocol not in ("tcp", "tls") or not re.fullmatch(r"\S+:[0-9]{1,5}", place):
        text = f"the scheduler {scheduler} cannot be used: write tcp://HOST:PORT or tls://HOST:PORT"
        raise ReconcilerError(text)
    try:
        settings: Any = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    except OSError as error:
        why = f"its certificates cannot be read: {' '.join(str(error).split())}"
        raise ReconcilerError(f"the scheduler {scheduler} cannot be used: {why}") from error
    if protocol == "tls" and settings["ssl_context"] is None:
        names = "CA_FILE, ...CLIENT__CERT and ...CLIENT__KEY"
        text = f"set DASK_DISTRIBUTED__COMM__TLS__{names} to files of certificates"
        raise ReconcilerError(f"the scheduler {scheduler} cannot be used: {text}")
    asyncio.run(_greet(scheduler, settings))


async def _greet(scheduler: str, settings: dict[str, Any]) -> None:
    """Refuse a server that does not answer as Dask does: a client would wait for it for ever."""
    from distributed.comm.core import connect

    connecting: Any = connect(scheduler, timeout=REACHED_SECONDS, **settings)  # type: ignore[no-untyped-call]
    try:
        comm = await asyncio.wait_for(connecting, REACHED_SECONDS + 2)
    except TimeoutError as error:
        text = "what is there does not answer like one: give its own port, and not that of its page"
        raise ReconcilerError(f"the scheduler {scheduler} cannot be used: {text}") from error
    except Exception as error:  # what is read from another kind of server can be anything
        why = " ".join(str(error).split()) or type(error).__name__
        raise ReconcilerError(f"the scheduler {scheduler} cannot be reached: {why}") from error
    comm.abort()
