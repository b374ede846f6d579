"""A day in the life of an account: somebody made 40 objects by hand; they become files and are
adopted; twelve things are changed behind everybody's back; all of them are found, and mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator, Settings
from tests.conftest import REGION, Cli, Result
from tests.recorded import Log, senders

ROLE = "arn:aws:iam::111122223333:role/git-sync"
SYNC = "CFN_STACK_SYNC"


@pytest.fixture
def account() -> Iterator[Emulator]:
    """2 hosts, 12 connections, 13 repository links and 13 stacks, made and approved by hand."""
    with Emulator(Settings(handshake="manual")) as running:
        aws = client(running)
        for n in range(2):
            aws.create_host(
                Name=f"host-{n}",
                ProviderType="GitHubEnterpriseServer",
                ProviderEndpoint=f"https://git{n}.example.com",
                Tags=tags(team="infra"),
            )
            running.control.approve(f"host/host-{n}")
        hosts = [host["HostArn"] for host in aws.list_hosts()["Hosts"]]
        for n in range(12):
            how = {"HostArn": hosts[n]} if n == 0 else {"ProviderType": "GitHub"}
            aws.create_connection(ConnectionName=f"connection-{n}", Tags=tags(team="infra"), **how)
            running.control.approve(f"connection/connection-{n}")
        for n in range(13):
            aws.create_repository_link(
                ConnectionArn=arn(running, f"connection-{2 + n % 8}"),
                OwnerId="acme",
                RepositoryName=f"repository-{n}",
            )
            aws.create_sync_configuration(
                SyncType=SYNC,
                ResourceName=f"stack-{n}",
                RepositoryLinkId=link(running, f"repository-{n}"),
                Branch="main",
                ConfigFile=f"deploy/{n}.yaml",
                RoleArn=ROLE,
            )
            running.control.record_sync(f"stack-{n}", "SUCCEEDED")
        yield running


def client(emulator: Emulator) -> Any:
    return boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def arn(emulator: Emulator, name: str) -> str:
    found = client(emulator).list_connections()["Connections"]
    return {c["ConnectionName"]: str(c["ConnectionArn"]) for c in found}[name]


def link(emulator: Emulator, name: str) -> str:
    found = client(emulator).list_repository_links()["RepositoryLinks"]
    return {n["RepositoryName"]: str(n["RepositoryLinkId"]) for n in found}[name]


def changed_behind(emulator: Emulator) -> None:
    """Twelve things, of every class that a live object can be found in."""
    aws, control = client(emulator), emulator.control
    owner = {"reconciler.owner": "platform"}
    aws.tag_resource(ResourceArn=arn(emulator, "connection-2"), Tags=tags(team="app"))
    aws.update_repository_link(
        RepositoryLinkId=link(emulator, "repository-1"),
        ConnectionArn=arn(emulator, "connection-9"),
    )
    aws.update_sync_configuration(SyncType=SYNC, ResourceName="stack-2", Branch="wild")
    aws.delete_connection(ConnectionArn=arn(emulator, "connection-10"))
    orphan = {"ConnectionName": "orphan", "ProviderType": "GitHub"}
    aws.create_connection(**orphan, Tags=tags(**owner))
    control.approve("connection/orphan")
    aws.create_connection(ConnectionName="by-hand", ProviderType="GitHub")
    control.approve("connection/by-hand")
    again = {"ConnectionName": "connection-11", "ProviderType": "GitHub"}
    aws.delete_connection(ConnectionArn=arn(emulator, "connection-11"))
    aws.create_connection(**again, Tags=tags(team="infra", **owner))  # and nobody approved it
    control.approve("connection/connection-0", ok=False)
    control.approve("host/host-1", ok=False, message="no such subnet")
    control.record_sync("stack-3", "FAILED", events=["the template is wrong"])
    control.record_blocker("stack-4", "the stack was changed by hand")
    aws.tag_resource(ResourceArn=arn(emulator, "connection-3"), Tags=tags(note="mine"))


FOUND = {
    ("changed", "connection/connection-2", "tags.team"),
    ("changed", "repository_link/acme/repository-1", "connection"),
    ("changed", "sync_configuration/stack-2", "branch"),
    ("missing", "connection/connection-10", ""),
    ("orphan", "connection/orphan", ""),
    ("unmanaged", "connection/by-hand", ""),
    ("waiting", "connection/connection-11", ""),
    ("error", "connection/connection-0", ""),
    ("failed", "host/host-1", ""),
    ("sync_failing", "sync_configuration/stack-3", ""),
    ("sync_blocked", "sync_configuration/stack-4", ""),
    ("ignored", "connection/connection-3", "tags.note"),
}


def test_an_account_comes_aboard_drifts_and_is_mended(
    cli: Cli, account: Emulator, tmp_path: Path, recorded: Log
) -> None:
    where = ("--endpoint-url", account.url)
    infra = tmp_path / "infra"

    # Aboard: files of everything, which change nothing but ownership.
    made = cli("import", *where, "--owner", "platform", "--to", f"{infra}/")
    assert made.code == 0, made.err
    planned = cli("plan", *where, "--adopt", "--output", "json", infra)
    assert planned.json["summary"]["adopt"] + planned.json["summary"]["unchanged"] == 40
    paths = {field["path"] for change in planned.json["changes"] for field in change["fields"]}
    assert paths == {"owner"}
    assert cli("apply", *where, "--adopt", "--yes", infra).code == 0
    ignoring(infra / "connections.yaml")
    clean = cli("drift", *where, infra)
    assert clean == Result(0, "", "")

    # Behind everybody's back.
    changed_behind(account)
    drift = cli("drift", *where, "--output", "json", infra)
    assert drift.code == 7
    found = {
        (f["code"], f["address"], ", ".join(field["path"] for field in f["fields"]))
        for f in drift.json["findings"]
    }
    assert found == FOUND
    assert len(drift.json["findings"]) == 12

    # Two are right as they are; the rest is put right.
    assert cli("accept", *where, "--yes", "connection/connection-2", infra).code == 0
    assert cli("accept", *where, "--yes", "connection/by-hand", infra).code == 0
    unblock = ("unblock", *where, "--yes", "--reason", "put right in the template")
    assert cli(*unblock, "stack-4").code == 0
    account.control.approve("host/host-1")
    for name in ("connection-0", "connection-11"):
        account.control.approve(f"connection/{name}")
    account.control.record_sync("stack-3", "SUCCEEDED")
    allowed = ("--adopt", "--prune", "--allow-destroy", "connection/orphan")
    assert cli("apply", *where, "--yes", *allowed, infra).code == 7  # connection-10 was made again
    account.control.approve("connection/connection-10")
    assert cli("apply", *where, "--yes", infra).code == 0

    clean = cli("drift", *where, infra)
    assert (clean.code, clean.out, clean.err) == (0, "", "")
    (left,) = cli("drift", *where, "--output", "json", infra).json["findings"]
    assert left["code"] == "ignored"
    assert cli("status", *where).code == 0
    assert {command for command, _ in recorded.sent} >= {"accept", "apply", "drift", "import"}


def ignoring(file: Path) -> None:
    """Leave a tag of one connection alone."""
    text = file.read_text(encoding="utf-8")
    rule = "    ignore: [{field: tags.note, reason: people write what they like}]\n"
    name = "- name: connection-3\n"
    assert name in text
    file.write_text(text.replace(name, name + rule), encoding="utf-8")


def test_every_operation_is_sent_by_a_command(cli: Cli, account: Emulator, tmp_path: Path) -> None:
    """All 27 operations, as the emulator's log has them."""
    where, log = ("--endpoint-url", account.url), Log()
    infra, before = tmp_path / "infra", len(account.control.requests())

    def run(command: str, *words: str | Path) -> None:
        done = cli(command, *where, *words)
        assert done.code in (0, 7), (command, done)

    run("import", "--owner", "platform", "--to", f"{infra}/")
    run("apply", "--adopt", "--yes", infra)
    account.control.record_blocker("stack-4", "the stack was changed by hand")
    run("status")
    run("unblock", "--yes", "--reason", "mended", "stack-4")
    hosts = infra / "hosts.yaml"
    text = hosts.read_text(encoding="utf-8")
    new = (
        "  - {name: new, provider_type: GitHubEnterpriseServer, provider_endpoint: 'https://%s'}\n"
    )
    hosts.write_text(text + new % "a.example.com", encoding="utf-8")
    run("apply", "--yes", infra)
    hosts.write_text(text + new % "b.example.com", encoding="utf-8")
    links = infra / "repository_links.yaml"
    text = links.read_text(encoding="utf-8").replace(
        "connection: connection-2", "connection: connection-3"
    )
    links.write_text(text, encoding="utf-8")
    syncs = infra / "sync_configurations.yaml"
    text = syncs.read_text(encoding="utf-8").replace("branch: main", "branch: next")
    syncs.write_text(text, encoding="utf-8")
    run("apply", "--yes", infra)
    run("forget", "--yes", "--owner", "platform", "connection/connection-5")
    run("apply", "--yes", "--adopt", infra)
    run("destroy", "--yes", "--max-destroy", "99", *allowing(account), infra)
    run("apply", "--yes", infra)
    for one in account.control.pending():
        account.control.approve(one.arn)
    for one in account.control.pending():
        account.control.approve(one.arn)
    run("apply", "--yes", infra)
    log.check([str(word) for word in where])
    ours = set(senders()) - {"GetResources"}
    assert len(ours) == 27
    assert {operation for _, operation in log.sent} & ours == ours
    assert before


def allowing(account: Emulator) -> list[str]:
    names = [f"{one.kind}/{one.name}" for one in account.control.everything()]
    return [word for name in names for word in ("--allow-destroy", name)]
