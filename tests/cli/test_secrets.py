"""Secrets that are planted wherever the program may come by one turn up nowhere: not on a stream at
any level of verbosity, not in a document, not in the journal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.servers import Answer, Behaviour, answering, error, logged_in
from tests.cli.terminal import command, environment
from tests.conftest import Cli

CANARY = "c4n4ry"
"""Every secret below holds it."""
PEM = f"-----BEGIN CERTIFICATE-----\nMII{CANARY}\n-----END CERTIFICATE-----\n"
DESIRED = f"""version: 1
owner: platform
hosts:
- name: one
  provider_type: GitHubEnterpriseServer
  provider_endpoint: https://one.example.com
  vpc_configuration:
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0]
    security_group_ids: [sg-0123456789abcdef0]
    tls_certificate: !file ca.pem
- name: two
  provider_type: GitLabSelfManaged
  provider_endpoint: https://two.example.com
  vpc_configuration:
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0]
    security_group_ids: [sg-0123456789abcdef0]
    tls_certificate: "{PEM.encode("unicode_escape").decode()}"
connections:
- {{name: ghes, host: one}}
"""
KEYS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}",
    "AWS_SECRET_ACCESS_KEY": f"secret/{CANARY}",
    "AWS_SESSION_TOKEN": f"token/{CANARY}==",
    "HTTP_PROXY": f"http://user:{CANARY}@127.0.0.1:1",
    "NO_PROXY": "127.0.0.1",
}
PROFILE = f"""[canary]
aws_access_key_id = AKIA{CANARY}
aws_secret_access_key = secret/{CANARY}
aws_session_token = token/{CANARY}
"""
LEVELS = [(), ("--verbose",), ("--debug",)]
ENDPOINTS = [
    f"http://user:{CANARY}@127.0.0.1:1",
    f"http://{CANARY}@127.0.0.1:1",
    f"http://user:{CANARY}^@127.0.0.1:1",
    f"http://user:{CANARY}/x@127.0.0.1:1",
    f"http://user:{CANARY}@127.0.0.1:99999",
    f"http://user:{CANARY}@[::1",
    f"user:{CANARY}@127.0.0.1",
    f" http://user:{CANARY}@127.0.0.1",
]


@pytest.fixture(params=["environment", "profile"])
def planted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Files and settings full of secrets; the options that make the program use them."""
    (tmp_path / "ca.pem").write_text(PEM, encoding="utf-8")
    (tmp_path / "desired.yaml").write_text(DESIRED, encoding="utf-8")
    (tmp_path / "credentials").write_text(PROFILE, encoding="utf-8")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return ["--profile", "canary"] if request.param == "profile" else []


def _runs(where: list[str], level: tuple[str, ...]) -> Iterator[list[str]]:
    """Every command that may come by a secret, in an order in which each has something to do."""
    outputs = ["--output", "text", "--output", "json=said.json"]
    yes = ["--yes", "--allow-pending"]
    yield ["validate", "desired.yaml", *level]
    yield ["plan", "desired.yaml", *where, *outputs, *level]
    yield ["apply", "desired.yaml", *where, *outputs, *level, *yes]
    yield ["plan", "desired.yaml", *where, "--output", "json", *level]
    yield ["wait", "host/one", "--timeout", "0", *where, *level]
    yield ["destroy", "desired.yaml", *where, "--yes", *level]
    yield ["forget", "host/one", "--owner", "platform", "--yes", *where, *level]
    yield ["journal"]
    yield ["journal", "--format", "json"]


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_no_secret_is_shown_or_kept(
    level: tuple[str, ...], planted: list[str], emulator: Emulator, tmp_path: Path
) -> None:
    secrets = {"ca.pem", "desired.yaml", "credentials"}
    text = ""
    for arguments in _runs([*planted, "--endpoint-url", emulator.url], level):
        done = subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            env=environment(RECONCILER_DEBUG="1" if level else ""),
            cwd=tmp_path,
        )
        assert done.returncode < 8, done.stderr
        text += done.stdout + done.stderr
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in secrets]
    assert {"said.json", "state"} <= {p.relative_to(tmp_path).parts[0] for p in files}
    for path in files:
        text += path.read_text(encoding="utf-8")
    assert "CreateHost" in text
    assert CANARY not in text
    sent = [str(request.parameters) for request in emulator.control.requests()]
    assert any(CANARY in parameters for parameters in sent)


@pytest.mark.parametrize("url", ENDPOINTS)
def test_an_endpoint_with_a_password_is_refused(
    url: str, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As an option, in the environment, and in a profile."""
    config = tmp_path / "config"
    config.write_text(f"[default]\nendpoint_url = {url}\n", encoding="utf-8")
    results = [cli("apply", desired, "--yes", "--endpoint-url", url)]
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    results.append(cli("apply", desired, "--yes", "--debug"))
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    results.append(cli("plan", desired))
    for result in results:
        assert (result.code, result.out) == (1, "")
        assert CANARY not in result.err
        assert len(result.err.splitlines()) == 1
    assert "the endpoint URL holds a user name or a password" in results[0].err
    assert not list((tmp_path / "state").rglob("*.jsonl"))


SIGNED = f"POST\n/\n\nhost:x\nx-amz-security-token:{CANARY}==\nx-amz-target:x\n\nhost;x-amz-target"
BAD_SIGNATURE = (
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
    f"<Message>The Canonical String should have been {SIGNED}</Message></Error></ErrorResponse>"
)


@pytest.mark.parametrize(
    "behaviour",
    [lambda _: Answer(403, BAD_SIGNATURE), logged_in(lambda _: error("InvalidSignature", SIGNED))],
    ids=["at the login", "later"],
)
def test_a_signature_that_is_not_accepted(behaviour: Behaviour, desired: Path, cli: Cli) -> None:
    """AWS repeats the headers that should have been signed, the session token among them."""
    with answering(behaviour) as server:
        result = cli("plan", desired, "--endpoint-url", server.url, "--debug")
    assert result.code == 1
    assert "host:x x-amz-security-token:*** x-amz-target:x" in result.err
    assert CANARY not in result.out + result.err
