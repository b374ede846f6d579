"""Commands over the targets of a file, against one emulator that plays every account."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest

from reconciler.cli.commands.schema import schema_text
from reconciler.emulator import Emulator
from reconciler.emulator.faults import Fault
from tests.aws.s3 import BUCKET, s3_server
from tests.cli.hook import hooked
from tests.conftest import Cli, Result

DECLARED = """version: 1
owner: platform
connections:
- {name: main, provider_type: GitHub}
"""
TARGETS = """version: 1
defaults:
  role: reconciler
  paths: [declared.yaml]
targets:
- {account: "111122223333", name: prod, regions: [eu-west-1, us-east-1], tags: [prod]}
- {account: "222233334444", name: dev, regions: [eu-west-1]}
"""


class Fleet:
    """Targets, their files and where they are."""

    def __init__(self, cli: Cli, emulator: Emulator, folder: Path) -> None:
        self.cli, self.emulator = cli, emulator
        self.file = folder / "targets.yaml"
        self.file.write_text(TARGETS, encoding="utf-8")
        (folder / "declared.yaml").write_text(DECLARED, encoding="utf-8")

    def run(self, command: str, *words: str) -> Result:
        where = () if command == "validate" else ("--endpoint-url", self.emulator.url)
        return self.cli(command, "--targets", self.file, *where, *words)

    def report(self, command: str, *words: str) -> Any:
        document = self.run(command, *words, "--output", "json").json
        jsonschema.validate(document, json.loads(schema_text("fleet")))
        return document

    def aws(self, account: str, region: str = "eu-west-1") -> Any:
        """A client of somebody in an account."""
        return boto3.client(
            "codeconnections",
            endpoint_url=self.emulator.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="x",
        )

    def approve(self) -> None:
        for one in self.emulator.control.pending():
            self.emulator.control.approve(one.arn)

    def creates(self) -> Counter[tuple[str, str]]:
        """How many creates each account and Region has seen."""
        log = self.emulator.control.requests(mutating_only=True)
        return Counter((one.account, one.region) for one in log)


@pytest.fixture
def fleet(cli: Cli, emulator: Emulator, tmp_path: Path) -> Fleet:
    return Fleet(cli, emulator, tmp_path)


def states(document: Any) -> dict[str, str]:
    return {row["target"]: row["state"] for row in document["targets"]}


EVERY = ("dev", "prod/eu-west-1", "prod/us-east-1")
PLACES = {
    ("222233334444", "eu-west-1"),
    ("111122223333", "eu-west-1"),
    ("111122223333", "us-east-1"),
}


def test_files_are_checked_for_every_target(fleet: Fleet) -> None:
    assert states(fleet.report("validate")) == dict.fromkeys(EVERY, "ok")


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_a_fleet_is_applied_and_then_in_sync(fleet: Fleet, engine: str) -> None:
    planned = fleet.report("plan", "--engine", engine)
    assert planned["counts"]["create"] == 3
    assert fleet.creates() == Counter()
    applied = fleet.run("apply", "--yes", "--engine", engine, "--output", "json")
    assert (applied.code, states(applied.json)) == (7, dict.fromkeys(EVERY, "waiting"))
    assert fleet.creates() == Counter(dict.fromkeys(PLACES, 1))
    fleet.approve()
    again = fleet.run("apply", "--yes", "--engine", engine, "--output", "json")
    assert (again.code, states(again.json)) == (0, dict.fromkeys(EVERY, "ok"))
    assert fleet.creates() == Counter(dict.fromkeys(PLACES, 1))
    drift = fleet.run("drift", "--engine", engine)
    assert (drift.code, drift.out, drift.err) == (0, "", "")


def test_what_was_done_is_summed_beside_what_was_planned(fleet: Fleet) -> None:
    denied = Fault(kind="AccessDeniedException", operation="Create*", account="2222*", count=9)
    fleet.emulator.control.fault(denied)
    report = fleet.run("apply", "--yes", "--output", "json", "--output", "text=report.txt").json
    counts = report["counts"]
    assert (counts["create"], counts["applied"], counts["failed"]) == (3, 2, 1)
    text = Path("report.txt").read_text(encoding="utf-8")
    assert "In all 3 create, 2 applied, 1 failed." in text


def test_status_names_what_needs_somebody_in_each_target(fleet: Fleet) -> None:
    fleet.run("apply", "--yes")
    rows = {row["target"]: row["details"] for row in fleet.report("status")["targets"]}
    assert set(rows) == set(EVERY)
    for (line,) in rows.values():
        assert line.startswith("connection/main is PENDING: approve it: ")
        assert line.endswith(f" ({fleet.emulator.url})")
    fleet.approve()
    assert [row["details"] for row in fleet.report("status")["targets"]] == [[], [], []]


def test_drift_names_its_target(fleet: Fleet) -> None:
    fleet.run("apply", "--yes")
    fleet.approve()
    aws = fleet.aws("111122223333", "us-east-1")
    (arn,) = (
        one["ConnectionArn"]
        for one in aws.list_connections()["Connections"]
        if ":us-" in one["ConnectionArn"]
    )
    aws.delete_connection(ConnectionArn=arn)
    found = fleet.run("drift", "--output", "json")
    assert found.code == 2
    assert states(found.json) == {**dict.fromkeys(EVERY, "ok"), "prod/us-east-1": "differs"}
    (row,) = (row for row in found.json["targets"] if row["state"] == "differs")
    (detail,) = row["details"]
    assert detail.endswith("declared.yaml:4:3: connection/main is declared and not there")


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_who_is_told_of_drift_is_told_of_each_target(
    fleet: Fleet, engine: str, tmp_path: Path
) -> None:
    with hooked() as hook:
        words = ("--engine", engine, "--notify", hook.url, "--history", str(tmp_path / "drift.db"))
        assert [fleet.run("drift", *words).code for _ in range(2)] == [2, 2]
    told = Counter((b["target"]["account"], b["target"]["region"]) for b in hook.bodies)
    assert told == Counter(dict.fromkeys(PLACES, 1))


def test_only_what_is_selected_is_touched(fleet: Fleet) -> None:
    fleet.run("apply", "--yes", "--target", "tag:prod,region:us-*")
    assert fleet.creates() == Counter({("111122223333", "us-east-1"): 1})


def test_status_and_import_read_every_account(fleet: Fleet, tmp_path: Path) -> None:
    fleet.run("apply", "--yes")
    fleet.approve()
    assert states(fleet.report("status")) == dict.fromkeys(EVERY, "ok")
    assert fleet.run("import", "--to", "out/").code == 0
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("out/*/*"))
    assert found == [f"out/{name.replace('/', '_')}/connections.yaml" for name in EVERY]
    text = (tmp_path / found[0]).read_text(encoding="utf-8")
    assert "222233334444" in text


def test_a_target_that_fails_is_a_row(fleet: Fleet) -> None:
    odd = '- {account: "333344445555", name: odd, regions: [eu-west-1], role: x}\n'
    fleet.file.write_text(TARGETS + odd, encoding="utf-8")
    fault = Fault(kind="AccessDeniedException", operation="AssumeRole", account="3333*", count=9)
    fleet.emulator.control.fault(fault)
    found = fleet.run("plan", "--output", "json")
    assert found.code == 1
    assert states(found.json) == {**dict.fromkeys(EVERY, "ok"), "odd": "error"}
    (row,) = (row for row in found.json["targets"] if row["state"] == "error")
    assert "arn:aws:iam::333344445555:role/x cannot be assumed" in row["message"]


def test_credentials_of_another_account_are_refused(fleet: Fleet) -> None:
    fleet.file.write_text(TARGETS.replace("  role: reconciler\n", ""), encoding="utf-8")
    found = fleet.run("apply", "--yes", "--output", "json")
    assert states(found.json)["dev"] == "error"
    (row,) = (row for row in found.json["targets"] if row["target"] == "dev")
    assert "of account 111122223333, and not of 222233334444" in row["message"]
    assert set(fleet.creates()) == PLACES - {("222233334444", "eu-west-1")}


def test_a_lock_is_one_of_an_account_and_region_whatever_a_target_is_called(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=1, count=9))
    seen: set[str] = set()
    with s3_server() as s3, ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        lock = ("--lock", f"s3://{BUCKET}/run", "--settle", "1s")
        running = pool.submit(fleet.run, "apply", "--yes", *lock)
        while not running.done():
            listed = s3.client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
            seen |= {one["Key"] for one in listed}
            time.sleep(0.05)
    assert running.result().code == 7
    assert seen == {f"run/{account}/{region}" for account, region in PLACES}


def test_no_more_is_begun_after_too_many_failures(fleet: Fleet) -> None:
    fleet.file.write_text(TARGETS.replace("[declared.yaml]", "[nowhere]"), encoding="utf-8")
    words = ("--max-failures", "0", "--concurrency", "1", "--output", "json")
    found = fleet.run("plan", *words)
    assert found.code == 1
    assert Counter(states(found.json).values()) == {"error": 1, "not begun": 2}
    assert "Error: 2 of 3 targets were not begun" in found.err


def test_each_target_has_its_document_where_details_go(fleet: Fleet, tmp_path: Path) -> None:
    fleet.run("plan", "--details", "all")
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("all/*")}
    assert set(found) == {f"{name.replace('/', '_')}.json" for name in EVERY}
    for document in found.values():
        jsonschema.validate(document, json.loads(schema_text("plan")))
    assert found["dev.json"]["target"]["account"] == "222233334444"


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_every_target_is_a_line(fleet: Fleet, format: str) -> None:
    out = fleet.run("plan", "--output", format).out
    for name in EVERY:
        assert sum(name in line for line in out.splitlines()) == 1
    assert "3 create" in out


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_logged_calls_say_for_which_target(
    fleet: Fleet, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = fleet.run("plan", "--engine", engine, "--verbose").err
    shown += capfd.readouterr().err  # of other processes
    lines = [line for line in shown.splitlines() if "ListConnections" in line]
    assert len(lines) == 3, shown
    assert {line.partition(" ")[0] for line in lines} == {f"[{name}]" for name in EVERY}


def test_a_problem_of_a_target_has_its_place_and_code(fleet: Fleet) -> None:
    (fleet.file.parent / "declared.yaml").write_text("version: 1\nowner: o\nconection: []\n")
    (row, *_) = fleet.report("validate")["targets"]
    (detail,) = row["details"]
    assert "declared.yaml:3:1: E030 unknown key `conection`" in detail


def test_a_targets_file_is_no_file_of_desired_state(fleet: Fleet) -> None:
    found = fleet.cli("validate", "targets.yaml")
    assert (found.code, found.err) == (1, "")
    assert found.out == (
        "targets.yaml:5:1: E030 this is a targets file (give it with --targets)\n"
        "1 problem; nothing was called.\n"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("plan", "x.yaml"), "PATH does not go with --targets"),
        (("plan", "--region", "eu-west-1"), "--region does not go with --targets"),
        (("apply",), "apply with --targets does not ask"),
        (("import",), "import with --targets needs --to FOLDER/"),
        (("plan", "--engine", "dask"), "--engine dask needs --scheduler tcp://HOST:PORT"),
        (("plan", "--scheduler", "tcp://a:1"), "--scheduler goes with --engine dask only"),
        (("plan", "--output", "sarif"), "a report on targets is text, json or markdown"),
        (("status", "--watch"), "--watch does not go with --targets"),
        (("status", "--details", ""), "--details names no folder"),
        (("apply", "--yes", "--local-store", "x.db"), "--local-store needs --local"),
        (("plan", "--local"), "--endpoint-url does not go with --local"),
    ],
)
def test_what_makes_no_sense_for_many_is_refused(
    fleet: Fleet, words: tuple[str, ...], text: str
) -> None:
    found = fleet.run(*words)
    assert (found.code, found.out) == (64, "")
    assert text in found.err
    assert fleet.emulator.control.requests() == []


@pytest.mark.parametrize(
    "option", ["--max-failures=0", "--concurrency=3", "--engine=threads", "--target=a"]
)
def test_options_of_a_fleet_need_one(cli: Cli, option: str) -> None:
    found = cli("plan", option, "x.yaml")
    assert found.code == 64
    assert f"{option.partition('=')[0]} needs --targets" in found.err


def test_how_fleets_are_worked_on_may_be_set_for_all_commands(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_CONCURRENCY", "3")
    assert fleet.cli("validate", fleet.file.parent / "declared.yaml").code == 0
