"""Secrets that are planted wherever the program may come by one turn up nowhere: not on a stream at
any level of verbosity, not in a document, not in the journal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from html import escape
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

import pytest

from reconciler.emulator import Emulator
from tests.cli.servers import BODY, HEADERS, LOGIN, Answer, Behaviour, answering, error, logged_in
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


def in_brackets(headers: dict[str, str]) -> str:
    return "\n".join(f"{name} [{value}]" for name, value in headers.items())


def in_html(headers: dict[str, str]) -> str:
    rows = "".join(f"<b>{name} =&gt; &quot;{value}&quot;</b>" for name, value in headers.items())
    return f"<html>{rows}</html>"


def in_plain_words(headers: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in headers.items())


def in_a_url(headers: dict[str, str]) -> str:
    return urlencode(headers)


def by_value(headers: dict[str, str]) -> str:
    """As nobody words it, to whom the names mean anything."""
    return "; ".join(headers.values())


NOTHING = '{"Connections": [], "Hosts": [], "RepositoryLinks": []}'
FORMS = [json.dumps, in_brackets, in_html, in_plain_words, in_a_url, by_value]
TOKEN = f"FwoGZXIvYXdzE{CANARY}//////////wEaD/+x=="


REPEATED = [
    *product(FORMS, ("at the login", "in a read", "in a create")),
    (by_value, "by a proxy"),  # what that may have made is looked for, which takes its time
]


@pytest.mark.parametrize(
    ("form", "where"), REPEATED, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_request_that_is_repeated(
    form: Callable[[dict[str, str]], str],
    where: str,
    desired: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """By a service, or by something on the way to it."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    signatures = set()

    def behave(operation: str) -> Answer:
        if operation == "GetCallerIdentity" and where != "at the login":
            return Answer(200, LOGIN)
        if operation.startswith("List") and where != "in a read":
            return Answer(200, NOTHING)
        headers = {name: HEADERS.get()[name] for name in ("Authorization", "X-Amz-Security-Token")}
        signatures.add(headers["Authorization"].rpartition("=")[2])
        text = f"refused: {form(headers)}"
        if operation == "GetCallerIdentity":
            return Answer(403, BAD_SIGNATURE.replace(SIGNED, escape(text)))
        return Answer(502, text) if where == "by a proxy" else error("ValidationException", text)

    with answering(behave) as server:
        words = ("apply", "--yes", desired, "--endpoint-url", server.url, "--debug")
        result = cli(*words, "--output", "text", "--output", "json=said.json")
    assert result.code in (1, 4)
    text = result.out + result.err
    for path in (tmp_path / "said.json", *(tmp_path / "state").rglob("*.jsonl")):
        text += path.read_text(encoding="utf-8") if path.exists() else ""
    assert "***" in text
    assert CANARY not in text
    assert len(signatures) > 0
    assert not any(signature in text for signature in signatures)


def test_a_certificate_that_is_repeated(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM, encoding="utf-8")
    (tmp_path / "desired.yaml").write_text(DESIRED, encoding="utf-8")

    def behave(operation: str) -> Answer:
        if operation.startswith("List"):
            return Answer(200, NOTHING)
        wrong = json.loads(BODY.get())["VpcConfiguration"]["TlsCertificate"]
        return error("ValidationException", f"Value {wrong!r} at 'tlsCertificate' is no good")

    with answering(logged_in(behave)) as server:
        where = ("--endpoint-url", server.url, "--output", "text", "--output", "json=said.json")
        result = cli("apply", "--yes", "desired.yaml", *where)
    assert result.code == 1
    (journal,) = (tmp_path / "state").rglob("*.jsonl")
    said = (tmp_path / "said.json").read_text(encoding="utf-8")
    for text in (result.out, said, journal.read_text(encoding="utf-8")):
        assert "Value '-----BEGIN CERTIFICATE----- ***" in text
        assert CANARY not in text


@pytest.mark.parametrize("mark", "/#?")
def test_a_proxy_whose_password_is_not_written_as_it_has_to_be(
    mark: str, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://user:{CANARY}{mark}x@127.0.0.1:1")
    result = cli("plan", desired, "--endpoint-url", "http://192.0.2.1:1")
    assert (result.code, result.out) == (1, "")
    assert "Failed to parse a URL: check the endpoint and proxies" in result.err
    assert CANARY not in result.err
