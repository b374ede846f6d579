"""`drift`: quiet when clean, specific when not, and never able to write."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest

from reconciler.cli.commands.drift import QUIET as CHOICES
from reconciler.cli.commands.schema import schema_text
from reconciler.drift import CLASSES, QUIET
from reconciler.emulator import Emulator, Fault, Settings
from tests.conftest import ACCOUNT, REGION, Cli, Result

FILES = """version: 1
owner: platform
ignore_tags: ["cost-*"]
hosts:
- {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://git.example.com"}
connections:
- name: main
  provider_type: GitHub
  tags: {team: platform}
  ignore:
  - {field: tags.note, reason: written by another tool, until: "2999-12-31", owner: ana}
- {name: spare, provider_type: GitHub}
repository_links:
- {owner_id: acme, repository_name: network, connection: main}
- {owner_id: acme, repository_name: storage, connection: main}
sync_configurations:
- resource_name: network-prod
  repository: acme/network
  branch: main
  config_file: a.yaml
  role_arn: arn:aws:iam::111122223333:role/git-sync
"""


@dataclass(frozen=True)
class World:
    """Files, applied to an emulator."""

    cli: Cli
    emulator: Emulator
    file: Path

    @property
    def aws(self) -> Any:
        """Somebody else's client."""
        url = self.emulator.url
        return boto3.client("codeconnections", endpoint_url=url, region_name=REGION)

    def run(self, command: str, *words: str) -> Result:
        return self.cli(command, "--endpoint-url", self.emulator.url, *words, self.file)

    def drift(self, *words: str) -> Result:
        return self.run("drift", *words)

    def findings(self, *words: str) -> list[dict[str, Any]]:
        """The findings, out of a document that keeps to its schema."""
        result = self.drift("--output", "json", *words)
        jsonschema.validate(result.json, json.loads(schema_text("drift")))
        found: list[dict[str, Any]] = result.json["findings"]
        return found

    def arn(self, name: str) -> str:
        """The ARN of a connection, host or link."""
        every = [
            *((c["ConnectionName"], c["ConnectionArn"]) for c in self._connections()),
            *((h["Name"], h["HostArn"]) for h in self.aws.list_hosts()["Hosts"]),
            *((n["RepositoryName"], n["RepositoryLinkArn"]) for n in self._links()),
        ]
        return str(dict(every)[name])

    def link(self, name: str) -> str:
        return str({n["RepositoryName"]: n["RepositoryLinkId"] for n in self._links()}[name])

    def _connections(self) -> Any:
        return self.aws.list_connections()["Connections"]

    def _links(self) -> Any:
        return self.aws.list_repository_links()["RepositoryLinks"]


@pytest.fixture
def world(cli: Cli, tmp_path: Path) -> Iterator[World]:
    file = tmp_path / "infra" / "codeconnections.yaml"
    file.parent.mkdir()
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake="auto", handshake_seconds=0.0)) as running:
        made = World(cli, running, file)
        assert made.run("apply", "--yes", "--wait").code == 0
        yield made


