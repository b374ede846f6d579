"""Repository links, sync configurations, and the past of syncs."""

from datetime import UTC, datetime

import pytest

from reconciler.emulator import ControlError
from tests.emulator.cloud import (
    ROLE,
    SYNC,
    Cloud,
    Start,
    available_connection,
    refused,
    repository_link,
    sync_configuration,
)

NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"
STACK = {"SyncType": SYNC, "ResourceName": "prod"}


def test_a_link_takes_its_provider_type_from_its_connection(cloud: Cloud) -> None:
    arn = available_connection(cloud, provider="Bitbucket")
    key = "arn:aws:kms:eu-west-1:111122223333:key/abc"
    link = cloud.client().create_repository_link(
        ConnectionArn=arn, OwnerId="acme", RepositoryName="network", EncryptionKeyArn=key
    )["RepositoryLinkInfo"]
    link_id = link["RepositoryLinkId"]
    assert link == {
        "ConnectionArn": arn,
        "EncryptionKeyArn": key,
        "OwnerId": "acme",
        "ProviderType": "Bitbucket",
        "RepositoryLinkArn": (
            f"arn:aws:codeconnections:eu-west-1:111122223333:repository-link/{link_id}"
        ),
        "RepositoryLinkId": link_id,
        "RepositoryName": "network",
    }
    found = cloud.client().get_repository_link(RepositoryLinkId=link_id.upper())
    assert found["RepositoryLinkInfo"] == link


def test_a_link_needs_a_connection_that_is_available(cloud: Cloud) -> None:
    client = cloud.client()
    made = client.create_connection(ConnectionName="a", ProviderType="GitHub")
    wanted = {"ConnectionArn": made["ConnectionArn"], "OwnerId": "o", "RepositoryName": "r"}
    code, text = refused(client.create_repository_link, **wanted)
    assert (code, text.endswith("is PENDING; it must be AVAILABLE.")) == (
        "InvalidInputException",
        True,
    )
    missing = {**wanted, "ConnectionArn": made["ConnectionArn"] + "0"}
    assert refused(client.create_repository_link, **missing)[0] == "ResourceNotFoundException"
    older = cloud.client("codestar-connections").create_repository_link
    assert refused(older, **missing)[0] == "InvalidInputException"


def test_a_link_takes_any_connection_when_told_so(start: Start) -> None:
    cloud = start(link_needs_available=False)
    client = cloud.client()
    made = client.create_connection(ConnectionName="a", ProviderType="GitHub")
    assert client.create_repository_link(
        ConnectionArn=made["ConnectionArn"], OwnerId="o", RepositoryName="r"
    )


def test_a_repository_has_one_link_per_provider_type_and_region(cloud: Cloud) -> None:
    github, bitbucket = available_connection(cloud), available_connection(cloud, "b", "Bitbucket")
    repository = {"OwnerId": "o", "RepositoryName": "r"}
    client = cloud.client()
    client.create_repository_link(ConnectionArn=github, **repository)
    code, _ = refused(client.create_repository_link, ConnectionArn=github, **repository)
    assert code == "ResourceAlreadyExistsException"
    client.create_repository_link(ConnectionArn=bitbucket, **repository)
    elsewhere = cloud.client(region="us-east-1")
    elsewhere.create_repository_link(ConnectionArn=github, **repository)
    assert len(client.list_repository_links()["RepositoryLinks"]) == 2
    assert len(elsewhere.list_repository_links()["RepositoryLinks"]) == 1


def test_a_link_moves_to_a_connection_of_the_same_provider_type(cloud: Cloud) -> None:
    link = {"RepositoryLinkId": repository_link(cloud)}
    client = cloud.client()
    other = available_connection(cloud, "other")
    moved = client.update_repository_link(**link, ConnectionArn=other)["RepositoryLinkInfo"]
    assert moved["ConnectionArn"] == other
    key = "arn:aws:kms:eu-west-1:111122223333:key/abc"
    changed = client.update_repository_link(**link, EncryptionKeyArn=key)["RepositoryLinkInfo"]
    assert (changed["ConnectionArn"], changed["EncryptionKeyArn"]) == (other, key)
    bitbucket = available_connection(cloud, "b", "Bitbucket")
    pending = client.create_connection(ConnectionName="p", ProviderType="GitHub")["ConnectionArn"]
    codes = [
        refused(client.update_repository_link, **link, ConnectionArn=arn)[0]
        for arn in (bitbucket, pending, other + "0")
    ]
    assert codes == ["InvalidInputException"] * 2 + ["ResourceNotFoundException"]


