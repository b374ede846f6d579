"""`unblock` against a local CodeConnections: what it asks, sends, notes and says, also when replies
get lost, blockers are gone, others write or a signal comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from reconciler.emulator import Emulator, Fault
from reconciler.unblock import LOOK_DELAYS, SENDS
from tests.cli.gitsync import OBJECTS, PROD, REASON, inhabit, writes
from tests.cli.harmless import expect_harmless
from tests.cli.terminal import PATIENCE, command, environment, on_terminal
from tests.conftest import Cli
from tests.nasty import WORST
from tests.test_specs import told

WHY = "the template is mended"
STACK = {"ResourceName": "network-prod", "SyncType": "CFN_STACK_SYNC"}
LOST = ("reset", "eof", "cut", "html", "empty", "500", "503", "504")


@pytest.fixture
def where(emulator: Emulator, cli: Cli) -> tuple[str, ...]:
    """The options that lead to an emulator with a blocked stack."""
    inhabit(emulator, cli)
    return ("--endpoint-url", emulator.url)


def blockers(emulator: Emulator) -> dict[str, str | None]:
    """The blockers of the stack, and why each was resolved."""
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    summary = client.get_sync_blocker_summary(**STACK)["SyncBlockerSummary"]
    return {one["Id"]: one.get("ResolvedReason") for one in summary["LatestBlockers"]}


def journal(cli: Cli) -> list[tuple[str, str, str]]:
    """The outcome, operation and address of every unblock that was noted."""
    lines = map(json.loads, cli("journal", "--format", "json").out.splitlines())
    noted = [(one["outcome"], one["operation"], one["address"]) for one in lines]
    return [one for one in noted if one[1] == "UpdateSyncBlocker"]


@pytest.mark.parametrize("stack", ["network-prod", PROD])
def test_a_blocker_is_resolved_and_noted(
    stack: str, where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    done = cli("unblock", stack, "--reason", WHY, "--yes", *where, "--output", "json")
    assert (done.code, done.err, told("unblock", done.json)) == (0, "", [])
    assert [(one["result"], one["reason"]) for one in done.json["blockers"]] == [
        ("resolved", REASON)
    ]
    assert set(blockers(emulator).values()) == {WHY}
    assert journal(cli) == [("done", "UpdateSyncBlocker", PROD)]
    again = cli("unblock", stack, "--reason", WHY, "--yes", *where)
    assert (again.code, f"{PROD}: nothing blocks it.\n" in again.out) == (0, True)
    assert len(writes(emulator)) == 1
    assert "nothing blocks" not in cli("status", *where).out


def test_it_asks_at_a_terminal(where: tuple[str, ...], emulator: Emulator) -> None:
    words = ("unblock", "network-prod", "--reason", WHY, *where)
    no = on_terminal(*words, answer="n\n")
    assert (no.code, writes(emulator)) == (1, [])
    assert REASON in no.shown
    assert f"Resolve this blocker because of '{WHY}'? [y/N]: n" in no.shown
    assert "Nothing was changed." in no.shown
    yes = on_terminal(*words, answer="y\n")
    assert (yes.code, writes(emulator)) == (0, ["UpdateSyncBlocker"])


def test_what_changed_while_it_asked_is_asked_again(
    where: tuple[str, ...], emulator: Emulator
) -> None:
    def block() -> None:
        emulator.control.record_blocker("network-prod", "another")

    words = ("unblock", "network-prod", "--reason", WHY, *where)
    screen = on_terminal(*words, answer="y\n", before=block)
    assert (screen.code, writes(emulator)) == (6, [])
    assert "what blocks changed while you were asked" in screen.shown


def test_without_a_terminal_it_needs_yes(
    where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    refused = cli("unblock", "network-prod", "--reason", WHY, *where)
    assert (refused.code, "give --yes" in refused.err, writes(emulator)) == (64, True, [])


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "\x1b[31m", "x" * 251, "\u202e"], ids=ascii)
def test_a_reason_says_something(reason: str, cli: Cli) -> None:
    refused = cli("unblock", "network-prod", f"--reason={reason}", "--yes")
    assert (refused.code, "1 to 250 printable characters" in refused.err) == (64, True)
    expect_harmless(refused.err)
    missing = cli("unblock", "network-prod", "--yes")
    assert (missing.code, "Missing option '--reason'" in missing.err) == (64, True)


@pytest.mark.parametrize("stack", ["connection/main", "sync_configuration/", "a/b", ""])
def test_what_is_no_stack_is_told(stack: str, cli: Cli) -> None:
    refused = cli("unblock", stack, "--reason", WHY)
    assert (refused.code, "is not the name of a stack" in refused.err) == (64, True)


def test_what_is_not_there_is_told(where: tuple[str, ...], cli: Cli, emulator: Emulator) -> None:
    words = ("--reason", WHY, "--yes", *where)
    stack = cli("unblock", "nothing", *words)
    said = (
        "Error: nothing is live at sync_configuration/nothing: `reconciler status` shows what is\n"
    )
    assert (stack.code, stack.err) == (1, said)
    blocker = cli("unblock", "network-prod", "--id", "none", *words)
    (id_,) = blockers(emulator)
    assert (blocker.code, blocker.err) == (1, f"Error: none does not block {PROD}: {id_}\n")
    never = cli("unblock", "network-dev", *words)
    assert (never.code, "nothing blocks it" in never.out) == (0, True)
    assert writes(emulator) == []


def test_only_the_blockers_that_are_named(
    where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    (first,) = blockers(emulator)
    second = emulator.control.record_blocker("network-prod", "another")
    words = ("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert cli(*words, "--id", second).code == 0
    assert blockers(emulator) == {second: WHY, first: None}
    assert cli(*words).code == 0
    assert blockers(emulator) == {second: WHY, first: WHY}


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_reply_is_looked_for_and_not_sent_again(
    kind: str, where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.fault(Fault(kind=kind, operation="UpdateSyncBlocker"))
    done = cli("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert (done.code, writes(emulator)) == (0, ["UpdateSyncBlocker"])
    assert "as was seen afterwards" in done.out
    assert journal(cli) == [("resolved", "UpdateSyncBlocker", PROD)]


@pytest.mark.parametrize("kind", ["dropped", "unavailable", "InternalServerException"])
def test_what_was_not_done_is_sent_again_after_a_look(
    kind: str, where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.fault(Fault(kind=kind, operation="UpdateSyncBlocker"))
    before = len(emulator.control.requests())
    done = cli("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert (done.code, list(blockers(emulator).values())) == (0, [WHY])
    requests = [r.operation for r in emulator.control.requests()[before:]]
    first = requests.index("UpdateSyncBlocker")
    last = len(requests) - 1 - requests[::-1].index("UpdateSyncBlocker")
    assert requests[first + 1 : last] == ["GetSyncBlockerSummary"] * len(LOOK_DELAYS)
    assert [outcome for outcome, *_ in journal(cli)] == ["resolved", "done"]


def test_what_stays_unclear_is_unknown_until_it_is_seen(
    where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    fault = Fault(kind="unavailable", operation="UpdateSyncBlocker", count=SENDS)
    emulator.control.fault(fault)
    words = ("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    done = cli(*words, "--output", "json")
    (one,) = done.json["blockers"]
    assert (done.code, one["result"]) == (4, "unknown")
    assert "it was not seen to be resolved" in one["message"]
    assert done.err.startswith(f"Error: blocker {one['id']} of {PROD}: UpdateSyncBlocker: ")
    assert [outcome for outcome, *_ in journal(cli)] == ["pending"] * SENDS
    assert cli(*words).code == 0
    assert [outcome for outcome, *_ in journal(cli)] == ["resolved"] * SENDS + ["done"]


def test_nothing_is_sent_again_without_a_look(
    where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    control = emulator.control
    control.fault(Fault(kind="dropped", operation="UpdateSyncBlocker"))
    denied = Fault(
        kind="AccessDeniedException", operation="GetSyncBlockerSummary", after=1, count=9
    )
    control.fault(denied)
    done = cli("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert (done.code, "UNKNOWN" in done.out) == (4, True)
    assert [outcome for outcome, *_ in journal(cli)] == ["pending"]


def test_a_retry_that_failed_is_said(where: tuple[str, ...], cli: Cli, emulator: Emulator) -> None:
    """The service may have resolved the blocker before: here somebody does."""
    (id_,) = blockers(emulator)
    kind = "RetryLatestCommitFailedException"
    emulator.control.fault(Fault(kind=kind, operation="UpdateSyncBlocker", count=1))
    process = subprocess.Popen(
        command("unblock", "network-prod", "--reason", WHY, "--yes", *where),
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    end = time.monotonic() + PATIENCE
    while not journal(cli) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.5)
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    client.update_sync_blocker(**STACK, Id=id_, ResolvedReason=WHY)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "but the service could not sync the latest commit again" in out
    assert len(journal(cli)) == 1


def test_a_blocker_that_is_gone_is_told(
    where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.record_blocker("network-prod", "another")
    kind = "SyncBlockerDoesNotExistException"
    emulator.control.fault(Fault(kind=kind, operation="UpdateSyncBlocker"))
    done = cli("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert (done.code, "1 resolved, 1 failed" in done.out) == (3, True)
    assert done.err.count("\n") == 1
    assert f"UpdateSyncBlocker: {kind}: " in done.err
    emulator.control.fault(Fault(kind="AccessDeniedException", operation="UpdateSyncBlocker"))
    denied = cli("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    assert (denied.code, "AccessDeniedException" in denied.err) == (1, True)


def test_throttling_slows_it_down(where: tuple[str, ...], cli: Cli, emulator: Emulator) -> None:
    fault = Fault(kind="ThrottlingException", operation="UpdateSyncBlocker", count=3)
    emulator.control.fault(fault)
    assert cli("unblock", "network-prod", "--reason", WHY, "--yes", *where).code == 0


def test_what_cannot_be_noted_is_not_sent(
    where: tuple[str, ...], cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    words = ("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    refused = cli(*words, "--journal", str(tmp_path / "file" / "folder"))
    assert (refused.code, writes(emulator)) == (1, [])
    assert refused.err.count("\n") == 1


def test_two_do_not_write_at_a_time(where: tuple[str, ...], cli: Cli, emulator: Emulator) -> None:
    emulator.control.fault(Fault(kind="delay", operation="UpdateSyncBlocker", seconds=3))
    words = ("unblock", "network-prod", "--reason", WHY, "--yes", *where)
    with subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, env=environment()) as other:
        end = time.monotonic() + PATIENCE
        while not journal(cli) and time.monotonic() < end:
            time.sleep(0.02)
        locked = cli(*words)
    assert (locked.code, "another run is writing there" in locked.err) == (6, True)
    assert (other.returncode, writes(emulator)) == (0, ["UpdateSyncBlocker"])


@pytest.mark.parametrize(("count", "code"), [(1, 130), (2, 4)])
def test_a_signal_settles_the_running_call(
    count: int, code: int, where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.record_blocker("network-prod", "another")
    emulator.control.fault(Fault(kind="delay", operation="UpdateSyncBlocker", seconds=2))
    words = ("unblock", "network-prod", "--reason", WHY, "--yes", *where, "--output", "json")
    with subprocess.Popen(
        command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        end = time.monotonic() + PATIENCE
        while not journal(cli) and time.monotonic() < end:
            time.sleep(0.02)
        for _ in range(count):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.05)
        out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    ends = {1: ["resolved", "skipped"], 2: ["unknown", "skipped"]}[count]
    assert process.returncode == code
    assert [one["result"] for one in json.loads(out)["blockers"]] == ends


def test_an_apply_never_unblocks(where: tuple[str, ...], cli: Cli, emulator: Emulator) -> None:
    """Not even of a blocked stack that it changes."""
    for text in (OBJECTS.replace("deploy/prod", "deploy/other"), OBJECTS):
        Path("objects.yaml").write_text(text, encoding="utf-8")
        done = cli("apply", "--yes", "--allow-pending", "objects.yaml", *where)
        assert (done.code, "1 applied" in done.out) == (0, True)
    assert writes(emulator) == []
    assert list(blockers(emulator).values()) == [None]


@pytest.mark.parametrize("text", WORST, ids=ascii)
def test_hostile_texts_do_nothing(
    text: str, where: tuple[str, ...], cli: Cli, emulator: Emulator
) -> None:
    emulator.control.record_blocker("network-dev", text, contexts={text: text})
    words = ("unblock", "network-dev", "--reason", WHY, "--yes", *where)
    done = cli(*words, "--output", "json=said.json")
    assert done.code == 0
    expect_harmless(done.out, done.err, Path("said.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("format", ["markdown", "sarif", "html"])
def test_other_formats_are_wrong_usage(format: str, cli: Cli) -> None:
    refused = cli("unblock", "a", "--reason", WHY, "--output", format)
    assert (refused.code, "an unblock is text or json" in refused.err) == (64, True)