def told(findings: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    return {(finding["code"], finding["address"]) for finding in findings}


def test_nothing_is_said_where_all_is_as_declared(world: World) -> None:
    clean = world.drift()
    assert (clean.code, clean.out, clean.err) == (0, "", "")
    assert world.findings() == []


def test_a_changed_tag_is_told_with_both_sides(world: World) -> None:
    world.aws.tag_resource(ResourceArn=world.arn("main"), Tags=[{"Key": "team", "Value": "app"}])
    found = world.drift()
    assert found.code == 2
    assert "changed  connection/main differs in tags.team" in found.out
    assert "tags.team  app  (declared: platform)" in found.out
    assert found.err == (
        f"Drift: 1 changed, in 6 objects of account {ACCOUNT}, {REGION}, owner platform.\n"
    )
    (finding,) = world.findings()
    assert finding["fields"] == [
        {"path": "tags.team", "before": "app", "after": "platform", "forces_replacement": False}
    ]
    assert finding["source"] == {"file": str(world.file), "line": 7, "column": 3}
    assert finding["id"] == world.arn("main")


def test_a_missing_object_is_one_finding_and_not_one_for_each_that_refers_to_it(
    world: World,
) -> None:
    """AWS lets a connection go under its links; they will have to be moved to the next one."""
    world.aws.delete_connection(ConnectionArn=world.arn("main"))
    assert told(world.findings()) == {("missing", "connection/main")}


def test_a_missing_stack_is_found(world: World) -> None:
    world.aws.delete_sync_configuration(SyncType="CFN_STACK_SYNC", ResourceName="network-prod")
    assert told(world.findings()) == {("missing", "sync_configuration/network-prod")}


def test_a_changed_field_of_each_updatable_kind_is_found(world: World) -> None:
    world.aws.update_sync_configuration(
        SyncType="CFN_STACK_SYNC", ResourceName="network-prod", Branch="wild"
    )
    world.aws.update_repository_link(
        RepositoryLinkId=world.link("storage"), ConnectionArn=world.arn("spare")
    )
    found = world.findings()
    assert told(found) == {
        ("changed", "sync_configuration/network-prod"),
        ("changed", "repository_link/acme/storage"),
    }
    fields = {f["address"]: f["fields"][0] for f in found}
    link = fields["repository_link/acme/storage"]
    assert (link["path"], link["before"], link["after"]) == (
        "connection",
        "connection/spare",
        "connection/main",
    )


def test_a_lost_owner_is_a_change(world: World) -> None:
    world.aws.untag_resource(ResourceArn=world.arn("spare"), TagKeys=["reconciler.owner"])
    (finding,) = world.findings()
    assert finding["code"] == "changed"
    assert finding["fields"][0]["path"] == "owner"


def test_what_is_owned_and_not_declared_is_an_orphan(world: World) -> None:
    world.file.write_text(
        FILES.replace("- {name: spare, provider_type: GitHub}\n", ""), encoding="utf-8"
    )
    assert told(world.findings()) == {("orphan", "connection/spare")}
    assert world.drift().code == 2


def test_what_nobody_owns_is_told_and_counts_only_when_asked(world: World) -> None:
    arn = world.aws.create_connection(ConnectionName="hand-made", ProviderType="GitHub")
    (finding,) = world.findings()
    assert (finding["code"], finding["level"]) == ("unmanaged", "info")
    assert finding["id"] == arn["ConnectionArn"]
    quiet = world.drift()
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    asked = world.drift("--count", "unmanaged")
    assert asked.code == 2
    assert "unmanaged  connection/hand-made is live, owned by nobody" in asked.out


def test_what_another_owner_has_is_not_told(world: World) -> None:
    world.aws.create_connection(
        ConnectionName="theirs",
        ProviderType="GitHub",
        Tags=[{"Key": "reconciler.owner", "Value": "others"}],
    )
    assert world.findings() == []


def test_an_ignored_difference_is_told_with_reason_and_end(world: World) -> None:
    assert world.findings() == []
    world.aws.tag_resource(ResourceArn=world.arn("main"), Tags=[{"Key": "note", "Value": "y"}])
    (finding,) = world.findings()
    assert (finding["code"], finding["level"], finding["reason"], finding["until"]) == (
        "ignored",
        "info",
        "written by another tool",
        "2999-12-31",
    )
    assert finding["message"] == (
        "differs in tags.note, ignored until 2999-12-31: written by another tool (by ana)"
    )
    assert world.drift().code == 0
    assert world.drift("--count", "ignored").code == 2


def test_a_lapsed_rule_ignores_nothing(world: World) -> None:
    world.file.write_text(FILES.replace("2999-12-31", "2020-01-31"), encoding="utf-8")
    world.aws.tag_resource(ResourceArn=world.arn("main"), Tags=[{"Key": "note", "Value": "y"}])
    assert told(world.findings()) == {("changed", "connection/main")}


def test_an_ignored_tag_of_the_whole_files_is_no_finding(world: World) -> None:
    world.aws.tag_resource(
        ResourceArn=world.arn("main"), Tags=[{"Key": "cost-center", "Value": "7"}]
    )
    assert world.findings() == []


@pytest.mark.parametrize(
    ("target", "code", "status"),
    [
        ("connection/main", "error", "ERROR"),
        ("host/ghes", "failed", "VPC_CONFIG_FAILED_INITIALIZATION"),
    ],
)
def test_what_failed_is_told_apart_from_what_waits(
    world: World, target: str, code: str, status: str
) -> None:
    world.emulator.control.approve(target, ok=False, message="no such network")
    (finding,) = world.findings()
    assert (finding["code"], finding["address"], finding["level"]) == (code, target, "warning")
    assert f"is {status}: " in finding["message"]
    assert finding["link"]
    assert world.drift().code == 2


def test_a_failing_sync_is_told_with_its_last_event(world: World) -> None:
    world.emulator.control.record_sync("network-prod", "SUCCEEDED")
    assert world.findings() == []
    world.emulator.control.record_sync("network-prod", "FAILED", events=["x", "no such role"])
    (finding,) = world.findings()
    assert (finding["code"], finding["address"]) == (
        "sync_failing",
        "sync_configuration/network-prod",
    )
    assert finding["message"].endswith("failed: no such role")


def test_a_blocked_sync_is_told_with_the_blocker(world: World) -> None:
    id_ = world.emulator.control.record_blocker("network-prod", "stack was changed by hand")
    (finding,) = world.findings()
    assert finding["code"] == "sync_blocked"
    assert finding["message"].endswith(f"stack was changed by hand (blocker {id_})")
    assert world.drift().code == 2


def test_what_a_person_has_to_do_has_a_code_of_its_own(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake="manual")) as running:
        where = ("--endpoint-url", running.url)
        assert cli("apply", *where, "--yes", file).code == 7
        found = cli("drift", *where, file)
        assert found.code == 7
        assert "waiting  connection/main is PENDING: approve it" in found.out
        # What stands on them was never made: it is missing, and that is drift of its own.
        assert "missing  repository_link/acme/network is declared and not there" in found.out
        assert cli("drift", *where, "--allow-pending", file).code == 2
        running.control.approve("connection/main")
        running.control.approve("connection/spare")
        running.control.approve("host/ghes")
        assert cli("apply", *where, "--yes", file).code == 0
        assert cli("drift", *where, file).code == 0