def test_what_does_not_exist_is_not_found(cloud: Cloud) -> None:
    client = cloud.client()
    link = {"RepositoryLinkId": NO_SUCH_ID}
    answers = [
        refused(client.get_repository_link, **link),
        refused(client.update_repository_link, **link),
        refused(client.delete_repository_link, **link),
        refused(client.list_sync_configurations, **link, SyncType=SYNC),
        refused(client.list_repository_sync_definitions, **link, SyncType=SYNC),
        refused(client.get_repository_sync_status, **link, SyncType=SYNC, Branch="b"),
        refused(client.get_sync_configuration, **STACK),
        refused(client.update_sync_configuration, **STACK),
        refused(client.get_resource_sync_status, **STACK),
        refused(client.get_sync_blocker_summary, **STACK),
        refused(client.update_sync_blocker, **STACK, Id="1", ResolvedReason="r"),
    ]
    assert {code for code, _ in answers} == {"ResourceNotFoundException"}


def test_a_link_with_sync_configurations_stays(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    delete = cloud.client().delete_repository_link
    code, _ = refused(delete, RepositoryLinkId=link_id)
    assert code == "SyncConfigurationStillExistsException"
    cloud.client().delete_sync_configuration(**STACK)
    delete(RepositoryLinkId=link_id)
    assert cloud.client().list_repository_links()["RepositoryLinks"] == []


def test_a_sync_configuration_takes_its_repository_from_the_link(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    assert sync_configuration(cloud, link_id, PullRequestComment="ENABLED") == {
        "Branch": "main",
        "ConfigFile": "deploy.yaml",
        "OwnerId": "acme",
        "ProviderType": "GitHub",
        "PullRequestComment": "ENABLED",
        "RepositoryLinkId": link_id,
        "RepositoryName": "network",
        "ResourceName": "prod",
        "RoleArn": ROLE,
        "SyncType": SYNC,
    }
    old = cloud.client("codestar-connections").get_sync_configuration(**STACK)
    assert "PullRequestComment" not in old["SyncConfiguration"]


def test_all_but_the_name_of_a_sync_configuration_changes(cloud: Cloud) -> None:
    sync_configuration(cloud, repository_link(cloud))
    other = repository_link(cloud, "other")
    changes = {
        "Branch": "live",
        "ConfigFile": "b.yaml",
        "RoleArn": ROLE + "-2",
        "RepositoryLinkId": other,
        "PublishDeploymentStatus": "DISABLED",
        "TriggerResourceUpdateOn": "FILE_CHANGE",
        "PullRequestComment": "ENABLED",
    }
    client = cloud.client()
    updated = client.update_sync_configuration(**STACK, **changes)["SyncConfiguration"]
    assert changes.items() <= updated.items()
    assert updated["RepositoryName"] == "other"
    code, _ = refused(client.update_sync_configuration, **STACK, RepositoryLinkId=NO_SUCH_ID)
    assert code == "ResourceNotFoundException"


def test_a_stack_has_one_sync_configuration(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    wanted = {**STACK, "Branch": "b", "ConfigFile": "c", "RoleArn": ROLE}
    create = cloud.client().create_sync_configuration
    code, _ = refused(create, RepositoryLinkId=link_id, **wanted)
    assert code == "ResourceAlreadyExistsException"
    code, _ = refused(create, RepositoryLinkId=NO_SUCH_ID, **wanted)
    assert code == "ResourceNotFoundException"
    older = cloud.client("codestar-connections").create_sync_configuration
    code, _ = refused(older, RepositoryLinkId=NO_SUCH_ID, **wanted)
    assert code == "InvalidInputException"


def test_azure_devops_has_no_git_sync(cloud: Cloud) -> None:
    arn = available_connection(cloud, provider="AzureDevOps")
    link = cloud.client().create_repository_link(
        ConnectionArn=arn, OwnerId="o", RepositoryName="r"
    )["RepositoryLinkInfo"]
    code, _ = refused(
        cloud.client().create_sync_configuration,
        **STACK,
        Branch="b",
        ConfigFile="c",
        RoleArn=ROLE,
        RepositoryLinkId=link["RepositoryLinkId"],
    )
    assert code == "InvalidInputException"
    other = available_connection(cloud)
    usable = cloud.client().create_repository_link(
        ConnectionArn=other, OwnerId="o", RepositoryName="s"
    )["RepositoryLinkInfo"]
    cloud.client().create_sync_configuration(
        **STACK,
        Branch="b",
        ConfigFile="c",
        RoleArn=ROLE,
        RepositoryLinkId=usable["RepositoryLinkId"],
    )
    code, _ = refused(
        cloud.client().update_sync_configuration,
        **STACK,
        RepositoryLinkId=link["RepositoryLinkId"],
    )
    assert code == "InvalidInputException"


def test_deleting_a_missing_sync_configuration_is_a_switch(start: Start) -> None:
    assert start().client().delete_sync_configuration(**STACK)
    strict = start(missing_sync_delete="not-found").client()
    assert refused(strict.delete_sync_configuration, **STACK)[0] == "ResourceNotFoundException"


def test_sync_configurations_are_listed_by_link(cloud: Cloud) -> None:
    one, two = repository_link(cloud), repository_link(cloud, "other")
    sync_configuration(cloud, one, "a", Branch="live")
    sync_configuration(cloud, two, "b")
    client = cloud.client()
    listed = client.list_sync_configurations(RepositoryLinkId=one, SyncType=SYNC)
    assert [sync["ResourceName"] for sync in listed["SyncConfigurations"]] == ["a"]
    answer = client.list_repository_sync_definitions(RepositoryLinkId=one, SyncType=SYNC)
    assert answer["RepositorySyncDefinitions"] == [
        {"Branch": "live", "Directory": "deploy.yaml", "Parent": "a", "Target": "a"}
    ]


def test_attempts_are_told_as_recorded(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    client = cloud.client()
    of_branch = {"RepositoryLinkId": link_id, "Branch": "main", "SyncType": SYNC}
    for never in (
        refused(client.get_resource_sync_status, **STACK),
        refused(client.get_repository_sync_status, **of_branch),
    ):
        assert never[0] == "ResourceNotFoundException"
    cloud.control.record_sync("prod", sha="a" * 40)
    cloud.clock.tick(60)
    cloud.control.record_sync("prod", "FAILED", sha="b" * 40, events=["change set failed"])
    now = datetime.fromtimestamp(cloud.clock(), UTC)
    answer = client.get_resource_sync_status(**STACK)
    latest = answer["LatestSync"]
    assert (latest["Status"], latest["StartedAt"], latest["Target"]) == ("FAILED", now, "prod")
    assert latest["Events"] == [{"Event": "change set failed", "Time": now, "Type": "FAILED"}]
    assert latest["InitialRevision"]["Sha"] == "a" * 40
    assert answer["DesiredState"] == latest["TargetRevision"]
    assert answer["DesiredState"] == {
        "Branch": "main",
        "Directory": "deploy.yaml",
        "OwnerId": "acme",
        "ProviderType": "GitHub",
        "RepositoryName": "network",
        "Sha": "b" * 40,
    }
    assert answer["LatestSuccessfulSync"]["TargetRevision"]["Sha"] == "a" * 40
    branch = client.get_repository_sync_status(**of_branch)["LatestSync"]
    assert (branch["Status"], branch["StartedAt"]) == ("FAILED", now)
    other = {**of_branch, "Branch": "never-synced"}
    code, _ = refused(client.get_repository_sync_status, **other)
    assert code == "ResourceNotFoundException"


def test_blockers_are_resolved_with_a_reason(cloud: Cloud) -> None:
    sync_configuration(cloud, repository_link(cloud))
    client = cloud.client()
    first = cloud.control.record_blocker("prod", "broken", contexts={"Template": "a.yaml"})
    second = cloud.control.record_blocker("sync_configuration/prod", "broken again")
    summary = client.get_sync_blocker_summary(**STACK)["SyncBlockerSummary"]
    assert [one["Id"] for one in summary["LatestBlockers"]] == [second, first]
    assert summary["LatestBlockers"][1]["Contexts"] == [{"Key": "Template", "Value": "a.yaml"}]
    cloud.clock.tick(5)
    answer = client.update_sync_blocker(**STACK, Id=first, ResolvedReason="mended")
    assert answer["ResourceName"] == "prod"
    blocker = answer["SyncBlocker"]
    assert (blocker["Status"], blocker["ResolvedReason"]) == ("RESOLVED", "mended")
    assert (blocker["ResolvedAt"] - blocker["CreatedAt"]).total_seconds() == 5
    code, _ = refused(client.update_sync_blocker, **STACK, Id="no-such", ResolvedReason="r")
    assert code == "SyncBlockerDoesNotExistException"


def test_deleting_a_sync_configuration_forgets_its_past(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    cloud.control.record_sync("prod")
    cloud.control.record_blocker("prod", "broken")
    client = cloud.client()
    client.delete_sync_configuration(**STACK)
    sync_configuration(cloud, link_id)
    assert refused(client.get_resource_sync_status, **STACK)[0] == "ResourceNotFoundException"
    summary = client.get_sync_blocker_summary(**STACK)["SyncBlockerSummary"]
    assert summary["LatestBlockers"] == []


def test_only_known_stacks_and_statuses_are_recorded(cloud: Cloud) -> None:
    sync_configuration(cloud, repository_link(cloud))
    with pytest.raises(ControlError, match="no such sync configuration"):
        cloud.control.record_sync("other")
    with pytest.raises(ControlError, match="'DONE' is no status of a sync"):
        cloud.control.record_sync("prod", "DONE")
