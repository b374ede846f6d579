"""`drift --notify` when the check itself fails: a schedule that cannot look must not be silent."""

from __future__ import annotations

import subprocess
from pathlib import Path

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.aws.s3 import s3_server
from tests.cli.hook import SECRET, Hook
from tests.cli.servers import HEADERS, Answer, answering
from tests.conftest import ACCOUNT, REGION, Cli
from tests.test_specs import told

HISTORY = ("--history", "drift.db")
WRONG = "version: 1\nowner: platform\ncolour: red\nconnections: red\n"


@pytest.fixture
def line(desired: Path, emulator: Emulator, hook: Hook) -> tuple[str, ...]:
    """A command about files of whose one connection nothing is there."""
    where = ("--endpoint-url", emulator.url)
    return ("drift", str(desired), *where, *HISTORY, "--notify", hook.url)


def kinds(hook: Hook) -> list[str]:
    return [body["kind"] for body in hook.bodies]


def test_wrong_files_are_told_once_and_so_is_that_they_are_right_again(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path, emulator: Emulator
) -> None:
    right = desired.read_text("utf-8")
    client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
    tags = [{"Key": "reconciler.owner", "Value": "platform"}]
    client.create_connection(ConnectionName="main", ProviderType="GitHub", Tags=tags)
    emulator.control.approve("connection/main")
    assert cli(*line).code == 0
    desired.write_text(WRONG, encoding="utf-8")
    assert [cli(*line).code for _ in range(3)] == [1, 1, 1]
    (body,) = hook.bodies
    assert told("failure", body) == []
    assert body["reason"] == f"{desired}:3:1: E030 unknown key `colour` (and 1 more)"
    assert (body["paths"], body["base"]) == ([str(desired)], None)
    desired.write_text(right, encoding="utf-8")
    assert [cli(*line).code for _ in range(2)] == [0, 0]
    assert kinds(hook) == ["failure", "drift"]
    desired.write_text(WRONG, encoding="utf-8")
    assert cli(*line).code == 1
    assert kinds(hook) == ["failure", "drift", "failure"]


