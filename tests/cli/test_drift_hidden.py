"""`drift`: no finding hides another one, and none takes another one's class."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from reconciler.cli.revisions import desired_at
from reconciler.emulator import Emulator, Settings
from tests.cli.drifted import FILES, World, told
from tests.cli.test_drift_base import git, versioned
from tests.conftest import Cli

__all__ = ["versioned"]


def rewrite(world: World, *changes: tuple[str, str]) -> None:
    text = world.file.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    world.file.write_text(text, encoding="utf-8")


def test_a_replacement_that_is_pending_hides_no_error(versioned: World) -> None:
    versioned.emulator.control.approve("connection/spare", ok=False)
    rewrite(versioned, ("spare, provider_type: GitHub", "spare, provider_type: GitLab"))
    assert told(versioned.findings("--base", "HEAD")) == {
        ("error", "connection/spare"),
        ("pending", "connection/spare"),
    }
    assert versioned.drift("--base", "HEAD").code == 2


def test_a_link_that_was_moved_by_hand_is_drift_even_where_its_new_parent_is_to_come(
    versioned: World,
) -> None:
    versioned.aws.update_repository_link(
        RepositoryLinkId=versioned.link("network"), ConnectionArn=versioned.arn("spare")
    )
    new = "- {name: new, provider_type: GitHub}\nrepository_links:"
    moved = "repository_name: network, connection: new"
    rewrite(
        versioned, ("repository_links:", new), ("repository_name: network, connection: main", moved)
    )
    assert told(versioned.findings("--base", "HEAD")) == {
        ("changed", "repository_link/acme/network"),
        ("pending", "connection/new"),
    }


def test_a_bound_entry_that_is_taken_out_is_pending(world: World) -> None:
    named = f"alias, provider_type: GitHub, id: '{world.arn('spare')}'"
    rewrite(world, ("spare, provider_type: GitHub", named))
    assert world.findings() == []
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "applied")):
        git(world.file.parent, *words)
    rewrite(world, (f"- {{name: {named}}}\n", ""))
    assert told(world.findings()) == {("orphan", "connection/spare")}
    assert told(world.findings("--base", "HEAD")) == {("pending", "connection/spare")}


def test_an_entry_that_is_taken_out_hides_no_drift(versioned: World) -> None:
    control = versioned.emulator.control
    control.approve("connection/spare", ok=False)
    arn = versioned.arn("spare")
    tags = [{"Key": "reconciler.owner", "Value": "someone"}]
    versioned.aws.tag_resource(ResourceArn=arn, Tags=tags)
    control.record_sync("network-prod", "FAILED", events=["no such role"])
    text = versioned.file.read_text(encoding="utf-8")
    versioned.file.write_text(
        text[: text.index("sync_conf")].replace("- {name: spare, provider_type: GitHub}\n", ""),
        encoding="utf-8",
    )
    assert told(versioned.findings("--base", "HEAD")) == {
        ("changed", "connection/spare"),
        ("error", "connection/spare"),
        ("sync_failing", "sync_configuration/network-prod"),
        ("pending", "sync_configuration/network-prod"),
    }
    assert versioned.drift("--base", "HEAD").code == 2


def test_a_bound_entry_that_is_renamed_hides_no_drift(world: World) -> None:
    arn = world.arn("spare")
    entry = "provider_type: GitHub, tags: {team: a}"
    rewrite(world, ("name: spare, provider_type: GitHub", f"name: one, id: '{arn}', {entry}"))
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "applied")):
        git(world.file.parent, *words)
    rewrite(world, ("name: one", "name: two"))
    assert told(world.findings("--base", "HEAD")) == {("changed", "connection/two")}


def test_an_unmanaged_twin_of_a_bound_object_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake_seconds=0.0)) as running:
        world = World(cli, running, file)
        assert world.run("apply", "--yes", "--wait").code == 0
        ours = world.arn("spare")
        world.aws.create_connection(ConnectionName="spare", ProviderType="GitHub")
        rewrite(
            world, ("spare, provider_type: GitHub", f"spare, provider_type: GitHub, id: '{ours}'")
        )
        (finding,) = world.findings()
    assert finding["code"] == "unmanaged"
    assert finding["id"] != ours


def test_an_owner_that_moved_on_is_pending(versioned: World) -> None:
    rewrite(versioned, ("owner: platform", "owner: infra"))
    found = versioned.findings("--base", "HEAD")
    assert {f["code"] for f in found} == {"pending"}


@pytest.mark.parametrize("name", ["01-all.yaml", "9.yaml"])
def test_wrong_files_of_a_revision_keep_their_names(versioned: World, name: str) -> None:
    folder = versioned.file.parent
    (folder / name).write_text("version: 1\nhosts: [\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "broken")
    (folder / name).unlink()
    there = World(versioned.cli, versioned.emulator, folder)
    assert f"the files of HEAD are not valid: {name}:" in there.drift("--base", "HEAD").err


def test_two_wrong_files_of_a_revision_keep_their_names(versioned: World) -> None:
    folder = versioned.file.parent
    (folder / "02-all.yaml").write_text(FILES, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "twice")
    (folder / "02-all.yaml").unlink()
    there = World(versioned.cli, versioned.emulator, folder)
    refused = there.drift("--base", "HEAD").err
    assert ": E041 " in refused
    assert "already declared at 02-all.yaml:" in refused


def test_what_lies_beside_the_files_is_left_where_it_is(versioned: World) -> None:
    """Files at the top of a large repository: its data would not fit into memory."""
    folder = versioned.file.parent
    for number in range(6):
        (folder / f"{number}.bin").write_bytes(b"%d" % number + bytes(7_000_000))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "data")
    tracemalloc.start()
    try:
        assert desired_at("HEAD", [str(versioned.file)], None).owner == "platform"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("named", ["note.txt", "link.txt"])
@pytest.mark.parametrize("written", ["!file sub/", "!file\n      sub/"])
def test_what_the_files_name_is_there(world: World, written: str, named: str) -> None:
    folder = world.file.parent
    (folder / "sub").mkdir()
    (folder / "sub" / "link.txt").symlink_to("real.md")
    for name in ("note.txt", "real.md"):
        (folder / "sub" / name).write_text("platform", encoding="utf-8")
    rewrite(world, ("tags: {team: platform}", f"tags:\n    team: {written}{named}"))
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "applied")):
        git(folder, *words)
    assert world.findings("--base", "HEAD") == []


def test_a_folder_may_have_any_name(versioned: World) -> None:
    """One that begins with a colon is no magic of git's."""
    folder = versioned.file.parent / ":x"
    folder.mkdir()
    versioned.file.rename(folder / "a.yaml")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "moved")
    there = World(versioned.cli, versioned.emulator, folder)
    assert there.findings("--base", "HEAD") == []


