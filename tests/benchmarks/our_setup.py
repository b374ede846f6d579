"""What a target costs before its first call: a number of targets goes in, milliseconds come out.

    python -m tests.benchmarks.our_setup TARGETS

Prints the CPU milliseconds of each target for our own session and client, for one of boto3's as its
guide makes them, and the wall milliseconds of handing out a job that does nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import boto3

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.fleet.engines import Engine
from reconciler.fleet.run import Job, run
from reconciler.fleet.targets import FleetTarget
from tests.benchmarks.world import REGION

URL = "http://127.0.0.1:9"
"""Nobody is called."""


def ours() -> None:
    """One target as the program opens it."""
    AwsApi(Session(Settings(region=REGION, endpoint_url=URL))).close()


def plain() -> None:
    """One target as boto3's guide opens it."""
    boto3.Session(region_name=REGION).client("codeconnections", endpoint_url=URL)


def each(make: Callable[[], None], targets: int) -> float:
    """The CPU milliseconds of one more target."""
    make()
    began = time.process_time()
    for _ in range(targets):
        make()
    return (time.process_time() - began) * 1000 / targets


def job(number: int) -> Job:
    """A job for a target that is nowhere; 50 Regions of an account."""
    account, region = f"{number // 50:012d}", f"r{number % 50}"
    more = {"paths": (), "profile": None, "role": "", "external_id": None, "session_name": ""}
    return Job(
        FleetTarget(f"t{number}", account, region, owner=None, tags=(), variables=(), **more),  # type: ignore[arg-type]
        "plan",
        {},
    )


def handing_out(targets: int) -> float:
    """The wall milliseconds of one job without work."""
    jobs = [job(number) for number in range(targets)]
    with ThreadPoolExecutor(16) as executor:
        began = time.perf_counter()
        done = sum(1 for _ in run(jobs, Engine(executor, lambda: 64), len_of, 64, bool))
        taken = time.perf_counter() - began
    assert done == targets
    return taken * 1000 / targets


def len_of(job: Job) -> int:
    """Next to nothing."""
    return len(job.command)


def main(targets: str) -> None:
    """Measure and print."""
    count = int(targets)
    found = {
        "ours": each(ours, count),
        "boto3": each(plain, count),
        "handing_out": handing_out(20 * count),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
