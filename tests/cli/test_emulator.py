"""The local CodeConnections as its own process, steered from other processes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import Cli

Serve = Callable[..., tuple[subprocess.Popen[str], str]]
STORE = ("--store", "local.db")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers in processes of their own; gives each process and its URL."""
    with ExitStack() as stack:

        def start(*options: str) -> tuple[subprocess.Popen[str], str]:
            process = subprocess.Popen(
                command("emulator", "serve", *options),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            return process, process.stdout.readline().strip()

        yield start


def client(url: str) -> Any:
    """A real client of the server."""
    return boto3.client("codeconnections", endpoint_url=url)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_it_serves_until_it_is_told_to_stop(number: int, code: int, serve: Serve) -> None:
    process, url = serve(*STORE)
    assert url.startswith("http://127.0.0.1:")
    assert client(url).list_connections()["Connections"] == []
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (code, "")
    assert f"State in local.db; console page at {url}/" in err
    assert "Traceback" not in err


def test_a_person_approves_from_another_process(serve: Serve, cli: Cli, desired: Path) -> None:
    _, url = serve(*STORE)
    assert cli("apply", "--yes", desired, "--endpoint-url", url).code == 7
    (waiting,) = cli("emulator", "pending", *STORE).out.splitlines()
    arn = json.loads(waiting)["arn"]
    done = cli("emulator", "approve", "connection/main", *STORE)
    assert (done.code, done.out, done.err) == (0, f"{arn} is AVAILABLE\n", "")
    assert cli("emulator", "pending", *STORE).out == ""
    assert client(url).get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == (
        "AVAILABLE"
    )
    assert cli("plan", desired, "--endpoint-url", url, "--detailed-exitcode").code == 0


def test_a_handshake_can_fail(serve: Serve, cli: Cli, desired: Path) -> None:
    _, url = serve(*STORE)
    assert cli("apply", "--yes", desired, "--endpoint-url", url).code == 7
    assert cli("emulator", "approve", "connection/main", "--fail", *STORE).out.endswith(" ERROR\n")
    assert cli("plan", desired, "--endpoint-url", url).code == 7


def test_a_simulated_person_approves(serve: Serve, cli: Cli, desired: Path) -> None:
    _, url = serve(*STORE, "--handshake", "auto", "--handshake-after", "0.1s")
    result = cli("apply", "--yes", "--wait=20s", desired, "--endpoint-url", url)
    assert result.code == 0
    assert "connection/main is AVAILABLE" in result.err


def test_the_log_of_requests(serve: Serve, cli: Cli, desired: Path) -> None:
    _, url = serve(*STORE)
    cli("apply", "--yes", desired, "--endpoint-url", url)
    every = [json.loads(line) for line in cli("emulator", "requests", *STORE).out.splitlines()]
    wrote = cli("emulator", "requests", "--mutating", *STORE).out.splitlines()
    assert {"GetCallerIdentity", "ListConnections", "ListHosts"} < {r["operation"] for r in every}
    (created,) = map(json.loads, wrote)
    assert created["operation"] == "CreateConnection"
    assert created["parameters"]["ConnectionName"] == "main"
    assert created in every


def test_state_outlives_the_server(serve: Serve, cli: Cli, desired: Path) -> None:
    process, url = serve(*STORE)
    cli("apply", "--yes", desired, "--endpoint-url", url)
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    assert cli("emulator", "approve", "connection/main", *STORE).code == 0
    _, url = serve(*STORE)
    assert cli("plan", desired, "--endpoint-url", url, "--detailed-exitcode").code == 0


def test_a_port_in_use_is_one_line(serve: Serve, cli: Cli) -> None:
    _, url = serve(*STORE)
    result = cli("emulator", "serve", "--port", url.rpartition(":")[2], *STORE)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: the emulator cannot start: ")
    assert len(result.err.splitlines()) == 1


def test_what_cannot_be_approved_is_one_line(serve: Serve, cli: Cli) -> None:
    serve(*STORE)
    for target in ("connection/none", "x", "arn:aws:x"):
        result = cli("emulator", "approve", target, *STORE)
        assert (result.code, result.out) == (1, "")
        assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("words", [("approve", "connection/a"), ("pending",), ("requests",)])
def test_a_store_that_is_not_there_is_one_line(words: tuple[str, ...], cli: Cli) -> None:
    result = cli("emulator", *words, "--store", "none.db")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: none.db ")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_waiting_can_be_ended(number: int, code: int, serve: Serve, desired: Path) -> None:
    _, url = serve(*STORE)
    waiting = subprocess.Popen(
        command("apply", "--yes", "--wait", desired, "--endpoint-url", url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert waiting.stderr is not None
    said = waiting.stderr.readline()
    waiting.send_signal(number)
    said += waiting.communicate(timeout=PATIENCE)[1]
    assert waiting.returncode == code
    assert said.startswith("Waiting up to 30 min")
    assert "Traceback" not in said


def test_a_fault_strikes_one_account_of_many(serve: Serve, cli: Cli) -> None:
    _, url = serve(*STORE)
    role = "arn:aws:iam::222233334444:role/deploy"
    denied = ("AccessDeniedException", "--operation", "AssumeRole", "--count", "9")
    assert cli("emulator", "fault", *denied, "--account", "222233334444", *STORE).code == 0
    slow = ("ThrottlingException", "--operation", "ListHosts", "--region", "us-*")
    assert cli("emulator", "fault", *slow, *STORE).code == 0
    sts = boto3.client("sts", endpoint_url=url)
    with pytest.raises(ClientError, match=rf"\(AccessDenied\) .* on resource: {role}"):
        sts.assume_role(RoleArn=role, RoleSessionName="ci")
    assert sts.assume_role(RoleArn=role.replace("2222", "1111"), RoleSessionName="ci")
    assert client(url).list_hosts()["Hosts"] == []
    elsewhere = boto3.client("codeconnections", endpoint_url=url, region_name="us-east-1")
    elsewhere.list_hosts()  # the SDK sends it again
    (struck,) = [
        each
        for each in map(json.loads, cli("emulator", "requests", *STORE).out.splitlines())
        if each["error"] == "ThrottlingException"
    ]
    assert struck["region"] == "us-east-1"