@pytest.mark.parametrize(
    "operation",
    [
        "ListConnections",
        "ListHosts",
        "ListRepositoryLinks",
        "ListSyncConfigurations",
        "ListTagsForResource",
        "GetResourceSyncStatus",
        "GetRepositorySyncStatus",
        "GetSyncBlockerSummary",
    ],
)
def test_what_was_not_read_never_looks_clean(world: World, operation: str) -> None:
    world.emulator.control.fault(Fault(kind="AccessDeniedException", operation=operation, count=99))
    found = world.drift()
    assert found.code == 1
    assert "not checked" in found.out
    assert "AccessDeniedException" in found.out
    assert found.err.startswith("Not all checked: ")
    document = world.drift("--output", "json").json
    assert document["coverage"]["complete"] is False
    assert document["summary"]["orphan"] == 0
    assert {f["code"] for f in document["findings"]} <= {"not_checked"}


def test_two_objects_of_one_name_were_not_checked(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake_seconds=0.0)) as running:
        world = World(cli, running, file)
        assert world.run("apply", "--yes", "--wait").code == 0
        world.aws.create_connection(ConnectionName="spare", ProviderType="GitHub")
        found = world.findings()
    assert ("not_checked", "connection/spare") in told(found)
    assert world.file.exists()


def test_files_for_another_account_are_not_held_against_this_one(world: World) -> None:
    world.file.write_text(FILES + 'account: "222233334444"\n', encoding="utf-8")
    refused = world.drift()
    assert (refused.code, refused.out) == (1, "")
    assert "the files are for account 222233334444" in refused.err


def test_the_choices_are_those_of_the_program() -> None:
    assert set(CHOICES) == QUIET
    assert set(CLASSES) > QUIET


def test_drift_sends_nothing_that_changes_anything(world: World) -> None:
    sent = len(world.emulator.control.requests(mutating_only=True))
    world.aws.delete_connection(ConnectionArn=world.arn("spare"))
    world.drift("--count", "unmanaged")
    world.drift("--output", "json")
    assert len(world.emulator.control.requests(mutating_only=True)) == sent + 1


# --base


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def versioned(world: World) -> World:
    """The world with its files in Git; the first revision is what was applied."""
    git(world.file.parent, "init", "-q", "-b", "main")
    git(world.file.parent, "add", "-A")
    git(world.file.parent, "commit", "-qm", "applied")
    return world


