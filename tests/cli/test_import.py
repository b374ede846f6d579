"""`import`: what is live as desired state, which planned changes nothing but ownership."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from reconciler.cli.patches import create
from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from tests.cli.behind import Behind
from tests.cli.terminal import command, environment
from tests.conftest import ACCOUNT, REGION, Cli

VPC = {
    "VpcId": "vpc-01234567",
    "SubnetIds": ["subnet-89abcdef", "subnet-01234567"],
    "SecurityGroupIds": ["sg-01234567"],
    "TlsCertificate": "-----BEGIN SECRET-----",
}
WEIRD = ["no", "0123", "2024-01-01", "1e3", "- x", "a: b", "#c", "it's", "*a", "null", "x "]
WEIRD += ["yes", "1:30", '"q"', "a\\b", "---", "=", "<<", ".nan", "é", "日本", "\U0001f600"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that sets networks up at once."""
    with Emulator(Settings(handshake="manual", vpc_seconds=0)) as running:
        yield running


def everything(behind: Behind) -> None:
    """All four kinds, twins, names that YAML reads otherwise, another owner and another Region."""
    host = behind.host("ghes", "https://git.example.com", VpcConfiguration=VPC)
    behind.emulator.control.approve(host)
    made = behind.client.create_connection(ConnectionName="hosted", HostArn=host)
    behind.emulator.control.approve(made["ConnectionArn"])
    for name in WEIRD:
        behind.connection(name, **{name.strip(): name})
    main = behind.connection("main", reconciler__protect="it's ours", team="no", aws2="1:30")
    twins = [behind.connection("twin"), behind.connection("twin", "GitLab")]
    behind.connection("foreign", reconciler__owner="others")
    Behind(behind.emulator, "us-east-1").connection("elsewhere")
    net = behind.link(main, "acme", "network")
    behind.link(twins[1], "group/sub", "repo")
    behind.sync(net["RepositoryLinkId"], "stack")
    behind.client.update_sync_configuration(
        SyncType="CFN_STACK_SYNC", ResourceName="stack", PublishDeploymentStatus="ENABLED"
    )


def test_everything_and_then_only_ownership_changes(run: Cli, behind: Behind) -> None:
    everything(behind)
    done = run("import", "--owner", "platform")
    assert (done.code, done.err) == (
        0,
        "Left out: 1 of other owners; --owner NAME imports those of one.\n",
    )
    assert "SECRET" not in done.out
    content = yaml.safe_load(done.out)
    assert list(content)[:4] == ["version", "owner", "account", "region"]
    assert (content["account"], content["region"]) == (ACCOUNT, REGION)
    assert [e["name"] for e in content["connections"] if "host" in e] == ["hosted"]
    assert "provider_type" not in next(e for e in content["connections"] if "host" in e)
    assert {e["name"] for e in content["connections"]} == {
        *WEIRD,
        "main",
        "hosted",
        "twin",
        "twin-2",
    }
    assert content["repository_links"][1]["connection"].startswith("twin")
    Path("got.yaml").write_text(done.out, encoding="utf-8")
    planned = run("plan", "--adopt", "--output", "json", "got.yaml").json
    assert planned["refusals"] == []
    assert {f["path"] for c in planned["changes"] for f in c["fields"]} == {"owner"}
    applied = run("apply", "--adopt", "--yes", "got.yaml")
    assert applied.code == 0, applied.err
    assert run("plan", "--detailed-exitcode", "got.yaml").code == 0
    again = run("import", "--owner", "platform")
    assert again.out == done.out
    assert (again.code, again.err) == (0, done.err)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_it_is_utf_8_wherever_it_goes(
    encoding: str, run: Cli, behind: Behind, emulator: Emulator
) -> None:
    for name in WEIRD:
        behind.connection(name, note=name)
    words = ("import", "--owner", "platform", "--endpoint-url", emulator.url)
    done = subprocess.run(
        command(*words),
        capture_output=True,
        check=True,
        env=environment(PYTHONIOENCODING=encoding, COLUMNS="20", FORCE_COLOR="1"),
    )
    assert done.stdout.decode() == run("import", "--owner", "platform").out
    assert {e["name"] for e in yaml.safe_load(done.stdout)["connections"]} == set(WEIRD)


