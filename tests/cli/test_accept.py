"""`accept`: what is live is written into the files, and no other byte of them changes."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from reconciler.emulator.settings import Quotas
from tests.cli.behind import Behind
from tests.conftest import Cli

ROLE = "arn:aws:iam::111122223333:role/sync"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0123"
TEXT = f"""\
# everything
version: 1
owner: platform
defaults:
  tags: {{team: platform}}   # of all

hosts:
  # the host
  - name: ghes   # its name
    provider_type: GitHubEnterpriseServer
    provider_endpoint: 'https://git.example.com'  # where
    vpc_configuration:
      vpc_id: vpc-01234567
      subnet_ids:
        - subnet-01234567   # a
        - subnet-89abcdef   # b
      security_group_ids: [sg-01234567, sg-89abcdef]  # two
connections:
  - name: main
    provider_type: GitHub
    protect: "ours"   # why
    tags:
      # who pays
      cost: "1"   # a number
  - {{name: second, provider_type: GitHub}}   # flow
  - name: third
    provider_type: GitLab

repository_links:
  - owner_id: acme
    repository_name: net
    connection: main  # by name
    encryption_key_arn: {KEY}
sync_configurations:
  - resource_name: stack
    repository: acme/net
    branch: main     # the branch
    config_file: a.yaml
    role_arn: {ROLE}
    publish_deployment_status: ENABLED
# the end"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that sets networks up at once, and has room."""
    quotas = Quotas(connections=1000)
    with Emulator(Settings(handshake="manual", vpc_seconds=0, quotas=quotas)) as running:
        yield running


@pytest.fixture
def file(run: Cli, emulator: Emulator) -> Path:
    """Everything, declared and applied."""
    path = Path("all.yaml")
    path.write_text(TEXT, encoding="utf-8")
    for _ in range(3):
        run("apply", "--yes", path)
        for one in emulator.control.pending():
            if one.kind == "connection":  # a host can only be updated before
                emulator.control.approve(one.arn)
    assert run("plan", "--allow-pending", "--detailed-exitcode", path).code == 0
    return path


def changed(path: Path, before: str = TEXT) -> list[str]:
    """The lines that went and came."""
    after = path.read_bytes().decode("utf-8")
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


def update(behind: Behind, **members: Any) -> None:
    behind.client.update_sync_configuration(
        SyncType="CFN_STACK_SYNC", ResourceName="stack", **members
    )


def move_link(behind: Behind) -> None:
    (link,) = behind.client.list_repository_links()["RepositoryLinks"]
    other = behind.arn_of("second")
    behind.client.update_repository_link(
        RepositoryLinkId=link["RepositoryLinkId"], ConnectionArn=other
    )


def rekey_link(behind: Behind) -> None:
    (link,) = behind.client.list_repository_links()["RepositoryLinks"]
    behind.client.update_repository_link(
        RepositoryLinkId=link["RepositoryLinkId"], EncryptionKeyArn=f"{KEY}4"
    )


def move_host(behind: Behind, **vpc: list[str]) -> None:
    config = {
        "VpcId": "vpc-01234567",
        "SubnetIds": ["subnet-01234567", "subnet-89abcdef"],
        "SecurityGroupIds": ["sg-01234567", "sg-89abcdef"],
    }
    behind.client.update_host(HostArn=behind.arn_of("ghes"), VpcConfiguration={**config, **vpc})


