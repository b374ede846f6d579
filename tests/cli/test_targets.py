"""Servers that are not there, refuse or talk nonsense, and settings that lead nowhere: one clear
line on stderr, exit 1, soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.servers import NO_LOGIN, Answer, Behaviour, answering, error, logged_in
from tests.conftest import Cli
from tests.test_specs import told

SOON = 10.0
"""Seconds within which somebody at a terminal has to be told."""
LISTS = {"ListConnections", "ListHosts", "ListRepositoryLinks"}


@contextmanager
def soon() -> Iterator[None]:
    """The block has to be over before a person loses patience."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SOON


def nobody() -> str:
    """The URL of a port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_server_that_is_not_there(command: str, desired: Path, cli: Cli) -> None:
    url = nobody()
    with soon():
        result = cli(command, desired, "--endpoint-url", url)
    assert (result.code, result.out) == (1, "")
    text = f'Could not connect to the endpoint URL: "{url}/"'
    assert result.err == f"Error: {url} cannot be reached: {text}\n"


def test_credentials_that_are_wrong(desired: Path, cli: Cli) -> None:
    with answering(lambda _: Answer(403, NO_LOGIN)) as server, soon():
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "Error: AWS refuses these credentials: InvalidClientTokenId: The security token included "
        "in the request is invalid. Really.\n"
    )
    assert server.asked == ["GetCallerIdentity"]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_server_that_denies(command: str, desired: Path, cli: Cli) -> None:
    denied = logged_in(lambda _: error("AccessDeniedException", "User is not\n\x1b[31mauthorized"))
    with answering(denied) as server, soon():
        result = cli(command, desired, "--endpoint-url", server.url, "--output", "json")
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith("Error: 4 reads failed, so nothing can be applied: List")
    assert "AccessDeniedException: User is not \\x1b[31mauthorized" in line
    assert sorted(server.asked) == ["GetCallerIdentity", *sorted(LISTS)]
    assert told("plan" if command == "plan" else "report", result.json) == []
    assert result.json["coverage"]["complete"] is False
    assert {gap["operation"] for gap in result.json["coverage"]["unread"]} > LISTS


def test_a_refusal_without_a_word(desired: Path, cli: Cli) -> None:
    with answering(logged_in(lambda _: error("AccessDeniedException"))) as server:
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert result.code == 1
    assert "ListHosts: AccessDeniedException\n" in result.out


def test_what_could_not_be_read_never_looks_clean(desired: Path, cli: Cli) -> None:
    """The empty answer of the other lists is no proof of anything."""
    nothing: Behaviour = lambda operation: (  # noqa: E731 - the type is what counts
        error("AccessDeniedException")
        if operation == "ListConnections"
        else Answer(200, '{"Hosts": [], "RepositoryLinks": []}')
    )
    with answering(logged_in(nothing)) as server:
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert result.code == 1
    assert "No changes" not in result.out
    assert "Incomplete: this plan cannot be applied." in result.out


# what the server says to everything but the login, and the reason that is given for it
NONSENSE = [
    (Answer(200, "<html>Welcome</html>"), "the reply is not a JSON object"),
    (Answer(200, "[]"), "the reply is not a JSON object"),
    (Answer(200, "{}"), "the reply holds no list of "),
    (Answer(500, "oops"), "500: oops"),
    (Answer(503, '{"__type":"x#ServiceUnavailable","Message":"later"}'), "ServiceUnavailable"),
]


@pytest.mark.parametrize(("answer", "reason"), NONSENSE)
def test_nonsense_is_no_empty_account(answer: Answer, reason: str, desired: Path, cli: Cli) -> None:
    with answering(logged_in(lambda _: answer)) as server, soon():
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert result.code == 1
    assert reason in result.err
    assert len(result.err.splitlines()) == 1
    assert "No changes" not in result.out


def test_no_region(desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    result = cli("plan", desired)
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: no Region: give --region or set AWS_REGION\n"


def test_where_the_region_comes_from(
    desired: Path, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As for the AWS CLI:
    https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html"""

    def region(*options: str) -> str:
        done = cli("plan", desired, "--endpoint-url", emulator.url, "--output", "json", *options)
        return str(done.json["target"]["region"])

    config = tmp_path / "config"
    config.write_text("[default]\nregion = us-west-1\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert region() == "us-west-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert region() == "us-west-2"
    monkeypatch.setenv("AWS_REGION", "")
    assert region() == "us-west-2"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert region() == "eu-north-1"
    monkeypatch.setenv("RECONCILER_REGION", "eu-west-3")
    assert region() == "eu-west-3"
    assert region("--region", "ap-south-1") == "ap-south-1"


def test_no_credentials(desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with soon():
        result = cli("plan", desired)
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: no AWS credentials: give --profile or set AWS_PROFILE\n"


def test_an_unknown_profile(desired: Path, cli: Cli) -> None:
    result = cli("plan", desired, "--profile", "nobody")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: profile nobody is not in your AWS configuration\n"


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_an_unknown_profile_of_the_environment(
    variable: str, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "nobody")
    result = cli("plan", desired)
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: profile nobody is not in your AWS configuration\n"


# Whatever is set for AWS, or the way there, and leads nowhere.
ELSEWHERE = [
    *(("AWS_PROFILE", "nobody"), ("AWS_DEFAULT_PROFILE", "nobody"), ("AWS_CONFIG_FILE", "config")),
    *(("AWS_SHARED_CREDENTIALS_FILE", "config"), ("AWS_DEFAULTS_MODE", "no such mode")),
    *(("AWS_RETRY_MODE", "no such mode"), ("AWS_MAX_ATTEMPTS", "many")),
    *(("AWS_DEFAULT_REGION", "Not A Region!"), ("AWS_REGION", "Not A Region!")),
    *(("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")),
    *(("AWS_ENDPOINT_URL", "not a url"), ("AWS_CA_BUNDLE", "no-such-file")),
    *(("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9")),
    *(("HTTPS_PROXY", "not a url"), ("ALL_PROXY", "http://127.0.0.1:9")),
]


@pytest.mark.parametrize(("name", "value"), ELSEWHERE)
def test_a_local_run_has_nothing_to_do_with_what_is_set_for_aws(
    name: str, value: str, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unset in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(unset, raising=False)
    Path("config").write_text("[profile a\n", encoding="utf-8")
    monkeypatch.setenv(name, value)
    result = cli("apply", "--yes", "--allow-pending", desired, "--local", "--output", "json")
    assert (result.code, result.json["target"]["region"]) == (0, "us-east-1")


@pytest.mark.parametrize(
    "options",
    [
        ("--endpoint-url", "not a url"),
        ("--region", "Not A Region!"),
    ],
    ids=["endpoint", "region"],
)
def test_settings_that_lead_nowhere(options: tuple[str, str], desired: Path, cli: Cli) -> None:
    result = cli("plan", desired, *options)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: AWS cannot be used as configured: ")
    assert len(result.err.splitlines()) == 1


def test_a_configuration_that_cannot_be_read(
    desired: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile a\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    result = cli("plan", desired)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: AWS cannot be used as configured: ")


def test_a_local_store_that_cannot_be_used(desired: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 4096, encoding="utf-8")
    for store in ("file/local.db", "file"):
        result = cli("plan", desired, "--local", "--local-store", store)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(f"Error: the local store cannot be used: {store}: ")
        assert len(result.err.splitlines()) == 1


def test_another_account_than_the_files_are_for(
    desired: Path, cli: Cli, emulator: Emulator
) -> None:
    desired.write_text(desired.read_text(encoding="utf-8") + "account: '444455556666'\n")
    result = cli("plan", desired, "--endpoint-url", emulator.url)
    assert result.code == 5
    assert "the files are for account 444455556666, this run is in 111122223333" in result.out
    assert emulator.control.requests(mutating_only=True) == []


def test_the_older_service_is_not_asked_for_what_it_does_not_know(
    cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(
        "version: 1\nowner: o\nconnections:\n- name: r\n"
        "  provider_type: GitHubEnterpriseCloudDataResidency\n"
        "  provider_endpoint: https://acme.ghe.com\n",
        encoding="utf-8",
    )
    where = ("--endpoint-url", emulator.url)
    done = cli("plan", *where, "--service", "codestar-connections", file)
    assert (done.code, done.out) == (1, "")
    assert "connection/r: codestar-connections has no ProviderEndpoint" in done.err
    assert emulator.control.requests() == []
    assert cli("plan", *where, file).code == 0


@pytest.mark.parametrize(
    "answer",
    [Answer(200, "<!doctype html><p>Log in</p>"), Answer(404, "<html><br>"), Answer(200, "<a/>")],
    ids=["login page", "not found", "other XML"],
)
def test_a_server_that_is_not_aws_is_told(answer: Answer, cli: Cli, desired: Path) -> None:
    with answering(lambda operation: answer) as server:
        done = cli("plan", "--endpoint-url", server.url, desired)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("Error: ")


def test_the_name_of_an_application_is_told_to_aws(
    cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "my team\r\nx")
    assert cli("status", "--endpoint-url", emulator.url).code == 0
    agents = {request.agent for request in emulator.control.requests()}
    assert len(agents) == 1
    assert " app/my-team--x " in agents.pop()