def test_filters(run: Cli, behind: Behind) -> None:
    everything(behind)

    def names(*words: str) -> dict[str, list[str]]:
        done = run("import", "--owner", "platform", *words)
        content = yaml.safe_load(done.out)
        return {
            k: [e.get("name") or e.get("resource_name") or e["repository_name"] for e in v]
            for k, v in content.items()
            if isinstance(v, list)
        }

    assert names("--kind", "host") == {"hosts": ["ghes"]}
    assert names("--name", "tw*") == {"connections": ["twin", "twin-2"]}
    assert names("--tag", "team") == names("--tag", "team=no") == {"connections": ["main"]}
    assert names("--tag", "team=yes") == {}
    assert names("--kind", "host", "--kind", "sync_configuration") == {
        "hosts": ["ghes"],
        "sync_configurations": ["stack"],
    }
    done = run("import", "--owner", "platform", "--kind", "sync_configuration")
    assert "repository: arn:aws:" in done.out
    Path("got.yaml").write_text(done.out, encoding="utf-8")
    planned = run("plan", "--adopt", "--output", "json", "got.yaml").json
    assert [c["fields"] for c in planned["changes"] if c["action"] != "adopt"] == []


def test_the_owner_has_to_be_known(run: Cli, behind: Behind) -> None:
    behind.connection("a")
    assert (run("import").code, run("import").out) == (64, "")
    behind.connection("b", reconciler__owner="x")
    assert "owner: x" in run("import").out
    behind.connection("c", reconciler__owner="z")
    refused = run("import")
    assert refused.code == 64
    assert "2 own something here: x, z" in refused.err


def test_an_owner_that_was_not_given_is_named_where_it_gets_more(run: Cli, behind: Behind) -> None:
    """The only owner may be another team, with one object among many that nobody owns."""
    behind.connection("theirs", reconciler__owner="x")
    assert run("import").err == ""
    behind.connection("free")
    assert run("import").err.startswith("Note: owner is x, the only one here, also of what nobody")
    assert "Note" not in run("import", "--owner", "x").err


def test_what_no_entry_can_describe_is_named(run: Cli, behind: Behind) -> None:
    arn = behind.connection("a\u202eb")
    behind.connection("fine")
    one = behind.link(arn, "acme", "net")
    done = run("import", "--owner", "o")
    assert done.code == 1
    assert "connection/a\\u202eb" in done.err
    assert "unprintable" in done.err, done.err
    assert len(done.err.splitlines()) == 1, done.err
    content = yaml.safe_load(done.out)
    assert [e["name"] for e in content["connections"]] == ["fine"]
    assert content["repository_links"][0]["connection"] == arn
    assert one["RepositoryLinkId"]


def test_twins_that_cannot_be_told_apart_by_a_name(run: Cli, behind: Behind) -> None:
    """An owner and a repository may have slashes, so that two are one name."""
    main = behind.connection("main")
    behind.link(main, "a/b", "c")
    second = behind.link(main, "a", "b/c")
    for link in behind.client.list_repository_links()["RepositoryLinks"]:
        behind.sync(link["RepositoryLinkId"], f"s{len(link['OwnerId'])}")
    done = run("import", "--owner", "o")
    assert done.code == 1
    assert "is there 2 times: left out " in done.err
    assert "  # repository_link/a/b/c is there 2 times: left out " in done.out
    content = yaml.safe_load(done.out)
    assert len(content["repository_links"]) == 1
    assert content["repository_links"][0]["id"]
    assert second
    Path("got.yaml").write_text(done.out, encoding="utf-8")
    planned = run("plan", "--adopt", "--output", "json", "got.yaml").json
    assert {f["path"] for c in planned["changes"] for f in c["fields"]} == {"owner"}


def test_an_incomplete_read_is_an_error(run: Cli, behind: Behind, emulator: Emulator) -> None:
    behind.connection("a")
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="ListHosts"))
    done = run("import", "--owner", "o")
    assert done.code == 1
    assert "Error: not all could be read: hosts: " in done.err
    assert "name: a" in done.out


def test_what_may_be_anothers_is_left_out(run: Cli, behind: Behind, emulator: Emulator) -> None:
    """Whose an object is stands in its tags, or in those of what it is listed under."""
    main = behind.connection("main", reconciler__owner="others")
    net = behind.link(main, "acme", "network")
    behind.sync(net["RepositoryLinkId"], "stack")
    denied = Fault(kind="AccessDeniedException", operation="ListTagsForResource", count=9)
    for words in ((), ("--tag", "team=network"), ("--to", "infra/")):
        emulator.control.fault(denied)
        done = run("import", "--owner", "platform", *words)
        emulator.control.clear_faults()
        assert done.code == 1
        assert "- " not in done.out
        assert not Path("infra").exists()
        errors = [line for line in done.err.splitlines() if line.startswith("Error: left out: ")]
        assert [line.split()[3] for line in errors] == [
            "connection/main",
            "repository_link/acme/network",
            "sync_configuration/stack",
        ]
        assert all("could not be read: ListTagsForResource: Access" in line for line in errors)
        assert all(line.endswith(" and import again") for line in errors)
    emulator.control.fault(denied)
    refused = run("import")
    assert (refused.code, refused.out) == (1, "")
    assert "who owns what is there could not all be read: give --owner" in refused.err


