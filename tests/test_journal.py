"""The journal: what is not on the disk is not sent, what is cut short harms nobody, and no secret
gets into it."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from reconciler.emulator import Emulator
from reconciler.errors import ApiError, ReconcilerError, UnclearReplyError
from reconciler.fields import Sensitive
from reconciler.journal import Journal, Line, Sent, history, lines
from reconciler.resource import Address, Call
from reconciler.unsettled import Judging, judge
from reconciler.writer import Means
from tests.test_apply import AT_ONCE, Between, api_of, applied, desired_of, planned, statuses

MAIN = Address("connection", "main")
CREATE = Call("CreateConnection", {"ConnectionName": "main"})
ONE = "version: 1\nowner: platform\nconnections: [{name: main, provider_type: GitHub}]\n"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "journal.jsonl", {"who": "me", "owner": "platform"})


def events(journal: Journal) -> list[tuple[str, str]]:
    assert journal.path is not None
    return [(line.event, line.text) for line in lines(journal.path)]


def pending(journal: Journal) -> list[Line]:
    """The calls of which nobody knows whether they were carried out."""
    return [sent.line for sent in journal.history() if sent.is_pending]


def test_a_call_is_noted_before_it_is_sent(journal: Journal) -> None:
    with journal.sending(MAIN, CREATE):
        assert events(journal) == [("sent", "")]
        (line,) = pending(journal)
        assert (line.address, line.operation) == ("connection/main", "CreateConnection")
        assert (line.who, line.owner) == ("me", "platform")
    assert events(journal) == [("sent", ""), ("done", "")]
    assert pending(journal) == []


def test_what_is_noted_of_a_call(journal: Journal) -> None:
    with journal.sending(MAIN, CREATE):
        pass
    assert journal.path is not None
    written = journal.path.read_bytes().splitlines()
    first, second = (json.loads(line) for line in written)
    for line in (first, second):
        at = datetime.strptime(line.pop("time"), "%Y-%m-%dT%H:%M:%S.%f%z")
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert first == {
        "format": 1,
        "event": "sent",
        "id": second["id"],
        "who": "me",
        "owner": "platform",
        "address": "connection/main",
        "operation": "CreateConnection",
        "parameters": {"ConnectionName": "main"},
    }
    assert second == {"format": 1, "event": "done", "id": first["id"], "text": ""}


@pytest.mark.parametrize(
    ("error", "event", "left"),
    [
        (ApiError("CreateX", "LimitExceeded", "no"), ("refused", "CreateX: LimitExceeded: no"), 0),
        (UnclearReplyError("CreateX", "lost"), ("unknown", "CreateX: no clear answer: lost"), 1),
        (KeyboardInterrupt(), ("unknown", "KeyboardInterrupt"), 1),
        (SystemExit(143), ("unknown", "143"), 1),
    ],
)
def test_what_ends_a_call_is_noted(
    journal: Journal, error: BaseException, event: tuple[str, str], left: int
) -> None:
    with pytest.raises(type(error)), journal.sending(MAIN, CREATE):
        raise error
    assert events(journal) == [("sent", ""), event]
    assert len(pending(journal)) == left


def test_a_resolved_call_is_not_pending_any_more(journal: Journal) -> None:
    with pytest.raises(UnclearReplyError), journal.sending(MAIN, CREATE):
        raise UnclearReplyError("CreateConnection", "timeout")
    journal.resolve(pending(journal)[0].id, "there")
    assert pending(journal) == []
    assert journal.path is not None
    (sent,) = history(journal.path)
    assert (sent.last.event, sent.last.text) == ("resolved", "there")


def test_only_its_user_can_read_it(journal: Journal) -> None:
    with journal.sending(MAIN, CREATE):
        pass
    assert journal.path is not None
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_a_certificate_is_not_noted(journal: Journal) -> None:
    call = Call("CreateHost", {"VpcConfiguration": {"TlsCertificate": Sensitive("CANARY")}})
    with journal.sending(MAIN, call):
        pass
    assert journal.path is not None
    assert "CANARY" not in journal.path.read_text(encoding="utf-8")


def test_cut_at_any_byte_it_is_still_read_and_gone_on_with(journal: Journal) -> None:
    with journal.sending(MAIN, CREATE):
        pass
    path = journal.path
    assert path is not None
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        sent, answered = length >= first, length >= len(whole)
        assert len(pending(journal)) == (sent and not answered), length
        with journal.sending(MAIN, CREATE):
            pass
        assert [name for name, _ in events(journal)][-2:] == ["sent", "done"], length


def test_cut_twice_it_is_still_read_and_gone_on_with(journal: Journal) -> None:
    """The line that took the place of one that was cut is cut as well."""
    with journal.sending(MAIN, CREATE):
        pass
    path = journal.path
    assert path is not None
    once = path.read_bytes()
    path.write_bytes(once + once[:50])
    with journal.sending(MAIN, CREATE):
        twice = path.read_bytes()
    assert twice.startswith(once)
    for length in range(len(once), len(twice) + 1):
        path.write_bytes(twice[:length])
        assert len(pending(journal)) == (length == len(twice)), length
        with journal.sending(MAIN, CREATE):
            pass
        assert [name for name, _ in events(journal)][-2:] == ["sent", "done"], length


def full(file: int, data: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half(file: int, data: bytes) -> int:
    return _write(file, data[: len(data) // 2])


_write = os.write


@pytest.mark.parametrize("write", [full, half])
@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_full_disk_sends_nothing_that_it_could_not_note(
    write: Callable[[int, bytes], int],
    fails_at: int,
    emulator: Emulator,
    tmp_path: Path,
) -> None:
    """Two calls, four lines: whichever cannot be written, the next run knows what was sent."""
    count = 0

    def counted(file: int, data: bytes) -> int:
        nonlocal count
        count += 1
        return write(file, data) if count >= fails_at else _write(file, data)

    two = ONE.replace("[{", "[{name: other, provider_type: GitHub}, {")
    journal, api = Journal(tmp_path / "journal"), Between(api_of(emulator))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.journal.os.write", counted)
        report = applied(desired_of(two), api, wait=0.0, means=Means(AT_ONCE.clock, journal))
    sent = fails_at // 2
    assert len(api.written) == sent
    assert sorted(statuses(report).values()) == sorted(["applied"] * sent + ["failed"] * (2 - sent))
    if sent < 2:
        assert "not sent: the journal" in str(report["outcomes"])
    again = applied(desired_of(two), api, wait=0.0, means=Means(AT_ONCE.clock, journal))
    assert len(again["outcomes"]) == 2 - sent
    assert len(api.written) == 2


def test_a_line_that_was_written_in_part_is_not_taken_for_a_line(journal: Journal) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.journal.os.write", half)
        with pytest.raises(ReconcilerError) as raised, journal.sending(MAIN, CREATE):
            pytest.fail("it was sent")
    text = f"not sent: the journal {journal.path} cannot be written: no space left on the disk"
    assert str(raised.value) == text


def test_a_folder_that_cannot_be_made_is_said_before_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = tmp_path / "file" / "journal"
    with pytest.raises(ReconcilerError) as raised:
        Journal(path).check()
    assert str(raised.value) == (
        f"the journal {path} cannot be written: File exists; "
        "nothing is sent without it: give --journal a folder"
    )


def test_checking_writes_nothing(journal: Journal) -> None:
    journal.check()
    assert journal.path is not None
    assert journal.path.read_bytes() == b""


def test_without_a_path_nothing_is_kept() -> None:
    journal = Journal()
    journal.check()
    with journal.sending(MAIN, CREATE):
        pass
    assert journal.history() == []


def test_what_cannot_be_resolved_is_looked_at_once_more(journal: Journal) -> None:
    with pytest.raises(UnclearReplyError), journal.sending(MAIN, CREATE):
        raise UnclearReplyError("CreateConnection", "timeout")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.journal.os.write", full)
        journal.resolve(pending(journal)[0].id, "there")
    assert len(pending(journal)) == 1


def test_a_line_that_is_not_understood_is_told_with_its_number(journal: Journal) -> None:
    """Whatever stands before it: a line that took the place of one that was cut short, too."""
    assert journal.path is not None
    with journal.sending(MAIN, CREATE):
        pass
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-5])
    with journal.sending(MAIN, CREATE):
        pass
    assert len(journal.path.read_bytes().splitlines()) == 3
    with journal.path.open("ab") as file:
        file.write(b"\xff\xfe\n" + whole)
    with pytest.raises(ReconcilerError, match="cannot be understood at line 4: take the line out"):
        pending(journal)


@pytest.mark.parametrize("address", ["", "garbage", "connection/", "/main"])
def test_a_call_about_nothing_is_not_understood(journal: Journal, address: str) -> None:
    assert journal.path is not None
    with journal.sending(MAIN, CREATE):
        pass
    content = journal.path.read_text(encoding="utf-8")
    journal.path.write_text(content.replace("connection/main", address), encoding="utf-8")
    with pytest.raises(ReconcilerError, match="cannot be understood at line 1: take the line out"):
        journal.history()


def test_a_journal_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError) as raised:
        list(lines(tmp_path))
    assert str(raised.value) == f"the journal {tmp_path} cannot be read: Is a directory"


def test_a_new_journal_is_ascii_in_a_folder_of_its_own_that_the_disk_keeps(tmp_path: Path) -> None:
    journal, folders = Journal(tmp_path / "a" / "b" / "journal", {"who": "Zoë"}), []

    def note(file: int) -> None:
        folders.append(stat.S_ISDIR(os.fstat(file).st_mode))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.journal.os.fsync", note)
        with journal.sending(MAIN, CREATE):
            assert folders == [False, True]
    assert folders == [False, True, False]
    assert (tmp_path / "a" / "b" / "journal").read_bytes().isascii()
    assert [sent.line.who for sent in journal.history()] == ["Zoë"]


def test_a_system_that_syncs_no_folders_is_written_on_all_the_same(journal: Journal) -> None:
    def files_only(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.journal.os.fsync", files_only)
        with journal.sending(MAIN, CREATE):
            assert len(pending(journal)) == 1


NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
JUDGING = Judging(NOW, NOW - timedelta(seconds=5), 120.0)


MAIN_CREATED = ("CreateConnection", "connection/main")


@pytest.mark.parametrize(
    ("call", "age", "event", "open_", "known"),
    [
        (MAIN_CREATED, 10, "sent", 110, None),
        (MAIN_CREATED, 120, "sent", None, "not there after 120 s"),
        (MAIN_CREATED, -500, "sent", 115, None),
        (("CreateConnection", "connection/other"), 10, "sent", 110, None),
        (("CreateConnection", "connection/other"), 120, "sent", None, "not there after 120 s"),
        (("TagResource", "connection/main"), 10, "sent", None, "planned again from what is live"),
        (MAIN_CREATED, 10, "done", 110, None),
        (MAIN_CREATED, 120, "done", None, None),
        (MAIN_CREATED, 10, "resolved", 110, None),
        (MAIN_CREATED, 10, "refused", None, None),
    ],
    ids=[
        "young",
        "old",
        "from the future",
        "not wanted for now",
        "not wanted any more",
        "no create",
        "answered and not listed",
        "answered long ago",
        "found and not listed any more",
        "refused",
    ],
)
def test_what_a_plan_says_about_calls(
    emulator: Emulator,
    call: tuple[str, str],
    age: int,
    event: Literal["sent", "done", "refused", "resolved"],
    open_: int | None,
    known: str | None,
) -> None:
    plan = planned(desired_of(ONE), api_of(emulator))
    judgement = judge(plan, [sent(*call, age, event)], JUDGING)
    assert [one.seconds for one in judgement.open] == ([] if open_ is None else [open_])
    assert [text[:20] for _, text in judgement.known] == ([] if known is None else [known[:20]])


def test_what_was_deleted_since_is_not_waited_for(emulator: Emulator) -> None:
    plan = planned(desired_of(ONE), api_of(emulator))
    calls = [sent(*MAIN_CREATED, 20, "done"), sent("DeleteConnection", MAIN_CREATED[1], 10, "done")]
    assert judge(plan, calls, JUDGING).open == ()
    assert judge(plan, calls[::-1], JUDGING).open != ()


@pytest.mark.parametrize(("run", "known"), [("run-1", 1), ("another", 0)])
def test_only_the_object_of_its_run_settles_a_create(
    emulator: Emulator, run: str, known: int
) -> None:
    """Another one of the same name may be anybody's; the one that was sent may still show up."""
    applied(desired_of(ONE), api_of(emulator), wait=0.0)
    plan = planned(desired_of(ONE), api_of(emulator))
    judgement = judge(plan, [sent(*MAIN_CREATED, 10, "sent", run)], JUDGING)
    assert (len(judgement.open), len(judgement.known)) == (1 - known, known)
    assert not any(one.matters for one in judgement.open)


def sent(
    operation: str,
    address: str,
    age: int,
    event: Literal["sent", "done", "refused", "resolved"],
    run: str = "",
) -> Sent:
    """A call of that age, and what was heard of it."""
    line = Line(
        format=1,
        event="sent",
        id="1",
        time=NOW - timedelta(seconds=age),
        operation=operation,
        address=address,
        run=run,
    )
    return Sent(line, line.model_copy(update={"event": event}))


def test_text_that_is_no_unicode_does_not_hide_a_call(tmp_path: Path) -> None:
    """JSON with half a surrogate pair cannot be read back: the pending call was forgotten."""
    lone = "a\udcff"
    journal = Journal(tmp_path / "j.jsonl", {"who": lone, "endpoint": f"local /{lone}"})
    call = Call("CreateConnection", {"ConnectionName": lone, "Tags": [{"Key": lone, "Value": ""}]})
    with pytest.raises(UnclearReplyError), journal.sending(Address("connection", lone), call):
        raise UnclearReplyError("CreateConnection", lone)
    (line,) = pending(journal)
    assert (line.who, line.address) == ("a\\udcff", "connection/a\\udcff")
    (sent,) = history(tmp_path / "j.jsonl")
    assert sent.last.event == "unknown"
