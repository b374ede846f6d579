"""An apply of 20 changes that is killed anywhere is finished by the next run: real processes, real
SIGKILL, at every mutating call (before it is carried out and after it) and at every line of the
journal (half written, written, and forced to disk).

An ordinary run takes an evenly spread sample of the points. All of them:

    RECONCILER_ALL_CRASHES=1 pytest tests/test_crashes.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator, Settings
from reconciler.journal import lines
from tests.cli.terminal import command, environment
from tests.conftest import REGION, Cli
from tests.test_killed import OWN, Proxy

DESIRED = """
version: 1
owner: platform
hosts:
  - {name: h1, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://a.example.com"}
  - {name: h2, provider_type: GitLabSelfManaged, provider_endpoint: "https://b.example.com"}
connections:
  - {name: main, provider_type: GitHub, tags: {team: net}}
  - {name: spare, provider_type: GitHub, tags: {team: net}}
  - {name: one, provider_type: GitHub, tags: {team: net}}
  - {name: two, provider_type: Bitbucket}
  - {name: hosted, host: h1}
  - {name: lab, host: h2}
repository_links:
  - {owner_id: acme, repository_name: data, connection: spare}
  - {owner_id: acme, repository_name: app, connection: one}
  - {owner_id: acme, repository_name: web, connection: main, tags: {team: new}}
  - {owner_id: acme, repository_name: l1, connection: one}
  - {owner_id: acme, repository_name: l2, connection: two}
  - {owner_id: acme, repository_name: l3, connection: hosted}
  - {owner_id: acme, repository_name: l4, connection: lab}
sync_configurations:
""" + "".join(
    f"  - {{resource_name: {name}-prod, repository: acme/{name}, branch: release, "
    "config_file: a.yaml, role_arn: 'arn:aws:iam::111122223333:role/git-sync'}\n"
    for name in ("data", "l1", "l2", "l4")
)
CHANGES = 20
CALLS = 21
"""A change of tags takes two calls when one is set and another one removed."""
LINES = 2 * CALLS
SYNCS = 2
"""What is forced to disk before the first line: the new journal, and its name in the folder."""
EVERYTHING = [
    *(("connection", name) for name in ("hosted", "lab", "main", "one", "spare", "two")),
    *(("host", name) for name in ("h1", "h2")),
    *(("link", name) for name in ("app", "data", "l1", "l2", "l3", "l4", "web")),
    *(("sync", f"{name}-prod") for name in ("data", "l1", "l2", "l4")),
]
OPTIONS = ("--prune", "--allow-destroy", "connection/old")

# Kills the program at a write of the journal or where that is forced to disk.
_AT_THE_JOURNAL = """
import os, runpy, signal, sys
where, at = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]
write, fsync, seen = os.write, os.fsync, dict(write=0, fsync=0)
def die_at(one):
    if where == one and seen[one.split("-")[-1]] == at:
        os.kill(os.getpid(), signal.SIGKILL)
