"""`--tags-from tagging-api`: the same reports from far fewer calls, for commands that only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.cli.main import Commands
from reconciler.cli.main import cli as root
from reconciler.emulator import Emulator, Fault, Quotas, Settings
from tests.cli.behind import Behind
from tests.conftest import ACCOUNT, REGION, ROOT, Cli, Result
from tests.recorded import Log

TOGETHER = ("--tags-from", "tagging-api")
COUNTS = {"host": 20, "connection": 130, "link": 75, "sync": 75}
NEVER = 7
"""Connections that never had a tag."""
OWNED = [{"Key": "reconciler.owner", "Value": "platform"}]
FILES = """version: 1
owner: platform
connections:
- {name: c1, provider_type: GitHub, tags: {team: one}}
- {name: c129, provider_type: GitHub, protect: in use}
- {name: c50, provider_type: GitHub}
- {name: new, provider_type: GitHub}
repository_links:
- {owner_id: acme, repository_name: r1, connection: c50, tags: {team: "1"}}
"""


class World:
    """300 objects of all kinds with ARNs of both prefixes; most are tagged, some were, some never
    have been."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.clients: list[Any] = [
            boto3.client(
                service,
                endpoint_url=emulator.url,
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="x",
            )
            for service in ("codeconnections", "codestar-connections")
        ]
        for number in range(COUNTS["host"]):
            self.host(number)
        arns = [self.connection(number) for number in range(COUNTS["connection"])]
        for number in range(COUNTS["link"]):
            self.link(number, arns[50 + number % 5])
        for number in range(9):
            self.clients[0].untag_resource(
                ResourceArn=arns[number + 20], TagKeys=["team", "reconciler.owner"]
            )

    def host(self, number: int) -> None:
        self.clients[number % 2].create_host(
            Name=f"h{number}",
            ProviderType="GitHubEnterpriseServer",
            ProviderEndpoint=f"https://git{number}.example.com",
            Tags=tags(number),
        )

    def connection(self, number: int) -> str:
        arn: str = self.clients[number % 2].create_connection(
            ConnectionName=f"c{number}",
            ProviderType="GitHub",
            **({"Tags": tags(number)} if number >= NEVER or number == 1 else {}),
        )["ConnectionArn"]
        if number >= 50:
            self.emulator.control.approve(arn)
        return arn

    def link(self, number: int, connection: str) -> None:
        client = self.clients[number % 2]
        link = client.create_repository_link(
            ConnectionArn=connection,
            OwnerId="acme",
            RepositoryName=f"r{number}",
            Tags=tags(number),
        )["RepositoryLinkInfo"]
        client.create_sync_configuration(
            Branch="main",
            ConfigFile="a.yaml",
            RepositoryLinkId=link["RepositoryLinkId"],
            ResourceName=f"s{number}",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/git-sync",
            SyncType="CFN_STACK_SYNC",
        )

    def asked(self, after: int) -> Counter[str]:
        """How often each operation was asked for after so many requests."""
        return Counter(request.operation for request in self.emulator.control.requests(after))


def tags(number: int) -> list[dict[str, str]]:
    return [{"Key": "team", "Value": str(number)}, *(OWNED if number % 3 else [])]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """What all tests look at and none changes."""
    quotas = Quotas(**{f"{name}s": 1000 for name in ("connection", "host", "repository_link")})
    with Emulator(Settings(handshake="manual", quotas=quotas)) as running:
        yield World(running)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    path = tmp_path / "infra" / "codeconnections.yaml"
    path.parent.mkdir()
    path.write_text(FILES, encoding="utf-8")
    return path


COMMANDS: dict[str, tuple[str, ...]] = {
    "plan": ("--prune", "--adopt", "--output", "json"),
    "drift": ("--count", "unmanaged", "--output", "json"),
    "status": ("--output", "json"),
    "import": ("--owner", "platform"),
    "import --diff": (),
}


