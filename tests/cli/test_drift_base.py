"""`drift --base`: what live objects left behind, and what only the files moved on to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.drifted import FILES, World, told


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


def test_files_that_were_not_there_yet_hide_no_drift(versioned: World) -> None:
    """After a folder was renamed all would be new, and whatever was done by hand would be too."""
    git(versioned.file.parent, "mv", versioned.file.name, "renamed.yaml")
    git(versioned.file.parent, "commit", "-qm", "renamed")
    renamed = World(versioned.cli, versioned.emulator, versioned.file.with_name("renamed.yaml"))
    assert renamed.findings("--base", "HEAD") == []
    refused = renamed.drift("--base", "HEAD~1")
    assert (refused.code, refused.out) == (1, "")
    assert "renamed.yaml was not there in HEAD~1" in refused.err


@pytest.mark.parametrize("revision", ["nowhere", "--all", "HEAD~99", "HEAD:infra", ""])
def test_a_revision_that_is_none_is_named(versioned: World, revision: str) -> None:
    refused = versioned.drift(f"--base={revision}")
    assert (refused.code, refused.out) == (1, "")
    place = versioned.file.parent
    said = f"Error: --base: {revision!r} is no commit that {place} knows: fetch it, or name another"
    assert refused.err == f"{said} one\n"


def test_a_shallow_clone_is_told_to_fetch(versioned: World, tmp_path: Path) -> None:
    git(versioned.file.parent, "commit", "-qm", "more", "--allow-empty")
    folder = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", versioned.file.parent.as_uri(), str(folder))
    there = World(versioned.cli, versioned.emulator, folder / versioned.file.name)
    assert there.findings("--base", "HEAD") == []
    refused = there.drift("--base", "HEAD~1")
    assert (refused.code, "fetch it (the clone is shallow), or" in refused.err) == (1, True)


def test_files_outside_of_git_have_no_base(world: World) -> None:
    refused = world.drift("--base", "HEAD")
    assert refused.code == 1
    said = f"Error: --base: in {world.file.parent} git says: fatal: not a git repository"
    assert refused.err.startswith(said)
    assert refused.err.endswith(": give --base only for files in a repository that you own\n")
    assert len(refused.err.splitlines()) == 1


def test_wrong_files_of_a_revision_are_told_with_their_place(versioned: World) -> None:
    versioned.file.write_text("version: 1\nowner: [\n", encoding="utf-8")
    git(versioned.file.parent, "commit", "-qam", "broken")
    versioned.file.write_text(FILES, encoding="utf-8")
    refused = versioned.drift("--base", "HEAD")
    assert refused.code == 1
    assert "the files of HEAD are not valid: codeconnections.yaml:" in refused.err


def test_of_a_revision_the_file_is_named_that_could_not_be_read(versioned: World) -> None:
    """And not the other one, which only seems to refer to nothing."""
    folder = versioned.file.parent
    more = "version: 1\nrepository_links:\n"
    more += "- {owner_id: a, repository_name: b, connection: main}\n"
    (folder / "a.yaml").write_text(more, encoding="utf-8")
    versioned.file.write_text("version: 1\nowner: [\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "broken")
    (folder / "a.yaml").unlink()
    versioned.file.write_text(FILES, encoding="utf-8")
    refused = versioned.drift("--base", "HEAD", str(folder))
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


def test_what_files_name_beside_them_comes_from_the_revision_too(
    world: World, tmp_path: Path
) -> None:
    """A certificate, in a folder below the top of the repository; nothing outside of it is read."""
    folder = tmp_path / "repository" / "some" / "infra"
    folder.mkdir(parents=True)
    (folder / "note.txt").write_text("platform", encoding="utf-8")
    file = folder / "all.yaml"
    file.write_text(FILES.replace("team: platform", "team: !file note.txt"), encoding="utf-8")
    (folder / "link.yaml").symlink_to("all.yaml")
    git(tmp_path / "repository", "init", "-q")
    git(tmp_path / "repository", "add", "-A")
    git(tmp_path / "repository", "commit", "-qm", "applied")
    (folder / "note.txt").write_text("other", encoding="utf-8")
    (folder / "link.yaml").unlink()
    there = World(world.cli, world.emulator, file)
    assert told(there.findings("--base", "HEAD")) == {("pending", "connection/main")}
    assert told(there.findings()) == {("changed", "connection/main")}