def dying_write(file, data):
    if data.lstrip().startswith(b'{"format"'):
        seen["write"] += 1
        if where == "half-write" and seen["write"] == at:
            write(file, data[:len(data) // 2])
            die_at("half-write")
    return write(file, data)
def dying_fsync(file):
    seen["fsync"] += 1
    die_at("before-fsync")
    fsync(file)
    die_at("after-fsync")
os.write, os.fsync = dying_write, dying_fsync
runpy.run_module("reconciler", run_name="__main__")
"""

POINTS = [
    *((f"{when}-call", at) for at in range(1, CALLS + 1) for when in ("before", "after")),
    *(("half-write", at) for at in range(1, LINES + 1)),
    *((f"{when}-fsync", at) for at in range(1, SYNCS + LINES + 1) for when in ("before", "after")),
]
STRIDE = 1 if os.environ.get("RECONCILER_ALL_CRASHES") == "1" else 17


@dataclass
class Tally:
    """How many runs each kill point took afterwards, and what was there twice."""

    runs: Counter[int] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        converged = ", ".join(f"{count} in {runs}" for runs, count in sorted(self.runs.items()))
        return (
            f"{sum(self.runs.values())} of {len(POINTS)} kill points; finished in runs: "
            f"{converged}; objects there twice: {len(self.twice)}"
        )


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts over all kill points, told at the end."""
    counted = Tally()
    yield counted
    reporter: Any = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\n{counted}")


@contextmanager
def world() -> Iterator[Proxy]:
    """An emulator whose person approves at once, with what is to be changed, behind the proxy."""
    with Emulator(Settings(handshake="auto", handshake_seconds=0.0)) as emulator:
        client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
        arns, more = {}, {"spare": [{"Key": "cost", "Value": "7"}]}
        for name in ("main", "spare", "old"):
            tags = [*OWN, *more.get(name, [])]
            made = client.create_connection(ConnectionName=name, ProviderType="GitHub", Tags=tags)
            arns[name] = made["ConnectionArn"]
        for name in ("data", "app", "web"):
            link = client.create_repository_link(
                ConnectionArn=arns["main"], OwnerId="acme", RepositoryName=name, Tags=OWN
            )["RepositoryLinkInfo"]
            if name == "data":
                client.create_sync_configuration(
                    Branch="main",
                    ConfigFile="a.yaml",
                    RepositoryLinkId=link["RepositoryLinkId"],
                    ResourceName="data-prod",
                    RoleArn="arn:aws:iam::111122223333:role/git-sync",
                    SyncType="CFN_STACK_SYNC",
                )
        with Proxy(emulator, client) as proxy:
            thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
            thread.start()
            yield proxy
            proxy.shutdown()
            thread.join()


def words(proxy: Proxy, desired: Path) -> tuple[str | Path, ...]:
    """The command line of an apply."""
    url = f"http://127.0.0.1:{proxy.server_port}"
    return ("apply", "--yes", "--wait=20s", *OPTIONS, "--endpoint-url", url, desired)


def killed(proxy: Proxy, desired: Path, where: str, at: int) -> int:
    """The exit code of an apply in a process of its own that is killed at one point."""
    line = command(*words(proxy, desired))
    if where.endswith(("write", "fsync")):
        line = [sys.executable, "-c", _AT_THE_JOURNAL, where, str(at), *line[3:]]
    else:
        proxy.when, proxy.kill_at = where.partition("-")[0], at
    quiet = subprocess.DEVNULL
    proxy.process = subprocess.Popen(line, stdout=quiet, stderr=quiet, env=environment(), text=True)
    proxy.process.communicate(timeout=60)
    proxy.kill_at = 0
    return proxy.process.returncode


def everything(proxy: Proxy) -> list[tuple[str, str]]:
    """The kind and name of all that is there, as often as it is there."""
    client = proxy.client
    found = [("host", h["Name"]) for h in client.list_hosts()["Hosts"]]
    connections = client.list_connections(MaxResults=100)["Connections"]
    found += [("connection", c["ConnectionName"]) for c in connections]
    for link in client.list_repository_links(MaxResults=100)["RepositoryLinks"]:
        found.append(("link", link["RepositoryName"]))
        under = {"RepositoryLinkId": link["RepositoryLinkId"], "SyncType": "CFN_STACK_SYNC"}
        syncs = client.list_sync_configurations(**under)["SyncConfigurations"]
        found += [("sync", sync["ResourceName"]) for sync in syncs]
    return sorted(found)


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired.yaml"
    path.write_text(DESIRED, encoding="utf-8")
    return path


def journal_of(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "state").rglob("*.jsonl")
    return path


def test_the_undisturbed_apply_has_as_many_points(desired: Path, cli: Cli, tmp_path: Path) -> None:
    with world() as proxy:
        done = cli(*words(proxy, desired), "--output", "json")
        assert done.code == 0
        assert len(done.json["outcomes"]) == CHANGES
        assert {o["status"] for o in done.json["outcomes"]} == {"applied"}
        assert everything(proxy) == EVERYTHING
        assert len(proxy.calls) == CALLS
        assert len(list(lines(journal_of(tmp_path)))) == LINES


@pytest.mark.parametrize(
    ("where", "at"), POINTS[::STRIDE], ids=[f"{where}-{at}" for where, at in POINTS[::STRIDE]]
)
def test_a_killed_apply_is_finished_by_the_next_two_runs_at_most(
    where: str, at: int, desired: Path, cli: Cli, tally: Tally
) -> None:
    with world() as proxy:
        assert killed(proxy, desired, where, at) == -9
        runs = 1
        while cli(*words(proxy, desired)).code != 0 and runs < 3:
            runs += 1
        tally.runs[runs] += 1
        there = everything(proxy)
        tally.twice += [str(one) for one, count in Counter(there).items() if count > 1]
        assert runs <= 2
        assert there == EVERYTHING
        url = f"http://127.0.0.1:{proxy.server_port}"
        again = cli("plan", "--detailed-exitcode", *OPTIONS, "--endpoint-url", url, desired)
        assert again.code == 0
