"""The Lambda function: its handler for real, and its template through cfn-lint."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from reconciler.emulator import Emulator
from tests.aws.s3 import BUCKET, s3_server
from tests.conftest import ROOT, Cli
from tests.repository.test_files import ran, script
from tests.schedules.conftest import FILES, SCHEDULES, Applied

HANDLER = SCHEDULES / "lambda" / "handler.py"
TEMPLATE = SCHEDULES / "lambda" / "template.yaml"
Look = Callable[[], Any]
GUARDED = """\
import json, os, runpy, sys, tempfile
def watch(event, found):
    if event == "open" and not isinstance(found[0], int):  # a number was opened by its name before
        by_flags = found[1] is None and found[2] & (os.O_WRONLY | os.O_RDWR)
        if by_flags or set(found[1] or "") & set("wax+"):
            assert str(found[0]).startswith((tempfile.gettempdir(), "/dev/")), found
    assert event not in ("os.mkdir",) or str(found[0]).startswith(tempfile.gettempdir()), found
sys.dont_write_bytecode = True
tempfile.gettempdir()
sys.addaudithook(watch)
sys.path.insert(0, sys.argv[1])
import handler
json.dump(handler.handler({}, None)["code"], sys.stderr)
"""


@pytest.fixture
def look(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Calls the handler as Lambda does."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", applied.emulator.url)
    monkeypatch.setenv("FILES", str(applied.folder))
    spec = importlib.util.spec_from_file_location("handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda: module.handler({"time": "now"}, None)


def test_it_gives_the_report_and_logs_a_line(
    look: Look, applied: Applied, capfd: pytest.CaptureFixture[str]
) -> None:
    found = look()
    assert (found["code"], found["found"], found["report"]["findings"]) == (0, 0, [])
    applied.drift()
    capfd.readouterr()
    found = look()
    assert (found["code"], found["found"]) == (2, 1)
    assert json.loads(json.dumps(found)) == found, "Lambda sends it as JSON"
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (1, "")
    line = json.loads(out)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert line[metric["Metrics"][0]["Name"]] == 1
    assert "connection/main is declared and not there" in line["text"]


def test_what_was_no_look_is_an_error(look: Look, applied: Applied) -> None:
    (applied.folder / "connections.yaml").write_text(FILES + "colour: red\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"exit code 1: (?s:.*)unknown key `colour`"):
        look()


def test_files_come_from_a_bucket(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILES", f"s3://{BUCKET}/team/")
    with s3_server() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        for key, text in (("team/a/main.yaml", FILES), ("team/", ""), ("other/x.yaml", "no")):
            s3.client().put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        assert look()["code"] == 0
        s3.client().put_object(Bucket=BUCKET, Key="team/../../x.yaml", Body=b"")
        with pytest.raises(Exception, match="outside of its folder"):
            look()


def test_a_topic_is_sent_each_report(
    look: Look, applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variables that the template sets where it is given a topic for it."""
    given = resources()["Function"]["Properties"]["Environment"]["Variables"]
    with s3_server() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", aws.url)
        sqs, sns = (
            boto3.client(name, endpoint_url=aws.url, region_name="eu-west-1")
            for name in ("sqs", "sns")
        )
        topic = sns.create_topic(Name="drift")["TopicArn"]
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = "arn:aws:sqs:eu-west-1:123456789012:told"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        for name, value in given.items():
            if name.startswith("RECONCILER_"):
                _, then, _ = value
                monkeypatch.setenv(name, topic if then == "!Report" else then)
        assert look()["code"] == 0
        (applied.folder / "connections.yaml").write_text("version: 2\n", encoding="utf-8")
        with pytest.raises(Exception, match="exit code 1"):
            look()
        told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    subjects = [json.loads(one["Body"])["Subject"] for one in told]
    assert subjects[0].startswith("reconciler: as declared, ")
    assert subjects[1].startswith("reconciler: the check itself failed, ")


