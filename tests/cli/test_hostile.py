"""Names, tags and messages of live objects are whatever somebody wrote: none of it may move the
cursor, begin a line or pass for a command of a build log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.harmless import expect_harmless
from tests.cli.servers import answering, error, logged_in
from tests.cli.terminal import on_terminal
from tests.conftest import Cli
from tests.nasty import WORST


def client(emulator: Emulator) -> Any:
    """A real client, which checks none of this."""
    return boto3.client("codeconnections", endpoint_url=emulator.url)


@pytest.mark.parametrize("name", WORST, ids=ascii)
def test_a_live_name_is_harmless(name: str, desired: Path, cli: Cli, emulator: Emulator) -> None:
    """As an orphan's name, a tag's key and value, an owner, and the reason of a protection."""
    api = client(emulator)
    owned = [{"Key": "reconciler.owner", "Value": "platform"}]
    tag = name.replace("\n", "")  # the one thing that no tag may hold
    orphan = api.create_connection(
        ConnectionName=name[:32],
        ProviderType="GitHub",
        Tags=[*owned, {"Key": "reconciler.protect", "Value": tag}],
    )
    arn = api.create_connection(
        ConnectionName="main",
        ProviderType="GitHub",
        Tags=[{"Key": "reconciler.owner", "Value": tag}, {"Key": tag, "Value": tag}],
    )["ConnectionArn"]
    emulator.control.approve(orphan["ConnectionArn"])
    desired.write_text(desired.read_text(encoding="utf-8").replace("}", ", tags: {}}"))
    where = (desired, "--endpoint-url", emulator.url)
    refused = cli("apply", *where, "--prune")
    assert refused.code == 5
    assert arn in refused.out
    for text in (refused.out, refused.err, cli("plan", *where).out):
        expect_harmless(text)
    document = cli("plan", *where, "--output", "json", "--prune")
    assert tag in [field["path"].removeprefix("tags.") for field in _fields(document.json)]
    expect_harmless(document.out)


def _fields(document: Any) -> list[Any]:
    return [field for change in document["changes"] for field in change["fields"]]


def test_nothing_hostile_reaches_a_terminal_raw(desired: Path, emulator: Emulator) -> None:
    """The program's own colors are the only sequences there are."""
    client(emulator).create_connection(
        ConnectionName="main", ProviderType="GitHub", Tags=[{"Key": "k", "Value": WORST[0]}]
    )
    desired.write_text(desired.read_text(encoding="utf-8").replace("}", ", tags: {}}"))
    screen = on_terminal("plan", desired, "--endpoint-url", emulator.url)
    assert screen.code == 5
    assert "\\x1b[31mred" in screen.shown
    assert "\x1b[31mred" not in screen.shown
    assert "\x07" not in screen.shown
    assert "\x1b]" not in screen.shown


@pytest.mark.parametrize("name", WORST, ids=ascii)
def test_a_message_of_the_service_is_harmless(name: str, desired: Path, cli: Cli) -> None:
    with answering(logged_in(lambda _: error("AccessDeniedException", name))) as server:
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert result.code == 1
    expect_harmless(result.out)
    expect_harmless(result.err)
    with answering(lambda _: error(name)) as server:
        result = cli("plan", desired, "--endpoint-url", server.url)
    assert result.code == 1
    expect_harmless(result.err)


@pytest.mark.parametrize("name", WORST, ids=ascii)
def test_a_file_is_harmless(name: str, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / f"{name.replace('/', '-')}.yaml"
    path.write_text('version: 1\nowner: "a\\eb"\ncolor: x\n', encoding="utf-8")
    result = cli("validate", path)
    assert result.code == 1
    expect_harmless(result.out)


def test_a_host_that_is_approved_is_shown_harmlessly(cli: Cli, tmp_path: Path) -> None:
    with Emulator(Settings(store=tmp_path / "s.db", handshake="manual")) as emulator:
        client = boto3.client("codeconnections", endpoint_url=emulator.url)
        arn = client.create_host(
            Name="\x1b]0;t\x07x",
            ProviderType="GitHubEnterpriseServer",
            ProviderEndpoint="https://a.example.com",
        )["HostArn"]
    done = cli("emulator", "approve", arn, "--store", tmp_path / "s.db")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "AVAILABLE" in done.out