C, H, S, L = "connection/main", "host/ghes", "sync_configuration/stack", "repository_link/acme/net"
# address, what somebody does, the lines that go and come
CASES: list[tuple[str, Any, list[str]]] = [
    (
        S,
        lambda b: update(b, Branch="dev"),
        ["-    branch: main     # the branch\n", "+    branch: dev     # the branch\n"],
    ),
    (
        S,
        lambda b: update(b, Branch="no"),
        ["-    branch: main     # the branch\n", '+    branch: "no"     # the branch\n'],
    ),
    (
        S,
        lambda b: update(b, ConfigFile="b, c"),
        ["-    config_file: a.yaml\n", "+    config_file: b, c\n"],
    ),
    (
        S,
        lambda b: update(b, RoleArn=f"{ROLE}2"),
        [f"-    role_arn: {ROLE}\n", f"+    role_arn: {ROLE}2\n"],
    ),
    (
        S,
        lambda b: update(b, PublishDeploymentStatus="DISABLED"),
        ["-    publish_deployment_status: ENABLED\n", "+    publish_deployment_status: DISABLED\n"],
    ),
    (L, move_link, ["-    connection: main  # by name\n", "+    connection: second  # by name\n"]),
    (L, rekey_link, [f"-    encryption_key_arn: {KEY}\n", f"+    encryption_key_arn: {KEY}4\n"]),
    (
        H,
        lambda b: b.client.update_host(
            HostArn=b.arn_of("ghes"), ProviderEndpoint="https://it's.example.com"
        ),
        [
            "-    provider_endpoint: 'https://git.example.com'  # where\n",
            "+    provider_endpoint: 'https://it''s.example.com'  # where\n",
        ],
    ),
    (
        H,
        lambda b: move_host(b, SubnetIds=["subnet-11111111", "subnet-89abcdef"]),
        ["-        - subnet-01234567   # a\n", "+        - subnet-11111111\n"],
    ),
    (
        H,
        lambda b: move_host(b, SecurityGroupIds=["sg-11111111", "sg-89abcdef"]),
        [
            "-      security_group_ids: [sg-01234567, sg-89abcdef]  # two\n",
            "+      security_group_ids: [sg-89abcdef, sg-11111111]  # two\n",
        ],
    ),
    (
        C,
        lambda b: b.tag(b.arn_of("main"), cost="02"),
        ['-      cost: "1"   # a number\n', '+      cost: "02"   # a number\n'],
    ),
    (C, lambda b: b.tag(b.arn_of("main"), env="prod"), ['+      env: "prod"\n']),
    (
        C,
        lambda b: b.untag(b.arn_of("main"), "cost"),
        [
            "-    tags:\n",
            "+    tags: {}\n",
            '-      cost: "1"   # a number\n',
        ],
    ),
    (C, lambda b: b.tag(b.arn_of("main"), team="others"), ['+      team: "others"\n']),
    (
        "connection/second",
        lambda b: b.tag(b.arn_of("second"), team="x"),
        [
            "-  - {name: second, provider_type: GitHub}   # flow\n",
            "+  - {name: second, provider_type: GitHub, tags: {team: x}}   # flow\n",
        ],
    ),
    (
        "connection/third",
        lambda b: b.tag(b.arn_of("third"), a="b"),
        ["+    tags:\n", "+      a: b\n"],
    ),
    (
        C,
        lambda b: b.tag(b.arn_of("main"), reconciler__protect="theirs"),
        ['-    protect: "ours"   # why\n', '+    protect: "theirs"   # why\n'],
    ),
    (
        "connection/third",
        lambda b: b.tag(b.arn_of("third"), reconciler__protect="p"),
        ["+    protect: p\n"],
    ),
    (
        "connection/second",
        lambda b: b.client.delete_connection(ConnectionArn=b.arn_of("second")),
        ["-  - {name: second, provider_type: GitHub}   # flow\n"],
    ),
    (
        S,
        lambda b: b.client.delete_sync_configuration(
            SyncType="CFN_STACK_SYNC", ResourceName="stack"
        ),
        ["- sync_configurations:\n", "+ sync_configurations: []\n"],
    ),
    ("connection/new", lambda b: b.connection("new", team="platform"), ["+  - name: new\n"]),
    (
        "connection/mine",
        lambda b: b.connection("mine", team="platform", reconciler__owner="platform"),
        ["+  - name: mine\n"],
    ),
]


@pytest.mark.parametrize(("address", "act", "lines"), CASES, ids=range(len(CASES)))
def test_what_is_live_is_written(
    address: str, act: Any, lines: list[str], run: Cli, behind: Behind, file: Path
) -> None:
    file.chmod(0o640)
    act(behind)
    refused = run("accept", address, file)
    assert (refused.code, refused.out) == (64, "")
    done = run("accept", "--yes", address, file)
    assert (done.code, done.err) == (0, f"Wrote {file}.\n")
    got = [line[0] + line[2:] for line in changed(file)]
    wanted = [line.replace("- sync", "-sync").replace("+ sync", "+sync") for line in lines]
    assert got[: len(wanted)] == wanted
    assert len(got) <= len(wanted) + 6
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert all(line in done.out for line in wanted)
    words = ("--adopt", "--detailed-exitcode", "--output", "json", file)
    left = [c for c in run("plan", *words).json["changes"] if c["address"] == address]
    assert {f["path"] for c in left for f in c["fields"]} <= {"owner"}
    again = run("accept", "--yes", address, file)
    assert again.code == (1 if "delete" in str(act) else again.code)


def test_nothing_to_accept(run: Cli, file: Path) -> None:
    done = run("accept", "--yes", C, file)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("Nothing to accept: connection/main is as it is declared")
    assert changed(file) == []


def test_only_some_fields(run: Cli, behind: Behind, file: Path) -> None:
    update(behind, Branch="dev", ConfigFile="b.yaml")
    assert "Nothing to accept" in run("accept", "--yes", "--field", "tags.*", S, file).err
    assert run("accept", "--yes", "--field", "bra*", S, file).code == 0
    assert len(changed(file)) == 2