def test_a_file_that_moved_on_is_pending_and_no_drift(versioned: World) -> None:
    moved = FILES.replace("branch: main", "branch: next").replace("team: platform", "team: infra")
    moved = moved.replace("- {name: spare, provider_type: GitHub}\n", "")
    versioned.file.write_text(moved, encoding="utf-8")
    without = told(versioned.findings())
    assert without == {
        ("changed", "connection/main"),
        ("changed", "sync_configuration/network-prod"),
        ("orphan", "connection/spare"),
    }
    found = versioned.findings("--base", "HEAD")
    assert told(found) == {(("pending"), address) for _, address in without}
    assert {finding["level"] for finding in found} == {"info"}
    quiet = versioned.drift("--base", "HEAD")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert versioned.drift("--base", "HEAD", "--count", "pending").code == 2


def test_drift_and_pending_are_told_apart_field_by_field(versioned: World) -> None:
    """The live object left what was applied in one tag; the files moved on in another."""
    versioned.aws.tag_resource(
        ResourceArn=versioned.arn("main"), Tags=[{"Key": "team", "Value": "app"}]
    )
    moved = FILES.replace("team: platform}", "team: platform, tier: one}")
    versioned.file.write_text(moved, encoding="utf-8")
    found = {f["code"]: f for f in versioned.findings("--base", "HEAD")}
    assert sorted(found) == ["changed", "pending"]
    assert [f["path"] for f in found["changed"]["fields"]] == ["tags.team"]
    assert [f["path"] for f in found["pending"]["fields"]] == ["tags.tier"]
    assert versioned.drift("--base", "HEAD").code == 2


def test_a_new_entry_is_pending_and_an_old_one_that_is_gone_is_missing(versioned: World) -> None:
    versioned.aws.delete_connection(ConnectionArn=versioned.arn("spare"))
    text = FILES.replace(
        "repository_links:", "- {name: new, provider_type: GitHub}\nrepository_links:"
    )
    versioned.file.write_text(text, encoding="utf-8")
    assert told(versioned.findings("--base", "HEAD")) == {
        ("missing", "connection/spare"),
        ("pending", "connection/new"),
    }


def test_a_folder_of_files_is_taken_whole(versioned: World) -> None:
    versioned.file.rename(versioned.file.with_name("other.yaml"))
    folder = World(versioned.cli, versioned.emulator, versioned.file.parent)
    assert folder.findings("--base", "HEAD") == []
    (versioned.file.parent / "more.yaml").write_text(
        "version: 1\nconnections:\n- {name: new, provider_type: GitHub}\n", encoding="utf-8"
    )
    assert told(folder.findings("--base", "HEAD")) == {("pending", "connection/new")}


def test_files_that_were_not_there_yet_declared_nothing(versioned: World) -> None:
    git(versioned.file.parent, "rm", "-q", "--cached", versioned.file.name)
    git(versioned.file.parent, "commit", "-qm", "none")
    found = versioned.findings("--base", "HEAD")
    assert {finding["code"] for finding in found} <= {"pending"}


@pytest.mark.parametrize(
    ("revision", "said"),
    [("nowhere", "Needed a single revision"), ("--all", "Needed a single revision")],
)
def test_a_revision_that_is_none_is_refused(versioned: World, revision: str, said: str) -> None:
    refused = versioned.drift(f"--base={revision}")
    assert (refused.code, refused.out) == (1, "")
    assert said in refused.err
    assert len(refused.err.splitlines()) == 1


def test_files_outside_of_git_have_no_base(world: World) -> None:
    refused = world.drift("--base", "HEAD")
    assert refused.code == 1
    assert "not a git repository" in refused.err


def test_wrong_files_of_a_revision_are_told_with_their_place(versioned: World) -> None:
    versioned.file.write_text("version: 1\nowner: [\n", encoding="utf-8")
    git(versioned.file.parent, "commit", "-qam", "broken")
    versioned.file.write_text(FILES, encoding="utf-8")
    refused = versioned.drift("--base", "HEAD")
    assert refused.code == 1
    assert "the files of HEAD are not valid: codeconnections.yaml:" in refused.err


def test_a_tree_of_somebody_else_runs_nothing(versioned: World, tmp_path: Path) -> None:
    """Filters and attributes of a tree are commands and rules of whoever wrote it."""
    folder, mark = versioned.file.parent, tmp_path / "mark"
    (folder / ".gitattributes").write_text("*.yaml filter=evil export-ignore\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "attributes")
    for name in ("smudge", "clean", "process"):
        git(folder, "config", f"filter.evil.{name}", f"touch {mark}")
    assert versioned.findings("--base", "HEAD") == []
    assert not mark.exists()