def test_only_tmp_is_written(look: Look, tmp_path: Path) -> None:
    """In a process of its own, since what watches it cannot be taken away again."""
    del look  # for its settings
    line = [sys.executable, "-c", GUARDED, str(HANDLER.parent)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "0")


class _Loader(yaml.SafeLoader):
    """Reads a template; what functions make is not looked at."""


def _function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    """A function as the name of what it refers to, or the list of its arguments."""
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return f"!{loader.construct_scalar(node)}" if isinstance(node, yaml.ScalarNode) else f"!{tag}"


_Loader.add_multi_constructor("!", _function)


def resources() -> dict[str, Any]:
    template = yaml.load(TEMPLATE.read_text("utf-8"), Loader=_Loader)
    found: dict[str, Any] = template["Resources"]
    return found


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    """`Code: package` is right, and W3002 says so: `aws cloudformation package` is for it."""
    words = (script("cfn-lint"), "--regions", "eu-west-1", "--ignore-checks", "W3002")
    return ran(*words, "--template", path)


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    done = linted(TEMPLATE)
    assert (done.returncode, done.stdout) == (0, "")
    wrong = tmp_path / "wrong.yaml"
    text = TEMPLATE.read_text("utf-8")
    for before, after in (
        ("Mode: FLEXIBLE", "Mode: ELASTIC"),
        ("!GetAtt Role.Arn", "!GetAtt Rôle.Arn"),
        ("MemorySize:", "Memory:"),
    ):
        assert before in text
        text = text.replace(before, after)
    wrong.write_text(text, encoding="utf-8")
    said = linted(wrong).stdout
    assert all(word in said for word in ("ELASTIC", "Rôle", "Memory")), said


def test_the_template_is_about_this_handler() -> None:
    found = resources()
    settings = found["Function"]["Properties"]
    assert settings["Handler"] == f"{HANDLER.stem}.handler"
    variables = settings["Environment"]["Variables"].keys()
    own = set(re.findall(r'os\.environ\["(\w+)"\]', HANDLER.read_text("utf-8")))
    assert own == {name for name in variables if not name.startswith("RECONCILER_")}
    assert variables - own == {"RECONCILER_NOTIFY", "RECONCILER_NOTIFY_WHEN"}
    alarm = found["Drift"]["Properties"]
    text = HANDLER.read_text("utf-8")
    assert f'NAMESPACE = "{alarm["Namespace"]}"' in text
    assert f'"Name": "{alarm["MetricName"]}"' in text


def test_the_role_may_do_what_a_look_does_and_nothing_else(
    cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    quickstart = ROOT / "examples" / "quickstart"
    (policy,) = resources()["Role"]["Properties"]["Policies"]
    read = policy["PolicyDocument"]["Statement"][0]
    topic = "arn:aws:sns:eu-west-1:111122223333:drift"
    allowed = cli("iam-policy", "drift", "--notify", topic, quickstart).json["Statement"]
    condition, publish, _ = policy["PolicyDocument"]["Statement"][1]
    assert condition == "HasReport"
    assert [read, {**publish, "Resource": [topic]}] == [
        {**allowed[0], "Resource": "*"},
        allowed[1],
    ]
    syncs = {"GetRepositorySyncStatus", "GetResourceSyncStatus", "GetSyncBlockerSummary"}
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    text = (quickstart / "codeconnections.yaml").read_text("utf-8")
    region = re.findall(r"^region: (\S+)", text, re.MULTILINE) or ["eu-west-1"]
    monkeypatch.setenv("AWS_REGION", region[0])
    assert cli("apply", "--yes", "--allow-pending", quickstart).code == 0
    emulator.control.approve("connection/github-main")
    assert cli("apply", "--yes", quickstart).code == 0
    before = len(emulator.control.requests())
    assert cli("drift", quickstart).code == 0
    asked = {one.operation for one in emulator.control.requests()[before:]} - {"GetCallerIdentity"}
    assert syncs <= asked
    assert {f"codeconnections:{name}" for name in asked} <= {*read["Action"]}