@pytest.mark.parametrize("where", [".git", "other/.git"])
def test_a_hook_of_git_leads_to_no_other_repository(
    versioned: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = versioned.file.parent / "infra"
    folder.mkdir()
    versioned.file.rename(folder / "a.yaml")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "moved")
    git(folder.parent, "init", "-q", "other")
    there = World(versioned.cli, versioned.emulator, folder)
    monkeypatch.setenv("GIT_DIR", where if where == ".git" else str(folder.parent / where))
    assert there.findings("--base", "HEAD") == []


def test_files_that_nobody_owned_then_say_what_to_do(versioned: World) -> None:
    rewrite(versioned, ("owner: platform\n", ""))
    git(versioned.file.parent, "commit", "-qam", "nobody's")
    rewrite(versioned, ("version: 1\n", "version: 1\nowner: platform\n"))
    refused = versioned.drift("--base", "HEAD")
    assert refused.code == 1
    assert "E045 nobody owns these files (write `owner: NAME`" in refused.err
    assert "or give --owner)" in refused.err
    assert versioned.findings("--base", "HEAD", "--owner", "platform") == []


def test_a_file_that_two_paths_lead_to_is_read_once(world: World) -> None:
    (world.file.parent / "note.yml").symlink_to(world.file.name)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "applied")):
        git(world.file.parent, *words)
    assert world.findings(str(world.file.parent)) == []
    assert world.findings("--base", "HEAD", str(world.file.parent)) == []
