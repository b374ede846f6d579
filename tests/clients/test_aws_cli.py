"""The command `aws` itself, as a person types it: arguments in, text and an exit code out."""

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.clients.drivers import cli_environment
from tests.emulator.cloud import SERVICES, Cloud

ENDPOINTS = {
    "codeconnections": "AWS_ENDPOINT_URL_CODECONNECTIONS",
    "codestar-connections": "AWS_ENDPOINT_URL_CODESTAR_CONNECTIONS",
}


def aws(
    home: Path, *arguments: str, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What one run of `aws` leaves behind."""
    command = shutil.which("aws", path=sysconfig.get_path("scripts"))
    assert command is not None, "the package awscli brings the command aws"
    return subprocess.run(
        [command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=cli_environment(home) | (settings or {}),
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_person_makes_and_lists_a_connection(service: str, cloud: Cloud, tmp_path: Path) -> None:
    create = [service, "create-connection", "--connection-name", "main"]
    create += ["--provider-type", "GitHub", "--tags", "Key=team,Value=platform"]
    create += ["--query", "ConnectionArn", "--output", "text"]
    created = aws(tmp_path, *create, "--endpoint-url", cloud.url)
    assert (created.returncode, created.stderr) == (0, "")
    arn = created.stdout.strip()
    assert arn.startswith(f"arn:aws:{service}:eu-west-1:111122223333:connection/")
    cloud.control.approve("connection/main")

    endpoint = {ENDPOINTS[service]: cloud.url}
    listed = aws(tmp_path, service, "list-connections", "--output", "json", settings=endpoint)
    assert (listed.returncode, listed.stderr) == (0, "")
    (found,) = json.loads(listed.stdout)["Connections"]
    assert (found["ConnectionArn"], found["ConnectionStatus"]) == (arn, "AVAILABLE")


@pytest.mark.parametrize("service", SERVICES)
def test_a_person_reads_why_a_call_was_refused(service: str, cloud: Cloud, tmp_path: Path) -> None:
    arn = f"arn:aws:{service}:eu-west-1:111122223333:host/none"
    get = [service, "get-host", "--host-arn", arn, "--endpoint-url", cloud.url]
    refused = aws(tmp_path, *get)
    assert refused.stdout == ""
    assert "(ResourceNotFoundException) when calling the GetHost operation" in refused.stderr
    assert refused.stderr.strip().endswith(f"Host {arn} was not found.")
    assert refused.returncode == 255
