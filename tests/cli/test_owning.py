"""Giving up, deleting and waiting: `forget`, `destroy` and `wait` on a local CodeConnections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from reconciler.emulator import Control, Emulator, Fault, Settings
from tests.cli.behind import Behind
from tests.conftest import ROOT, Cli, Result

QUICKSTART = ROOT / "examples" / "quickstart"
LOCAL = ("--local", "--local-handshake", "manual")


@pytest.fixture
def applied(cli: Cli) -> Callable[..., Result]:
    """The quickstart, applied and approved; calls a command on it."""
    assert cli("apply", "--local", "--wait", "--yes", QUICKSTART).code == 0
    return lambda *words: cli(*words, "--local")


def mutating() -> list[str]:
    """Every mutating call so far."""
    with Control.open(".reconciler/local.db") as control:
        return [request.operation for request in control.requests(mutating_only=True)][3:]


def test_destroy_deletes_children_first_and_only_what_is_allowed(
    applied: Callable[..., Result],
) -> None:
    refused = applied("destroy", "--yes", QUICKSTART)
    assert refused.code == 5
    assert "3 to delete" in refused.out
    assert mutating() == []
    allowed = ("--allow-destroy", "connection/github-main")
    done = applied("destroy", "--yes", *allowed, QUICKSTART)
    assert (done.code, done.out.endswith("\n\nDestroy: 3 applied.\n")) == (0, True)
    assert mutating() == ["DeleteSyncConfiguration", "DeleteRepositoryLink", "DeleteConnection"]
    assert "No changes." in applied("destroy", "--yes", QUICKSTART).out


def test_destroy_leaves_what_is_not_owned(applied: Callable[..., Result]) -> None:
    done = applied("destroy", "--yes", "--owner", "others", QUICKSTART)
    assert done.code == 0
    assert done.out.count("declared here but not owned: it stays") == 3
    assert mutating() == []


def test_forget_takes_the_tag_and_deletes_nothing(applied: Callable[..., Result]) -> None:
    link, owner = "repository_link/acme/network", ("--owner", "platform")
    done = applied("forget", link, *owner, "--yes")
    assert (done.code, done.out.endswith("\n\nForget: 1 applied.\n")) == (0, True)
    assert mutating() == ["UntagResource"]
    again = applied("forget", link, *owner, "--yes")
    assert (again.code, "nobody owns it" in again.out) == (0, True)
    assert again.out.endswith("Nothing to forget.\n")
    planned = applied("plan", QUICKSTART)
    assert (planned.code, "--adopt" in planned.out) == (5, True)


@pytest.mark.parametrize(
    ("address", "owner", "said"),
    [
        ("connection/github-mian", "platform", "did you mean connection/github-main?"),
        ("connection/github-main", "others", "is owned by platform"),
        ("sync_configuration/network-prod", "platform", "takes no tags"),
    ],
)
def test_forget_refuses_what_it_cannot_forget(
    applied: Callable[..., Result], address: str, owner: str, said: str
) -> None:
    refused = applied("forget", address, "--owner", owner, "--yes")
    assert (refused.code, said in refused.out) == (1, True)
    assert mutating() == []


def test_forget_needs_to_know_who_forgets(cli: Cli) -> None:
    assert cli("forget", "--local", "connection/a").code == 64


def test_wait_waits_for_a_person(cli: Cli) -> None:
    assert cli("apply", *LOCAL, "--yes", QUICKSTART).code == 7
    waiting = cli("wait", *LOCAL, "--timeout", "0.2s", "connection/github-main")
    assert (waiting.code, "github-main is PENDING" in waiting.out) == (7, True)
    assert cli("emulator", "approve", "connection/github-main").code == 0
    assert cli("wait", *LOCAL, "connection/github-main").code == 0
    unknown = cli("wait", *LOCAL, "host/none")
    assert (unknown.code, "nothing is live at host/none" in unknown.out) == (1, True)


PROTECTED = """
version: 1
owner: platform
connections: [{name: main, provider_type: GitHub, protect: production}]
repository_links: [{owner_id: a, repository_name: r, connection: main, protect: production}]
sync_configurations:
- resource_name: stack
  repository: a/r
  branch: main
  config_file: f
  role_arn: arn:aws:iam::111122223333:role/r
  protect: production