def test_a_full_disk_keeps_nothing_half_written(run: Cli, behind: Behind) -> None:
    """The first file has room there, and the second one does not."""
    everything(behind)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        done = run("import", "--owner", "o", "--to", "new/infra/")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "Error: new/infra/connections.yaml cannot be written: File too large; nothing was "
        "written: name another place\n"
    )
    assert not Path("new").exists()


@pytest.mark.parametrize("to", ["file/x.yaml", "file/", "closed/x.yaml", "closed/new/"])
def test_a_place_that_cannot_be_written(to: str, run: Cli, behind: Behind) -> None:
    behind.connection("a")
    Path("file").write_text("stays", encoding="utf-8")
    Path("closed").mkdir(mode=0o500)
    done = run("import", "--owner", "o", "--to", to)
    if to.startswith("closed") and done.code == 0:
        pytest.skip("whoever runs this may write everywhere")
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert " cannot be written: " in done.err
    assert Path("file").read_text(encoding="utf-8") == "stays"
    assert list(Path("closed").iterdir()) == []


def test_targets_of_a_fleet_make_their_folder_at_once() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for round_ in range(20):
                files = [f"out{round_}/target{number}/hosts.yaml" for number in range(8)]
                list(pool.map(lambda file: create({file: "text"}), files))
                assert all(Path(file).read_text(encoding="utf-8") == "text" for file in files)
    finally:
        sys.setswitchinterval(before)


def test_a_dash_is_stdout(run: Cli, behind: Behind) -> None:
    behind.connection("a")
    assert "name: a" in run("import", "--owner", "o", "--to", "-").out
    assert not Path("-").exists()


def test_files_and_folders(run: Cli, behind: Behind) -> None:
    everything(behind)
    whole = run("import", "--owner", "o", "--to", "all.yaml")
    assert (whole.code, whole.out) == (0, "")
    assert run("import", "--owner", "o", "--to", "all.yaml").code == 1
    split = run("import", "--owner", "o", "--to", "infra/")
    assert split.code == 0
    assert sorted(p.name for p in Path("infra").iterdir()) == [
        "connections.yaml",
        "hosts.yaml",
        "repository_links.yaml",
        "sync_configurations.yaml",
    ]
    planned = run("plan", "--adopt", "--output", "json", "infra").json
    assert {f["path"] for c in planned["changes"] for f in c["fields"]} == {"owner"}
    Path("infra/connections.yaml").unlink()
    before = Path("infra/hosts.yaml").read_bytes()
    refused = run("import", "--owner", "o", "--to", "infra")
    assert refused.code == 1
    assert "hosts.yaml exists, and is not overwritten" in refused.err
    assert not Path("infra/connections.yaml").exists()
    assert Path("infra/hosts.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("a.yaml",),
        ("--diff",),
        ("--diff", "-"),
        ("--diff", "--to", "x", "a.yaml"),
        ("--kind", "nothing"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], run: Cli) -> None:
    assert run("import", *words).code == 64


def test_it_only_reads(run: Cli, behind: Behind, emulator: Emulator) -> None:
    everything(behind)
    before = emulator.control.requests(mutating_only=True)
    assert run("import", "--owner", "o").code == 0
    assert emulator.control.requests(mutating_only=True) == before


DIFF = """\
version: 1
owner: platform
connections:
- {name: main, provider_type: GitHub, tags: {a: b}}  # ours
- {name: gone, provider_type: GitHub}
"""


def test_a_diff_of_everything(run: Cli, behind: Behind) -> None:
    file = Path("d.yaml")
    file.write_text(DIFF, encoding="utf-8")
    behind.connection("main", reconciler__owner="platform", a="c")
    behind.connection("new")
    behind.connection("foreign", reconciler__owner="others")
    done = run("import", "--diff", "d.yaml")
    assert (done.code, done.err) == (2, "")
    assert file.read_text(encoding="utf-8") == DIFF
    assert (
        done.out
        == """\
--- d.yaml
+++ d.yaml
@@ -1,5 +1,5 @@
 version: 1
 owner: platform
 connections:
-- {name: main, provider_type: GitHub, tags: {a: b}}  # ours
-- {name: gone, provider_type: GitHub}
+- {name: main, provider_type: GitHub, tags: {a: c}}  # ours
+- {name: new, provider_type: GitHub}
"""
    )
    only = run("import", "--diff", "--name", "new", "d.yaml")
    assert "+- {name: new" in only.out
    assert "-- {name: gone" not in only.out
    file.write_text(DIFF.replace("a: b", "a: c").replace("gone", "new"), encoding="utf-8")
    same = run("import", "--diff", "d.yaml")
    assert (same.code, same.out) == (0, "")
