"""`status` against a local CodeConnections: what it says, how wide, in which order, with which exit
code, and that it writes nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.cells import cell_len

from reconciler.emulator import Emulator, Fault
from tests.cli.gitsync import PROD, REASON, inhabit
from tests.cli.harmless import COLORS, expect_harmless
from tests.cli.terminal import on_terminal
from tests.conftest import Cli
from tests.nasty import WORST
from tests.test_specs import told

ORDER = [
    ("blocked", PROD),
    ("failing", "sync_configuration/network-test"),
    ("error", "connection/broken"),
    ("waiting", "connection/new"),
    ("healthy", "connection/main"),
    ("healthy", "repository_link/acme/network"),
    ("healthy", "sync_configuration/network-dev"),
]


@pytest.fixture
def where(emulator: Emulator, cli: Cli) -> tuple[str, str]:
    """The options that lead to an emulator with something of everything."""
    inhabit(emulator, cli)
    return ("--endpoint-url", emulator.url)


def table(text: str) -> list[str]:
    """The lines of the table, without its head."""
    return text.split("\n\n", maxsplit=1)[0].splitlines()[2:]


def objects(document: Any) -> dict[str, Any]:
    return {row["address"]: row for row in document["objects"]}


def test_the_worst_comes_first(where: tuple[str, str], cli: Cli, emulator: Emulator) -> None:
    before = len(emulator.control.requests(mutating_only=True))
    done = cli("status", *where, "--output", "json")
    assert (done.code, done.err, told("status", done.json)) == (0, "", [])
    assert [(row["state"], row["address"]) for row in done.json["objects"]] == ORDER
    assert done.json["coverage"]["complete"]
    assert len(emulator.control.requests(mutating_only=True)) == before
    text = cli("status", *where).out
    assert [line.split()[1] for line in table(text)] == [address for _, address in ORDER]
    assert text.endswith("7 objects: 1 blocked, 1 failing, 1 error, 1 waiting, 3 healthy.\n")


def test_what_to_do_is_said(where: tuple[str, str], cli: Cli, emulator: Emulator) -> None:
    text = cli("status", *where).out
    (id_,) = re.findall(r"\(blocker ([0-9a-f-]{36})\)", text)
    assert f"    blocked:  for 0 s: {REASON} (blocker {id_})\n" in text.replace("1 s:", "0 s:")
    assert "              Template: deploy/prod.yaml\n" in text
    assert "    to do:    reconciler unblock network-prod --reason TEXT\n" in text
    assert re.search(r"latest:   FAILED \d s ago, bbbbbbbbbbbb: no such Vpc\n", text)
    assert re.search(r"branch:   FAILED \d s ago: no such Vpc\n", text)
    assert re.search(r"to do:    push a commit to \w+ that mends what failed\n", text)
    assert re.search(r"success:  SUCCEEDED \d s ago, aaaaaaaaaaaa\n", text)
    assert "connection/new is PENDING\n    to do:    approve it: open this connection" in text
    assert f"    where:    {emulator.url}\n" in text
    assert "connection/main is" not in text


def test_definitions_stand_at_what_is_synced_from(where: tuple[str, str], cli: Cli) -> None:
    link = "repository_link/acme/network"
    found = objects(cli("status", *where, link, "--output", "json").json)
    assert list(found) == [link]
    assert {(one["branch"], one["target"]) for one in found[link]["definitions"]} == {
        ("main", "network-prod"),
        ("test", "network-test"),
        ("dev", "network-dev"),
    }
    assert "    syncs:    dev: deploy/dev.yaml -> network-dev\n" in cli("status", *where, link).out


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_object_has_one_line(
    width: int,
    where: tuple[str, str],
    cli: Cli,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    for name in ("\uff41" * 32, "e\u0301" * 16, "x" * 32, "\u202e" + "\n" * 31):
        client.create_connection(ConnectionName=name, ProviderType="GitHub")
    screen = on_terminal("status", *where, NO_COLOR="1", COLUMNS=str(width)).shown
    lines = table(screen.replace("\r", "").partition("\x1b[?25h\x1b[1A\x1b[2K")[2])
    assert len(lines) == len(ORDER) + 4
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        assert {PROD, "FAILED"} <= set(lines[0].split())
    monkeypatch.setenv("COLUMNS", str(width))  # which is about screens alone
    whole = cli("status", *where).out
    assert f"{REASON}\n" in whole
    assert "connection/" + "x" * 32 in whole


def test_color_is_for_terminals(where: tuple[str, str], cli: Cli) -> None:
    assert "\x1b" not in cli("status", *where).out
    colored = cli("status", *where, "--color", "always").out
    expect_harmless(colored, own=COLORS)
    assert "\x1b[31m\x1b[1mBLOCKED" in colored
    screen = on_terminal("status", *where, COLUMNS="80")
    assert (screen.code, "\x1b[31m\x1b[1mBLOCKED" in screen.shown) == (0, True)
    assert "\x1b[31m" not in on_terminal("status", *where, NO_COLOR="1").shown


def test_only_what_is_asked_for(where: tuple[str, str], cli: Cli, emulator: Emulator) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    tags = [{"Key": "reconciler.owner", "Value": "others"}]
    for _ in range(2):
        client.create_connection(ConnectionName="twin", ProviderType="GitHub", Tags=tags)
    theirs = cli("status", *where, "--owner", "others", "--output", "json").json
    assert [row["address"] for row in theirs["objects"]] == ["connection/twin"] * 2
    assert "connection/twin" not in cli("status", *where, "--owner", "platform").out
    one = theirs["objects"][0]["id"]
    found = cli("status", *where, f"connection/{one}", PROD, "--output", "json").json
    assert [row["id"] for row in found["objects"]] == ["network-prod", one]
    wrong = cli("status", *where, "connection/mian")
    said = "nothing is live at connection/mian: did you mean connection/main?"
    assert (wrong.code, said in wrong.out) == (1, True)


def test_the_exit_codes(where: tuple[str, str], cli: Cli, emulator: Emulator) -> None:
    detailed = ("status", *where, "--detailed-exitcode")
    assert cli(*detailed).code == 7
    assert cli(*detailed, "connection/new").code == 7
    assert cli(*detailed, "connection/main").code == 0
    assert cli(*detailed, "connection/broken").code == 2
    assert cli(*detailed, "connection/new", "connection/broken").code == 7
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="ListHosts", count=9))
    denied = cli(*detailed, "connection/main")
    assert denied.code == 1
    assert "Could not be read:\n    host: ListHosts: AccessDeniedException" in denied.out
    assert denied.err.startswith("Error: 1 read failed: ListHosts: AccessDeniedException")
    assert cli("status", *where).code == 1


def test_what_could_not_be_read_does_not_look_healthy(
    where: tuple[str, str], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.fault(
        Fault(kind="AccessDeniedException", operation="GetResourceSyncStatus", count=9)
    )
    done = cli("status", *where, "--output", "json")
    dev = objects(done.json)["sync_configuration/network-dev"]
    assert (done.code, dev["state"], dev["unread"]) == (1, "unread", ["GetResourceSyncStatus"])
    assert objects(done.json)[PROD]["state"] == "blocked"
    line = next(line for line in table(cli("status", *where).out) if "network-dev" in line)
    assert line.startswith("UNREAD")
    assert "not read" in line
    assert "never synced" not in line


def test_an_owner_that_could_not_be_read_is_not_nobody(
    where: tuple[str, str], cli: Cli, emulator: Emulator
) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    client.create_connection(ConnectionName="nobodys", ProviderType="GitHub")

    def owners() -> dict[str, str]:
        files = ("--output", "markdown=s.md", "--output", "html=s.html")
        rows = (line.split() for line in table(cli("status", *where, *files).out))
        return {
            row[1]: next(word for word in row if word in ("-", "?", "platform")) for row in rows
        }

    assert owners()["connection/nobodys"] == "-"
    assert owners()[PROD] == "platform"
    fault = Fault(kind="AccessDeniedException", operation="ListTagsForResource", count=999)
    emulator.control.fault(fault)
    found = owners()
    assert {found["connection/nobodys"], found["connection/main"], found[PROD]} == {"?"}
    assert "| `?` |" in Path("s.md").read_text(encoding="utf-8")
    assert '<td class="mono">?</td>' in Path("s.html").read_text(encoding="utf-8")


def test_what_needs_a_look_is_a_list_on_pages(where: tuple[str, str], cli: Cli) -> None:
    files = ("--output", "markdown=s.md", "--output", "html=s.html")
    assert cli("status", *where, *files).code == 0
    page, text = (Path(f"s.{name}").read_text(encoding="utf-8") for name in ("html", "md"))
    assert f"- :x: `{PROD} is blocked`\n  - blocked: `for " in text
    assert "  - to do: `reconciler unblock network-prod --reason TEXT`\n" in text
    assert "- :warning: `connection/new is PENDING`\n  - to do: `approve it" in text
    todo = '<td class="level quiet">to do</td><td class="mono">reconciler unblock network-prod'
    assert todo in page
    assert page.count("<h2>Objects to look at</h2>") == 1


@pytest.mark.parametrize("text", WORST, ids=ascii)
def test_hostile_texts_break_nothing(
    text: str, where: tuple[str, str], cli: Cli, emulator: Emulator
) -> None:
    """As a name, a status message, an event, a blocker's reason and its contexts."""
    control = emulator.control
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    name = text[:32]
    client.create_connection(ConnectionName=name, ProviderType="GitHub")
    control.record_sync("network-dev", "FAILED", sha=text, events=[text])
    control.record_blocker("network-dev", text, contexts={text: text})
    files = ("--output", "markdown=s.md", "--output", "html=s.html", "--output", "json=s.json")
    done = cli("status", *where, *files)
    assert (done.code, len(table(done.out))) == (0, len(ORDER) + 1)
    data = Path("s.json").read_text(encoding="utf-8")
    expect_harmless(done.out, Path("s.md").read_text(encoding="utf-8"), data)
    rows = re.findall(r"^\| .*\|$", Path("s.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(ORDER) + 2
    assert "<b>&amp;" not in Path("s.html").read_text(encoding="utf-8")
    dev = objects(json.loads(data))["sync_configuration/network-dev"]
    assert dev["sync"]["blockers"][0]["reason"] == text


@pytest.mark.parametrize("format", ["sarif", "junit", "github", "gitlab", "dot", "mermaid"])
def test_other_formats_are_wrong_usage(format: str, cli: Cli) -> None:
    refused = cli("status", "--output", format)
    assert refused.code == 64
    assert f"a status is text, json, markdown or html, and not {format}" in refused.err


def test_nothing_there_is_nothing_wrong(cli: Cli, emulator: Emulator) -> None:
    done = cli("status", "--endpoint-url", emulator.url, "--detailed-exitcode")
    assert (done.code, done.out.endswith("\n0 objects.\n")) == (0, True)


def test_without_files_the_local_one_is_the_only_account_that_has_something(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "a.yaml"
    text = "version: 1\nowner: platform\naccount: '222233334444'\nregion: eu-north-1\n"
    more = "connections: [{name: main, provider_type: GitHub}]\n"
    file.write_text(text + more, encoding="utf-8")
    assert "0 objects" in cli("status", "--local").out
    assert cli("apply", "--local", "--wait", "--yes", file).code == 0
    shown = cli("status", "--local")
    assert "account 222233334444, eu-north-1" in shown.out
    assert "connection/main" in shown.out
    other = text.replace("2222", "3333") + more
    file.write_text(other, encoding="utf-8")
    assert cli("apply", "--local", "--wait", "--yes", file).code == 0
    assert "account 000000000000, us-east-1" in cli("status", "--local").out
