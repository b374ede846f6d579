"""Somebody else acts at the same time: what went stale is refused, what doubled is told."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import boto3

from reconciler.emulator import Emulator
from tests.cli.terminal import command, environment, on_terminal
from tests.conftest import REGION
from tests.test_killed import Proxy


def test_a_plan_that_went_stale_at_the_prompt_is_not_carried_out(
    desired: Path, emulator: Emulator
) -> None:
    def meanwhile() -> None:
        client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
        client.create_connection(ConnectionName="main", ProviderType="GitHub")

    shown = on_terminal(
        "apply", desired, "--endpoint-url", emulator.url, answer="y\n", before=meanwhile
    )
    assert shown.code == 6
    assert "changed while you were asked" in shown.shown
    assert len(emulator.control.requests(mutating_only=True)) == 1


def test_what_somebody_else_made_meanwhile_is_told(desired: Path, emulator: Emulator) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)

    def meanwhile() -> None:
        client.create_connection(ConnectionName="main", ProviderType="GitHub")

    with Proxy(emulator, client) as proxy:
        proxy.meanwhile = meanwhile
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{proxy.server_port}"
        done = subprocess.run(
            command("apply", "--yes", "--endpoint-url", url, desired),
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        proxy.shutdown()
        thread.join()
    assert len(client.list_connections()["Connections"]) == 2
    assert done.returncode == 1
    assert "done  connection/main" in done.stdout
    assert "2 live objects have this name" in done.stdout
