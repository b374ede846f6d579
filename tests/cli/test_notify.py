"""`drift --notify`: who is told what and when, by real servers, and that no secret shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from reconciler.cli.notifying import Notifying
from reconciler.emulator import Emulator
from reconciler.emulator.faults import Fault
from reconciler.findings import Key
from reconciler.history import Told
from tests.cli.hook import SECRET, Hook
from tests.conftest import REGION, Cli
from tests.drifts import NOON
from tests.test_specs import told

HISTORY = ("--history", "drift.db")


@pytest.fixture
def line(desired: Path, emulator: Emulator) -> tuple[str, ...]:
    """A command about files of whose one connection nothing is there."""
    return ("drift", str(desired), "--endpoint-url", emulator.url, *HISTORY)


@pytest.fixture
def client(emulator: Emulator) -> Any:
    return boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)


def make(client: Any, name: str) -> str:
    tags = [{"Key": "reconciler.owner", "Value": "platform"}]
    made = client.create_connection(ConnectionName=name, ProviderType="GitHub", Tags=tags)
    return str(made["ConnectionArn"])


def news(body: Any) -> tuple[int, int, int]:
    return (body["news"]["new"], body["news"]["gone"], body["news"]["open"])


def test_a_channel_is_told_of_changes_and_of_nothing_else(
    line: tuple[str, ...], hook: Hook, cli: Cli, client: Any, emulator: Emulator
) -> None:
    to = (*line, "--notify", hook.url)
    assert [cli(*to).code for _ in range(3)] == [2, 2, 2]
    (first,) = hook.bodies
    assert (first["kind"], news(first)) == ("drift", (1, 0, 0))
    assert told("drift", first) == []
    assert "history" in first
    orphan = make(client, "old")
    assert cli(*to).code == 2
    assert news(hook.bodies[1]) == (1, 0, 1)
    client.delete_connection(ConnectionArn=orphan)
    emulator.control.approve(make(client, "main"))
    assert [cli(*to).code for _ in range(2)] == [0, 0]
    assert [news(body) for body in hook.bodies[2:]] == [(0, 2, 0)]


def test_nothing_is_told_of_what_was_never_wrong(
    line: tuple[str, ...], hook: Hook, cli: Cli, client: Any, emulator: Emulator
) -> None:
    emulator.control.approve(make(client, "main"))
    assert cli(*line, "--notify", hook.url).code == 0
    assert hook.bodies == []
    assert cli(*line, "--notify", hook.url, "--heartbeat", "1h").code == 0
    assert cli(*line, "--notify", hook.url, "--heartbeat", "1h").code == 0
    assert [news(body) for body in hook.bodies] == [(0, 0, 0)]
    assert cli(*line, "--notify", hook.url, "--heartbeat", "0").code == 0
    assert len(hook.bodies) == 2


def test_always_needs_no_history(line: tuple[str, ...], hook: Hook, cli: Cli) -> None:
    bare = tuple(word for word in line if word not in HISTORY)
    for _ in range(2):
        assert cli(*bare, "--notify", hook.url, "--notify-when", "always").code == 2
    assert [news(body) for body in hook.bodies] == [(1, 0, 0), (1, 0, 0)]
    assert cli(*line, "--notify", hook.url, "--notify-when", "always").code == 2
    assert cli(*line, "--notify", hook.url, "--notify-when", "always").code == 2
    assert [news(body) for body in hook.bodies[2:]] == [(1, 0, 0), (0, 0, 1)]


def test_who_could_not_be_told_is_told_by_the_next_run(
    line: tuple[str, ...], hook: Hook, cli: Cli
) -> None:
    """Each channel by itself, and with the environment naming them."""
    other = hook.url.replace(SECRET, "other")
    assert cli(*line, "--notify", other).code == 2
    hook.status = 500
    failed = cli(*line, "--notify", other, "--notify", hook.url)
    assert failed.code == 1
    host = hook.url.removesuffix(f"/{SECRET}")
    assert failed.err.splitlines()[0] == (
        f"Error: {host} could not be told: HTTP 500; the next run tries again"
    )
    assert "missing" in failed.out
    hook.status = 200
    assert cli(*line, "--notify", other, "--notify", hook.url).code == 2
    assert cli(*line, "--notify", other, "--notify", hook.url).code == 2
    assert hook.paths == ["/other", f"/{SECRET}", f"/{SECRET}"]


def test_the_environment_names_one_a_line(
    line: tuple[str, ...], hook: Hook, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_NOTIFY", f"{hook.url}\n{hook.url}/2\n")
    assert cli(*line).code == 2
    assert hook.paths == [f"/{SECRET}", f"/{SECRET}/2"]


def test_a_run_that_saw_not_all_says_so_and_takes_nothing_back(
    line: tuple[str, ...], hook: Hook, cli: Cli, emulator: Emulator
) -> None:
    to = (*line, "--notify", hook.url)
    assert cli(*to).code == 2
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="ListHosts", count=1000))
    assert [cli(*to).code for _ in range(2)] == [1, 1]
    emulator.control.clear_faults()
    assert cli(*to).code == 2
    assert [news(body)[:2] for body in hook.bodies] == [(1, 0), (1, 0), (0, 1)]
    assert [body["coverage"]["complete"] for body in hook.bodies] == [True, False, True]


def test_without_a_history_that_can_be_used_everybody_is_told(
    line: tuple[str, ...], hook: Hook, cli: Cli
) -> None:
    Path("drift.db").write_text("what is this?" * 100, encoding="utf-8")
    assert [cli(*line, "--notify", hook.url).code for _ in range(2)] == [1, 1]
    assert [news(body) for body in hook.bodies] == [(1, 0, 0)] * 2


def test_a_redirect_is_not_followed(line: tuple[str, ...], hook: Hook, cli: Cli) -> None:
    hook.status, hook.location = 307, hook.url + "/elsewhere"
    refused = cli(*line, "--notify", hook.url)
    assert refused.code == 1
    assert "HTTP 307, a redirect, which is not followed" in refused.err
    assert hook.paths == [f"/{SECRET}"]


def test_only_what_leads_elsewhere_goes_through_a_proxy(
    line: tuple[str, ...], hook: Hook, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = hook.url.removesuffix(f"/{SECRET}")
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert cli(*line, "--notify", f"https://example.com/{SECRET}").code == 1
    assert cli(*line, "--notify", f"http://localhost:9/{SECRET}").code == 1
    assert hook.paths == ["example.com:443"]


WRONG = [
    f"http://example.com/{SECRET}",
    f"https://user:{SECRET}@example.com/",
    f"https:///{SECRET}",
    f"https://example.com:{SECRET}/",
    f"https://[::1/{SECRET}",
    f"https://example.com/{SECRET} x",
    f"https://exämple.com/{SECRET}",
    f"ftp://example.com/{SECRET}",
    f"file:///{SECRET}",
    f"slack:{SECRET}",
    f"slack:http://example.com/{SECRET}",
    f"apprise:nothing://{SECRET}",
    f"apprise:{SECRET}",
    f"arn:aws:sns:eu-west-1:1:{SECRET}",
    f"arn:aws:events:eu-west-1:111122223333:bus/{SECRET}",
    f"arn:aws:sqs:eu-west-1:111122223333:{SECRET}",
    SECRET,
]


@pytest.mark.parametrize("where", WRONG)
@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_wrong_place_is_wrong_usage_and_not_shown(
    where: str, how: str, line: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "option":
        refused = cli(*line, "--debug", "--notify", where)
    else:
        monkeypatch.setenv("RECONCILER_NOTIFY", where)
        refused = cli(*line, "--debug")
    assert (refused.code, refused.out) == (64, "")
    assert "Invalid value for '--notify'" in refused.err
    assert SECRET not in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--notify", "https://example.com"), "--notify needs --history FILE"),
        (("--heartbeat", "1d"), "--heartbeat needs --notify"),
        (
            ("--local", *HISTORY, "--notify", f"arn:aws:sns:{REGION}:111122223333:t"),
            "does not go with --local",
        ),
        (
            ("--local", *HISTORY, "--notify", f"arn:aws:events:{REGION}:111122223333:event-bus/b"),
            "does not go with --local",
        ),
    ],
    ids=str,
)
def test_wrong_usage(words: tuple[str, ...], said: str, desired: Path, cli: Cli) -> None:
    refused = cli("drift", desired, *words)
    assert (refused.code, refused.out) == (64, "")
    assert said in refused.err.splitlines()[-1]
    assert not Path(".reconciler").exists()


def test_a_local_target_can_be_told_of(desired: Path, hook: Hook, cli: Cli) -> None:
    assert cli("drift", desired, "--local", *HISTORY, "--notify", hook.url).code == 2
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("level", [(), ("--verbose",), ("--debug",)], ids=str)
@pytest.mark.parametrize(
    "where",
    [
        f"http://127.0.0.1:9/{SECRET}",
        f"https://127.0.0.1:9/{SECRET}?{SECRET}#{SECRET}",
        f"slack:http://127.0.0.1:9/{SECRET}",
        f"apprise:json://127.0.0.1:9/{SECRET}",
        f"apprise:slack://{SECRET.replace('-', '')}/x/y",
        "tls",
    ],
)
def test_a_place_that_cannot_be_told_is_one_line_without_secrets(
    where: str, level: tuple[str, ...], line: tuple[str, ...], cli: Cli, hook: Hook
) -> None:
    if where == "tls":  # a server that speaks none
        where = hook.url.replace("http:", "https:")
    if where.startswith("apprise:slack"):
        where = f"apprise:json://{SECRET}:{SECRET}@127.0.0.1:9/x"
    failed = cli(*line, *level, "--notify", where, "--output", "json=report.json")
    assert failed.code == 1
    errors = [one for one in failed.err.splitlines() if one.startswith("Error")]
    assert len(errors) == 1
    assert "could not be told" in errors[0]
    kept = [path for path in Path.cwd().rglob("*") if path.is_file()]
    assert {Path("report.json"), Path("drift.db")} <= {
        path.relative_to(Path.cwd()) for path in kept
    }
    for text in (failed.out, failed.err, *(path.read_bytes().decode("latin-1") for path in kept)):
        assert SECRET not in text


def test_apprise_is_asked_for_only_when_it_is_needed(
    line: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.cli.channels import apprise

    monkeypatch.setattr(apprise, "find_spec", lambda name: None)
    refused = cli(*line, "--notify", "apprise:json://localhost")
    assert refused.code == 64
    assert refused.err.rstrip().endswith("pip install 'reconciler[apprise]'")


def test_what_counts_is_a_matter_of_who_asks(
    line: tuple[str, ...], hook: Hook, cli: Cli, client: Any
) -> None:
    """Two schedules with one channel, of which one asks for more, take nothing back by turns."""
    client.create_connection(ConnectionName="nobody", ProviderType="GitHub")
    to = (*line, "--notify", hook.url)
    for _ in range(2):
        assert [cli(*to).code, cli(*to, "--count", "unmanaged").code] == [2, 2]
    assert [news(body) for body in hook.bodies] == [(1, 0, 0), (2, 0, 0)]


def test_apprise_tells(line: tuple[str, ...], hook: Hook, cli: Cli) -> None:
    where = hook.url.replace("http:", "apprise:json:")
    assert cli(*line, "--notify", where).code == 2
    (body,) = hook.bodies
    assert body["title"].startswith("reconciler: drift, 111122223333 eu-west-1 platform")
    assert "new: missing: connection/main is declared and not there" in body["message"]


def test_slack_is_told_in_its_own_words(line: tuple[str, ...], hook: Hook, cli: Cli) -> None:
    assert cli(*line, "--notify", f"slack:{hook.url}").code == 2
    (body,) = hook.bodies
    assert body["text"] == "reconciler: drift, 111122223333 eu-west-1 platform"
    head, items = (block["text"]["text"] for block in body["blocks"])
    assert head.endswith("1 new, 0 gone, 0 still open.")
    assert items == "new: missing: connection/main is declared and not there\n"


NOTHING = Notifying((), False, None, "", cast(Any, None))
SEEN = frozenset({Key("missing", "connection/a")})


def seen(hours: float, keys: frozenset[Key] = frozenset()) -> Told:
    return Told(NOON - timedelta(days=9) + timedelta(hours=hours), True, keys)


def test_a_run_that_was_overtaken_tells_nothing_new() -> None:
    assert NOTHING._is_due(seen(1), seen(2, SEEN))
    assert not NOTHING._is_due(seen(2, SEEN), seen(1))


def test_a_clock_that_was_wrong_once_silences_nobody() -> None:
    to_come = Told(datetime.now(UTC) + timedelta(days=9), True, SEEN)
    assert NOTHING._is_due(to_come, Told(datetime.now(UTC), True, frozenset()))


@pytest.mark.parametrize(("hours", "due"), [(12.0, False), (23.9, True), (24.1, True)])
def test_a_heartbeat_may_come_a_little_early(hours: float, due: bool) -> None:
    daily = replace(NOTHING, heartbeat=timedelta(days=1))
    assert daily._is_due(seen(0), seen(hours)) is due