def test_a_protection_goes_only_when_it_is_named(run: Cli, behind: Behind, file: Path) -> None:
    behind.untag(behind.arn_of("main"), "reconciler.protect")
    kept = run("accept", "--yes", C, file)
    assert (kept.code, changed(file)) == (0, [])
    assert "`protect` stays: --field protect takes it out" in kept.err
    assert run("accept", "--yes", "--field", "protect", C, file).code == 0
    assert [line[0] + line[2:] for line in changed(file)] == ['-    protect: "ours"   # why\n']


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_stay(
    mark: str, run: Cli, behind: Behind, file: Path
) -> None:
    before = mark + TEXT.replace("\n", "\r\n")
    file.write_bytes(before.encode())
    update(behind, Branch="dev")
    behind.tag(behind.arn_of("third"), x="y")
    assert run("accept", "--yes", S, file).code == 0
    assert run("accept", "--yes", "connection/third", file).code == 0
    wanted = before.replace("branch: main ", "branch: dev ")
    wanted = wanted.replace("GitLab\r\n", 'GitLab\r\n    tags:\r\n      x: "y"\r\n')
    assert file.read_bytes() == wanted.encode()


def test_what_is_refused(run: Cli, behind: Behind, file: Path) -> None:
    behind.untag(behind.arn_of("second"), "team")
    behind.connection("foreign", reconciler__owner="others")
    behind.connection("a\u202eb")
    for words, said in [
        (("connection/second",), "defaults cannot be taken out of one"),
        (("connection/foreign",), "is owned by others, which is not accepted"),
        (("connection/mani",), "did you mean connection/main?"),
        (("connection/a\u202eb",), "cannot be declared: `name` holds the unprintable"),
    ]:
        done = run("accept", "--yes", *words, file)
        assert (done.code, done.out) == (1, "")
        assert said in done.err
        assert done.err.startswith("Error: ")
        assert len(done.err.splitlines()) == 1
    assert changed(file) == []
    assert run("accept", "--yes", C, "-").code == 64
    assert run("accept", "--yes", C).code == 64


def test_an_owner_is_never_accepted(run: Cli, behind: Behind, file: Path) -> None:
    behind.tag(behind.arn_of("third"), reconciler__owner="others")
    done = run("accept", "--yes", "connection/third", file)
    assert done.code == 0
    assert "Note: connection/third is owned by others, which is not accepted" in done.err
    assert "Nothing to accept" in done.err
    assert changed(file) == []


def test_what_is_read_from_another_file(run: Cli, behind: Behind, file: Path) -> None:
    Path("branch.txt").write_text("main", encoding="utf-8")
    text = TEXT.replace("branch: main  ", "branch: !file branch.txt")
    file.write_text(text, encoding="utf-8")
    update(behind, Branch="dev")
    done = run("accept", "--yes", S, file)
    assert done.code == 1
    assert "sync_configuration/stack: branch: it is read with !file: edit that file" in done.err
    assert file.read_text(encoding="utf-8") == text


def test_a_parent_that_others_refer_to_is_not_removed(run: Cli, behind: Behind, file: Path) -> None:
    text = TEXT.replace("connection: main", "connection: fourth").replace(
        "  - name: third", "  - {name: fourth, provider_type: GitHub}\n  - name: third"
    )
    file.write_text(text, encoding="utf-8")
    done = run("accept", "--yes", "connection/fourth", file)
    assert done.code == 1
    assert "connection `fourth` is not declared" in done.err
    assert file.read_text(encoding="utf-8") == text


def test_an_incomplete_read_writes_nothing(
    run: Cli, behind: Behind, file: Path, emulator: Emulator
) -> None:
    update(behind, Branch="dev")
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="ListHosts"))
    assert run("accept", "--yes", S, file).code == 1
    assert changed(file) == []


def test_another_provider_is_an_immutable_difference(run: Cli, behind: Behind, file: Path) -> None:
    """All that makes a connection what it is changes together."""
    behind.client.delete_connection(ConnectionArn=behind.arn_of("third"))
    behind.emulator.control.approve(behind.arn_of("ghes"))
    made = behind.client.create_connection(ConnectionName="third", HostArn=behind.arn_of("ghes"))
    behind.tag(made["ConnectionArn"], team="platform", reconciler__owner="platform")
    assert run("accept", "--yes", "connection/third", file).code == 0
    assert [line[0] + line[2:] for line in changed(file)] == [
        "-    provider_type: GitLab\n",
        "+    host: ghes\n",
    ]
