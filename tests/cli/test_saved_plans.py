"""A plan that was reviewed is what is applied, or nothing is: whole command lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.conftest import REGION, Cli

HOST = """version: 1
owner: platform
hosts:
- {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://%s.example.com"}
"""


@pytest.fixture
def planned(emulator: Emulator, cli: Cli) -> tuple[str, ...]:
    """A plan of one update in plan.json; the words of the apply that goes with it."""
    files, where = Path("host.yaml"), ("--endpoint-url", emulator.url, "--allow-pending")
    files.write_text(HOST % "a", encoding="utf-8")
    assert cli("apply", "--yes", *where, files).code == 0
    files.write_text(HOST % "b", encoding="utf-8")
    cli("plan", files, *where[:2], "--output", "json=plan.json")
    return ("apply", "--plan", "plan.json", *where, "host.yaml")


def client_of(emulator: Emulator) -> Any:
    return boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)


def writes(emulator: Emulator) -> int:
    return len(emulator.control.requests(mutating_only=True))


def test_it_is_applied_without_a_question(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    result = cli(*planned)
    assert (result.code, "Apply: 1 applied." in result.out) == (0, True), result
    again = cli(*planned)
    assert (again.code, "No changes." in again.out) == (0, True), again
    assert writes(emulator) == 2


def test_one_live_field_that_moved_is_named(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    client = client_of(emulator)
    (host,) = client.list_hosts()["Hosts"]
    client.update_host(HostArn=host["HostArn"], ProviderEndpoint="https://c.example.com")
    before = writes(emulator)
    result = cli(*planned)
    assert result.code == 6
    assert result.err == (
        "Error: changed since the plan was saved: host/ghes: provider_endpoint was "
        "https://a.example.com, and is https://c.example.com; nothing was done: plan again\n"
    )
    assert writes(emulator) == before


def test_what_the_files_say_now_is_no_more_than_was_reviewed(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    more = HOST % "b" + "connections: [{name: main, provider_type: GitHub}]\n"
    Path("host.yaml").write_text(more, encoding="utf-8")
    result = cli(*planned)
    assert result.code == 6
    assert "connection/main: create was not planned" in result.err
    assert writes(emulator) == 1


def test_one_that_was_edited_or_is_too_old_is_not_used(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    old = cli(*planned, "--plan-max-age", "0s")
    text = Path("plan.json").read_text(encoding="utf-8")
    Path("plan.json").write_text(text.replace("https://b.", "https://x."), encoding="utf-8")
    edited = cli(*planned)
    Path("plan.json").write_bytes(b"\xff\xfe")
    binary = cli(*planned)
    assert [old.code, edited.code, binary.code] == [6, 6, 6]
    assert ", and may be 0 s old" in old.err
    assert edited.err == "Error: plan.json cannot be applied: it was edited or damaged\n"
    assert "it is no text" in binary.err
    assert writes(emulator) == 1


def test_a_fingerprint_is_enough(emulator: Emulator, planned: tuple[str, ...], cli: Cli) -> None:
    fingerprint = json.loads(Path("plan.json").read_text(encoding="utf-8"))["fingerprint"]
    words = ("apply", *planned[3:])
    other = cli(*words, "--expect", "sha256:" + "0" * 64)
    assert other.code == 6
    assert f"its fingerprint is {fingerprint} now; nothing was done" in other.err
    assert cli(*words, "--expect", fingerprint).code == 0
    assert writes(emulator) == 2


def test_a_limit_of_age_without_a_plan_is_wrong_usage(cli: Cli, desired: Path) -> None:
    result = cli("apply", "--yes", "--local", "--plan-max-age", "1h", desired)
    assert (result.code, "--plan-max-age goes with --plan" in result.err) == (64, True)


def test_standard_input_is_read_once(cli: Cli) -> None:
    result = cli("apply", "--local", "--plan", "-", "-")
    assert (result.code, result.out) == (64, "")
    assert result.err.endswith(
        "Error: standard input is either the saved plan or a PATH, not both\n"
    )


def test_a_file_without_an_end_is_no_plan(planned: tuple[str, ...], cli: Cli) -> None:
    result = cli(*("/dev/zero" if word == "plan.json" else word for word in planned))
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: /dev/zero is larger than 64 MiB, as no saved plan is\n"


ONE = "version: 1\nowner: platform\nconnections:\n- {name: kept, provider_type: GitHub}\n"
TWO = ONE + "- {name: main, provider_type: %s}\n"


def test_half_a_replacement_is_not_what_was_planned(emulator: Emulator, cli: Cli) -> None:
    """The entry is taken out after the review: then its object would only be deleted."""
    files, where = Path("desired.yaml"), ("--endpoint-url", emulator.url, "--allow-pending")
    files.write_text(TWO % "GitHub", encoding="utf-8")
    assert cli("apply", "--yes", *where, files).code == 0
    allow = ("--prune", "--allow-destroy", "connection/main", "--max-destroy=1")
    files.write_text(TWO % "GitLab", encoding="utf-8")
    assert cli("plan", files, *where, *allow, "--output", "json=plan.json").code == 0
    files.write_text(ONE, encoding="utf-8")
    before = writes(emulator)
    result = cli("apply", "--plan", "plan.json", *where, *allow, files)
    assert result.code == 6
    assert "connection/main: its action was replace, and is delete" in result.err
    assert writes(emulator) == before


def test_what_was_refused_when_it_was_planned_is_not_applied(emulator: Emulator, cli: Cli) -> None:
    files, where = Path("desired.yaml"), ("--endpoint-url", emulator.url, "--allow-pending")
    files.write_text(ONE, encoding="utf-8")
    rule = "{id: a, message: m, each: plan, expression: 'false'}"
    Path("policy.yaml").write_text(f"version: 1\nrules: [{rule}]\n", encoding="utf-8")
    planned = cli("plan", files, *where, "--policy", "policy.yaml", "--output", "json=plan.json")
    assert planned.code == 5
    result = cli("apply", "--plan", "plan.json", *where, files)
    assert (result.code, writes(emulator)) == (6, 0)
    assert "it was refused or incomplete when it was made: plan again" in result.err


def test_what_moved_is_written_wherever_somebody_reads_it(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    client = client_of(emulator)
    (host,) = client.list_hosts()["Hosts"]
    client.update_host(HostArn=host["HostArn"], ProviderEndpoint="https://c.example.com")
    result = cli(*planned, "--output", "github", "--output", "json=report.json")
    assert result.code == 6
    assert "::error " in result.out
    document = json.loads(Path("report.json").read_text(encoding="utf-8"))
    (refusal,) = document["refusals"]
    assert (refusal["guard"], "changed since the plan was saved" in refusal["message"]) == (
        "stale",
        True,
    )


def test_the_plan_that_is_read_is_not_written(
    emulator: Emulator, planned: tuple[str, ...], cli: Cli
) -> None:
    before = Path("plan.json").read_bytes()
    Path("link.json").symlink_to("plan.json")
    for file in ("plan.json", "./plan.json", "link.json"):
        result = cli(*planned, "--output", f"json={file}")
        assert result.code == 64
        assert f"--output would write {file}, which is read with plan.json" in result.err
    assert Path("plan.json").read_bytes() == before
    assert writes(emulator) == 1
