"""`drift`: quiet when clean, specific when not, and never able to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.commands.drift import QUIET as CHOICES
from reconciler.emulator import Emulator, Fault, Settings
from reconciler.findings import CLASSES, QUIET
from tests.cli.drifted import FILES, World, told
from tests.cli.terminal import on_terminal
from tests.conftest import ACCOUNT, REGION, Cli


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
    (finding,) = world.findings()
    assert (finding["code"], finding["address"]) == ("changed", "connection/main")
    ended = "ignore rule for tags.note ended: until is 2020-01-31"
    assert finding["message"] == f"differs in tags.note; {ended}"


def test_a_rule_that_never_was_on_is_told(world: World) -> None:
    world.file.write_text(FILES.replace("2999-12-31", "soon"), encoding="utf-8")
    tags = [{"Key": "note", "Value": "y"}, {"Key": "team", "Value": "x"}]
    world.aws.tag_resource(ResourceArn=world.arn("main"), Tags=tags)
    (finding,) = world.findings()
    off = "ignore rule for tags.note is off, its end is no date (YYYY-MM-DD): until is soon"
    assert finding["message"] == f"differs in tags.note, tags.team; {off}"


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
    todo = "push a commit to main that mends what failed"
    assert finding["message"].endswith(f": no such role; {todo}")
    assert finding["message"].startswith("failed to sync ")


def test_a_blocked_sync_is_told_with_the_blocker(world: World) -> None:
    id_ = world.emulator.control.record_blocker("network-prod", "stack was changed by hand")
    (finding,) = world.findings()
    assert finding["code"] == "sync_blocked"
    todo = "reconciler unblock network-prod --reason TEXT"
    assert finding["message"].endswith(f"stack was changed by hand (blocker {id_}); {todo}")
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
    about = [f["address"] for f in document["findings"] if f["address"]]
    assert len(about) == len(set(about)), "each object is told once"


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


def test_long_lines_are_broken_on_a_screen_and_nowhere_else(world: World) -> None:
    event = "the template names a network that was never made, and nobody knows why it does"
    world.emulator.control.record_sync("network-prod", "FAILED", events=[event])
    words = ("drift", "--endpoint-url", world.emulator.url, world.file)
    screen = on_terminal(*words, NO_COLOR="1", COLUMNS="80").shown.replace("\r", "")
    shown = screen.partition("\x1b[2K")[2].partition("Drift:")[0].splitlines()
    assert max(map(len, shown)) <= 80
    first = next(n for n, line in enumerate(shown) if line.startswith("sync failing  "))
    assert all(line.startswith(" " * 14) for line in shown[first + 1 :])
    assert event in " ".join(shown).replace(" " * 14, "")
    piped = on_terminal(*words, piped=("stdout",), COLUMNS="80").out
    assert len(piped.splitlines()) == 2
    assert f": {event}; push" in piped