def look(cli: Cli, world: World, command: str, files: Path, *words: str) -> tuple[Result, Any]:
    """What a command says, and what of it two looks have in common."""
    paths = [] if command in ("status", "import") else [files]
    where = ("--endpoint-url", world.emulator.url)
    result = cli(*command.split(), *where, *COMMANDS[command], *words, *paths)
    if "json" not in COMMANDS[command]:
        return result, (result.code, result.out, result.err)
    times = ("created", "time", "digest")
    return result, (result.code, {k: v for k, v in result.json.items() if k not in times})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_is_seen_with_the_fewest_calls(
    command: str, world: World, cli: Cli, files: Path
) -> None:
    before = world.emulator.control.requests()[-1].sequence
    alone, what = look(cli, world, command, files)
    between = world.emulator.control.requests()[-1].sequence
    together, same = look(cli, world, command, files, *TOGETHER)
    assert what == same
    assert alone.err == together.err
    assert len(alone.out) > 1000
    one_by_one, at_once = world.asked(before) - world.asked(between), world.asked(between)
    tagged = COUNTS["host"] + COUNTS["connection"] + COUNTS["link"]
    assert one_by_one["ListTagsForResource"] == tagged
    # Hosts, connections and links are listed together, and their tags read next: 225 objects.
    assert at_once["GetResources"] == 3
    assert at_once["ListTagsForResource"] == NEVER - 1
    rest = {"GetResources", "ListTagsForResource"}
    assert {k: v for k, v in one_by_one.items() if k not in rest} == {
        k: v for k, v in at_once.items() if k not in rest
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_refusal_is_a_warning(command: str, world: World, cli: Cli, files: Path) -> None:
    alone, what = look(cli, world, command, files)
    fault = Fault(kind="AccessDeniedException", operation="GetResources", count=99)
    world.emulator.control.fault(fault)
    try:
        together, same = look(cli, world, command, files, *TOGETHER)
    finally:
        world.emulator.control.clear_faults()
    *_, said = [line for line in together.err.splitlines() if "--tags-from" in line]
    assert said.startswith("Warning: tags are read one by one, since --tags-from tagging-api fail")
    assert together.err.replace(said + "\n", "") == alone.err
    assert what == same or "json" not in COMMANDS[command]
    assert together.code == alone.code


def test_what_is_not_covered_is_read_one_by_one(cli: Cli, files: Path) -> None:
    with Emulator(Settings(handshake="manual", tagging_api_covers=False)) as emulator:
        behind = Behind(emulator)
        for name in ("c1", "c50", "c129"):
            behind.connection(name, reconciler__owner="platform")
        where = ("--endpoint-url", emulator.url, "--output", "json", files)
        alone, together = cli("drift", *where), cli("drift", *TOGETHER, *where)
    assert (alone.code, alone.json["findings"]) == (together.code, together.json["findings"])
    assert alone.err == together.err


def test_it_is_there_where_nothing_is_written(cli: Cli, files: Path) -> None:
    assert isinstance(root, Commands)
    context: Any = None
    offered = {
        name
        for name in root.list_commands(context)
        for option in getattr(root.get_command(context, name), "params", ())
        if "--tags-from" in option.opts
    }
    assert offered == {"plan", "drift", "status", "import", "iam-policy"}
    assert cli("apply", *TOGETHER, files).code == 64


def test_the_environment_sets_it_for_those_commands_alone(
    cli: Cli, files: Path, recorded: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TAGS_FROM", "tagging-api")
    local = ("--local", files.parents[1] / "small")
    local[1].mkdir()
    entries = "".join(f"- {{name: c{n}, provider_type: GitHub}}\n" for n in range(3))
    text = f"version: 1\nowner: platform\nconnections:\n{entries}"
    (local[1] / "a.yaml").write_text(text, encoding="utf-8")
    assert cli("apply", "--yes", "--allow-pending", *local).code == 0
    assert cli("apply", "--yes", "--allow-pending", *local).code == 0
    assert ("apply", "ListTagsForResource") in recorded.sent
    assert ("apply", "GetResources") not in recorded.sent
    assert cli("drift", *local).code == 7
    assert ("drift", "GetResources") in recorded.sent
    assert ("drift", "ListTagsForResource") not in recorded.sent


def test_every_target_of_a_fleet_does_it(emulator: Emulator, cli: Cli, files: Path) -> None:
    targets = files.parents[1] / "targets.yaml"
    targets.write_text(
        f'version: 1\ntargets:\n- {{account: "{ACCOUNT}", regions: [{REGION}], paths: [infra]}}\n',
        encoding="utf-8",
    )
    behind = Behind(emulator)
    for name in ("c1", "c50", "c129"):
        behind.connection(name, reconciler__owner="platform")
    where = ("--targets", targets, "--endpoint-url", emulator.url, "--output", "json")
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="GetResources", after=1))
    for told in (0, 1):
        (row,) = cli("drift", *where, *TOGETHER).json["targets"]
        assert row["state"] == "differs"
        assert sum("--tags-from" in line for line in row["details"]) == told
    operations = Counter(request.operation for request in emulator.control.requests())
    assert (operations["GetResources"], operations["ListTagsForResource"]) == (2, 3)


@pytest.mark.parametrize("command", ["plan", "drift", "status", "import"])
def test_the_policy_allows_what_is_asked(command: str, cli: Cli) -> None:
    paths = [ROOT / "examples" / "quickstart"] if command in ("plan", "drift") else []
    without = cli("iam-policy", command, *paths).json["Statement"]
    allowed = cli("iam-policy", command, *TOGETHER, *paths).json["Statement"]
    more = [statement for statement in allowed if statement not in without]
    assert more == [
        {"Sid": "Tags", "Effect": "Allow", "Action": ["tag:GetResources"], "Resource": ["*"]}
    ]
    assert len(allowed) == len(without) + 1


def test_the_policy_of_what_writes_is_as_before(cli: Cli) -> None:
    path = ROOT / "examples" / "quickstart"
    for command in ("apply", "destroy", "validate", "forget"):
        assert cli("iam-policy", command, *TOGETHER, path).json == (
            cli("iam-policy", command, path).json
        )