def test_a_failure_is_told_by_its_cause_and_not_by_what_follows_from_it(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    """The connection that the first file needs is in the second one, which cannot be read."""
    folder = desired.parent / "two"
    folder.mkdir()
    link = "repository_links:\n- {owner_id: a, repository_name: b, connection: main}\n"
    (folder / "a.yaml").write_text(f"version: 1\nowner: platform\n{link}", encoding="utf-8")
    (folder / "b.yaml").write_text("version: 1\nconnections: [\n", encoding="utf-8")
    done = cli("drift", str(folder), *line[2:])
    assert done.code == 1
    advice = "is not declared (first mend what cannot be read: that may declare it)"
    assert f"E042 connection `main` {advice}" in done.err
    (body,) = hook.bodies
    assert f"{folder / 'b.yaml'}:3:1: E009 " in body["reason"]
    assert body["reason"].endswith(" (and 1 more)")


def test_a_failure_takes_nothing_back(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    right = desired.read_text("utf-8")
    assert cli(*line).code == 2
    desired.write_text(WRONG, encoding="utf-8")
    assert cli(*line).code == 1
    desired.write_text(right, encoding="utf-8")
    assert [cli(*line, "--output", "json=a.json").code for _ in range(2)] == [2, 2]
    assert kinds(hook) == ["drift", "failure", "drift"]
    assert hook.bodies[2]["news"] == {"new": 0, "gone": 0, "open": 1}
    assert hook.bodies[2]["findings"][0]["times"] == 2


FAILURES = [
    (("--endpoint-url", "http://127.0.0.1:9"), "127.0.0.1:9"),
    (("--profile", "nobody"), "nobody"),
    (("--output", "json=nowhere/drift.json"), "nowhere/drift.json cannot be written"),
    (("--base", "HEAD"), "not a git repository"),
]


@pytest.mark.parametrize(("words", "reason"), FAILURES, ids=str)
def test_whatever_keeps_it_from_looking_is_told(
    words: tuple[str, ...], reason: str, line: tuple[str, ...], hook: Hook, cli: Cli
) -> None:
    failed = [cli(*line, *words) for _ in range(2)]
    assert [(one.code, one.out) for one in failed] == [(1, "")] * 2
    assert failed[0].err.startswith("Error: ")
    (body,) = hook.bodies
    assert (body["kind"], reason in body["reason"]) == ("failure", True)
    assert cli(*line).code == 2
    assert kinds(hook) == ["failure", "drift"]


def test_files_for_another_account_and_files_that_are_not_there(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    desired.write_text("version: 1\nowner: x\naccount: '999999999999'\n", encoding="utf-8")
    assert cli(*line).code == 1
    desired.unlink()
    assert cli(*line, "--notify-when", "always").code == 1
    assert kinds(hook) == ["failure"] * 2
    assert "999999999999" in hook.bodies[0]["reason"]
    assert str(desired) in hook.bodies[1]["reason"]


def test_people_are_told_in_words(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    right = desired.read_text("utf-8")
    to = (*line[:-1], f"slack:{hook.url}")
    desired.write_text(WRONG, encoding="utf-8")
    assert cli(*to).code == 1
    desired.write_text(right, encoding="utf-8")
    assert cli(*to).code == 2
    failed, found = hook.bodies
    assert failed["text"] == f"reconciler: the check itself failed, {desired}"
    assert failed["blocks"][0]["text"]["text"].splitlines()[1:] == [
        f"The check itself failed: {desired}:3:1: E030 unknown key `colour` (and 1 more)",
        "Whether live objects differ from the files is not known.",
    ]
    head = found["blocks"][0]["text"]["text"]
    assert head.endswith("1 new, 0 gone, 0 still open. The look before this one had failed.")


def test_a_failure_is_no_heartbeat(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    assert cli(*line, "--heartbeat", "0").code == 2
    desired.write_text(WRONG, encoding="utf-8")
    assert [cli(*line, "--heartbeat", "1h").code for _ in range(2)] == [1, 1]
    assert cli(*line, "--heartbeat", "0").code == 1
    assert kinds(hook) == ["drift", "failure", "failure"]


def test_who_could_not_be_told_is_told_by_the_next_run(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    desired.write_text(WRONG, encoding="utf-8")
    hook.status = 500
    failed = cli(*line)
    assert (failed.code, "could not be told: HTTP 500; the next run" in failed.err) == (1, True)
    hook.status = 200
    assert [cli(*line).code for _ in range(2)] == [1, 1]
    assert kinds(hook) == ["failure"] * 2


def test_without_a_history_that_can_be_used_everybody_is_told(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    desired.write_text(WRONG, encoding="utf-8")
    Path("drift.db").write_text("what is this?" * 100, encoding="utf-8")
    failed = [cli(*line) for _ in range(2)]
    assert "the history drift.db cannot be used" in failed[0].err
    always = [word for word in line if word not in HISTORY] + ["--notify-when", "always"]
    assert cli(*always).code == 1
    assert kinds(hook) == ["failure"] * 3


def test_wrong_usage_and_a_channel_that_knows_are_not_told(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    assert cli(*line, "--output", "dot").code == 64
    assert cli(*line, "--local").code == 64
    desired.write_text(WRONG, encoding="utf-8")
    assert cli(*line).code == 1
    other = hook.url.replace(SECRET, "other")
    assert cli(*line, "--notify", other).code == 1
    assert hook.paths == [f"/{SECRET}", "/other"]


def test_no_secret_is_told(
    line: tuple[str, ...], hook: Hook, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when a service repeats what it was sent."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"token/{SECRET}==")
    said = "<ErrorResponse><Error><Code>No</Code><Message>{}</Message></Error></ErrorResponse>"
    with answering(lambda _: Answer(403, said.format(str(HEADERS.get())))) as server:
        assert cli(*line, "--endpoint-url", server.url).code == 1
    (body,) = hook.bodies
    assert "***" in body["reason"]
    assert SECRET not in body["reason"]
    assert "\n" not in body["reason"]
    assert len(body["reason"]) <= 1000


def test_no_key_that_lies_in_the_files_is_told(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    key = f"-----BEGIN PRIVATE KEY----- {SECRET}"
    desired.write_text(f"version: 1\nowner: x\n? {key}\n: red\n", encoding="utf-8")
    assert cli(*line).code == 1
    (body,) = hook.bodies
    assert "unknown key `-----BEGIN PRIVATE KEY----- ***" in body["reason"]
    assert SECRET not in body["reason"]


def test_other_files_and_what_was_applied_have_a_history_of_their_own(
    line: tuple[str, ...], hook: Hook, cli: Cli, desired: Path
) -> None:
    more = desired.with_name("more.yaml")
    text = "version: 1\nowner: platform\nconnections: [{name: more, provider_type: GitHub}]\n"
    more.write_text(text, encoding="utf-8")
    folder = str(desired.parent)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        settings = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", folder, *settings, *words], check=True)

    def times(*words: str) -> list[int]:
        findings = cli(*words, "--output", "json").json["findings"]
        return [finding["times"] for finding in findings]

    both, based = (*line[:2], str(more), *line[2:]), (*line, "--base", "HEAD")
    assert [times(*line), times(*both), times(*based)] == [[1], [1, 1], [1]]
    assert [times(*line), times(*both), times(*based)] == [[2], [2, 2], [2]]
    assert [body["news"]["new"] for body in hook.bodies] == [1, 2, 1]
    relative = ("drift", desired.name, *line[2:])
    assert times(*relative) == [3]


@pytest.mark.parametrize("what", ["topic", "bus"])
def test_aws_is_told_of_files_that_are_wrong(
    what: str, line: tuple[str, ...], cli: Cli, desired: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is before anything of AWS was needed."""
    desired.write_text(WRONG, encoding="utf-8")
    with s3_server() as server:
        for service in ("SNS", "EVENTBRIDGE"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
        where = {"endpoint_url": server.url, "region_name": REGION}
        sqs = boto3.client("sqs", **where)  # type: ignore[call-overload]
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:123456789012:told"
        if what == "topic":
            sns = boto3.client("sns", **where)  # type: ignore[call-overload]
            arn = sns.create_topic(Name="drift")["TopicArn"]
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        else:
            events = boto3.client("events", **where)  # type: ignore[call-overload]
            arn = events.create_event_bus(Name="ours")["EventBusArn"]
            rule = '{"detail-type": ["Drift Check Failed"]}'
            events.put_rule(Name="all", EventBusName="ours", EventPattern=rule)
            events.put_targets(Rule="all", EventBusName="ours", Targets=[{"Id": "q", "Arn": queue}])
        assert cli(*line[:-2], "--notify", arn).code == 1
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "unknown key `colour`" in message["Body"]
    assert ACCOUNT not in message["Body"] or what == "bus"