"""


def test_destroy_refuses_what_the_files_protect(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(PROTECTED.replace(", protect: production", "").replace("  protect: p", "# p"))
    assert cli("apply", "--local", "--yes", "--wait", file).code == 0
    file.write_text(PROTECTED)
    done = cli("destroy", "--local", "--yes", "--allow-destroy", "connection/main", file)
    assert (done.code, done.out.count("is protected (production)")) == (5, 3)
    assert mutating() == []


def test_destroy_of_nothing_is_nothing(cli: Cli, tmp_path: Path) -> None:
    assert cli("apply", *LOCAL, "--yes", QUICKSTART).code == 7
    empty = tmp_path / "empty.yaml"
    empty.write_text("version: 1\nowner: platform\n")
    done = cli("destroy", "--local", "--yes", empty)
    assert (done.code, "--allow-empty" in done.out) == (0, False)


HOSTED = """
version: 1
owner: platform
hosts:
- {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://git.example.com"}
connections: [{name: one, host: ghes}]
"""


def test_destroy_of_a_host_waits_for_nobody(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(HOSTED)
    assert cli("apply", *LOCAL, "--yes", file).code == 7
    assert cli("emulator", "approve", "host/ghes").code == 0
    assert cli("apply", *LOCAL, "--yes", file).code == 7
    done = cli("destroy", *LOCAL, "--yes", "--allow-destroy", "host/ghes", file)
    assert (done.code, "deferred" in done.out) == (0, False)
    assert mutating() == ["DeleteHost"]


def test_wait_ends_well_when_the_person_acts_meanwhile(cli: Cli) -> None:
    assert cli("apply", *LOCAL, "--yes", QUICKSTART).code == 7

    def approve() -> None:
        with Control.open(".reconciler/local.db") as control:
            control.approve("connection/github-main")

    timer = threading.Timer(1.0, approve)
    timer.start()
    done = cli("wait", *LOCAL, "--timeout", "20s", "connection/github-main")
    timer.join()
    assert (done.code, "Waiting for a person" in done.out) == (0, False)


def test_wait_says_what_it_waits_for(run: Cli, behind: Behind, emulator: Emulator) -> None:
    """Who has to approve what and where, what came, and what needs more than an approval."""
    host = behind.host("ghes", "https://git.example.com")
    emulator.control.approve(host)
    made = behind.client.create_connection(ConnectionName="main", HostArn=host)
    bad = behind.client.create_connection(ConnectionName="bad", ProviderType="GitHub")
    emulator.control.approve(bad["ConnectionArn"], ok=False)
    words = ("wait", "--timeout", "0.2s", "connection/main")
    waiting = run(*words, "connection/bad")
    assert waiting.code == 7
    shown, to_approve, to_mend, total = waiting.out.split("\n\n")[1:]
    assert shown.splitlines() == [
        "   ERROR  connection/bad   is ERROR",
        " waiting  connection/main  is PENDING",
        "   ready  host/ghes        is AVAILABLE",
    ]
    assert to_approve.startswith("Waiting for a person:\n    connection/main is PENDING\n")
    assert f"where:    {emulator.url}" in to_approve
    assert to_mend.startswith("In error:\n    connection/bad is ERROR\n")
    assert total == "Not done: 1 of 3 AVAILABLE.\n"
    for format in ("markdown", "html"):
        page = run(*words, "connection/bad", "--output", format)
        assert (page.code, "Not done: 1 of 3 AVAILABLE." in page.out) == (7, True)
        assert "is PENDING" in page.out
    timer = threading.Timer(1.0, emulator.control.approve, (made["ConnectionArn"],))
    timer.start()
    came = run("wait", "--timeout", "20s", "connection/main")
    timer.join()
    assert came.code == 0
    assert "   ready  connection/main  is AVAILABLE, was PENDING\n" in came.out
    assert came.out.endswith("\n\nDone: 2 of 2 AVAILABLE.\n")
    again = run("wait", "connection/main", "--output", "json").json
    assert [(one["before"], one["ready"]) for one in again["awaited"]] == [("AVAILABLE", True)] * 2
    nothing = run("wait", "connection/main")
    assert nothing.out.endswith("\n\nNothing to wait for: 2 of 2 AVAILABLE already.\n")


def test_wait_waits_for_what_an_object_builds_on(run: Cli, behind: Behind) -> None:
    """It was done at once for a stack whose connection did not work."""
    main = behind.connection("main")
    behind.sync(behind.link(main, "acme", "network")["RepositoryLinkId"], "stack")
    behind.emulator.control.approve(main, ok=False)
    words = ("wait", "--timeout", "0", "sync_configuration/stack")
    waiting = run(*words)
    assert (waiting.code, "connection/main is ERROR" in waiting.out) == (7, True)
    assert waiting.out.endswith("Not done: 0 of 1 AVAILABLE.\n")
    link, stack = "repository_link/acme/network", "sync_configuration/stack"
    assert f" waiting  {stack}      needs connection/main\n" in waiting.out
    assert f"holds up: {link}, {stack}\n" in waiting.out
    data = run(*words, "--output", "json").json
    assert [(one["ready"], one["waits_for"]) for one in data["awaited"]] == [
        (False, []),
        (False, ["connection/main"]),
        (False, ["connection/main"]),
    ]
    behind.emulator.control.approve(main)
    assert run(*words).code == 0
    elsewhere = Behind(behind.emulator, "us-east-1").connection("elsewhere")
    behind.sync(behind.link(elsewhere, "acme", "other")["RepositoryLinkId"], "other")
    unseen = run("wait", "sync_configuration/other")
    assert unseen.code == 1
    assert f"builds on {elsewhere}, which is not to be seen here: wait for it in" in unseen.out
    assert unseen.out.endswith("Nothing was waited for.\n")


@pytest.mark.parametrize("wrong", ["network-prod", "infra/", "host/none"])
def test_wait_refuses_what_it_cannot_wait_for(wrong: str, run: Cli, behind: Behind) -> None:
    behind.connection("main")
    refused = run("wait", "connection/main", wrong)
    told = (1, "nothing is live at") if wrong == "host/none" else (64, "`reconciler status` lists")
    assert (refused.code, told[1] in refused.out + refused.err) == (told[0], True)
    assert "No changes" not in refused.out
    is_name = wrong == "network-prod"
    assert ("and a stack is sync_configuration/network-prod" in refused.err) is is_name


def test_wait_says_what_could_not_be_read(run: Cli, behind: Behind, emulator: Emulator) -> None:
    behind.connection("main")
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="ListHosts"))
    refused = run("wait", "connection/main")
    assert refused.code == 1
    assert "Could not be read, so nothing was waited for:" in refused.out
    assert ", so nothing was waited for: ListHosts: " in refused.err
    assert "appl" not in refused.out + refused.err


def test_wait_tells_twins_apart(cli: Cli) -> None:
    assert cli("apply", *LOCAL, "--yes", QUICKSTART).code == 7
    with Emulator(Settings(store=Path(".reconciler/local.db"), handshake="manual")) as emulator:
        client = boto3.client(
            "codeconnections",
            endpoint_url=emulator.url,
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="x",
        )
        client.create_connection(ConnectionName="github-main", ProviderType="GitHub")
    done = cli("wait", *LOCAL, "connection/github-main")
    assert (done.code, "2 live objects are connection/github-main" in done.out) == (1, True)
