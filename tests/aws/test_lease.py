"""The lock in S3, against an S3 that nobody here wrote."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.aws.lease import Lease
from reconciler.aws.session import Session, Settings
from reconciler.errors import LockedError, ReconcilerError, TargetError
from tests.aws.s3 import BUCKET, S3, s3_server

KEY = "platform/eu-west-1"
URI = f"s3://{BUCKET}/{KEY}"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The S3 that every session of the test uses."""
    with s3_server() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running.url)
        yield running


def session() -> Session:
    return Session(Settings(region="eu-west-1"))


def lease(who: str = "ann@here", seconds: float = 60.0, uri: str = URI) -> Lease:
    return Lease(session(), uri, who, seconds)


def content(s3: S3) -> bytes:
    body: bytes = s3.client().get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    return body


def killed(who: str, seconds: float) -> Lease:
    """A lease whose run has died: it is not renewed any more."""
    taken = lease(who, seconds).take(0)
    taken._ended.set()
    taken._thread.join()
    return taken


def test_one_has_it_until_it_is_given_back(s3: S3) -> None:
    first = lease().take(0)
    with pytest.raises(LockedError) as caught:
        lease("bob@there").take(0)
    assert str(caught.value).startswith("another run is writing there: ann@here, process ")
    assert f"; {URI} is free at 20" in str(caught.value)
    first.release()
    second = lease("bob@there").take(0)
    assert second.taken_from is None
    assert b'"who":"bob@there"' in content(s3)
    second.release()


def test_somebody_may_wait_for_it(s3: S3) -> None:
    first = lease().take(0)
    threading.Timer(0.5, first.release).start()
    lease("bob@there").take(10).release()


def test_of_many_at_once_one_has_it(s3: S3) -> None:
    def tried(number: int) -> Lease | None:
        try:
            return lease(f"{number}@there").take(0)
        except LockedError:
            return None

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            winners = [each for each in pool.map(tried, range(8)) if each]
        assert len(winners) == 1
        assert f'"who":"{winners[0]._mine.who}"'.encode() in content(s3)
        winners[0].release()


def test_it_is_kept_for_longer_than_a_lease(s3: S3) -> None:
    first = lease(seconds=1.0).take(0)
    time.sleep(3.5)
    with pytest.raises(LockedError):
        lease("bob@there").take(0)
    first.renew()
    first.release()


def test_a_dead_run_loses_it_after_its_lease_and_not_before(s3: S3) -> None:
    dead = killed("ann@here", 2.0)
    with pytest.raises(LockedError):
        lease("bob@there").take(0)
    heir = lease("bob@there").take(10)
    assert heir.taken_from is not None
    assert heir.taken_from.who == "ann@here"
    # It was only stopped, and goes on: it finds out before its next call.
    with pytest.raises(ReconcilerError, match=f"the lock {URI} is lost: bob@there has it"):
        dead.renew()
    heir.renew()
    dead.release()  # does not take it away from who has it now
    heir.renew()
    heir.release()


def test_nothing_is_permitted_without_it(s3: S3) -> None:
    mine = lease().take(0)
    assert mine.permit() == ""
    s3.client().delete_object(Bucket=BUCKET, Key=KEY)  # how a person takes it away from a run
    for _ in range(2):
        assert mine.permit() == f"the lock {URI} is lost: somebody has removed it"


def test_an_s3_that_is_away_sends_nothing_and_loses_nothing(s3: S3) -> None:
    mine = lease().take(0)
    s3.refusing = True
    with pytest.raises(ReconcilerError, match=f"the lock {URI} cannot be used: SlowDown: Slow"):
        mine.renew()
    s3.refusing = False
    mine.renew()
    mine.release()


def test_an_answer_that_got_lost_does_not_lose_the_lock(s3: S3) -> None:
    """The write was done, nobody heard, the SDK sends it again and finds itself in its way."""
    mine = lease()
    for do in (lambda: mine.take(0), mine.renew, mine.release):
        s3.losing, before = 1, s3.writes
        do()
        assert s3.writes - before >= 2
        assert not mine.lost
    lease("bob@there").take(0).release()


def test_nobody_takes_over_what_was_renewed_after_they_looked(s3: S3) -> None:
    mine, other = lease().take(0), lease("bob@there")
    seen = other._seen()
    mine.renew()
    assert seen is not None
    assert not other._put(IfMatch=seen.etag)
    mine.release()


def test_an_answer_that_took_too_long_is_asked_for_again(s3: S3) -> None:
    """Meanwhile the process may have been stopped, and the lock taken over."""
    mine = killed("ann@here", 1.5)
    before, s3.delays = s3.writes, [0.7]
    mine.renew()
    assert s3.writes - before == 2
    mine.release()


def test_what_is_unclear_keeps_others_out_for_a_while(s3: S3) -> None:
    lease().take(0).release(2.0)
    with pytest.raises(LockedError, match=r"a run had no answer to what it sent.*ann@here"):
        lease("bob@there").take(0)
    heir = lease("bob@there").take(10)
    assert heir.taken_from is None  # it was given back, only later
    heir.release()


@pytest.mark.parametrize("other", [b"", b"{}", b'{"version": 4, "lineage": "x"}', b"\xff", b"[]"])
def test_another_object_is_never_overwritten(s3: S3, other: bytes) -> None:
    s3.client().put_object(Bucket=BUCKET, Key=KEY, Body=other)
    with pytest.raises(TargetError, match=f"^{URI} is no lock but another object: give --lock"):
        lease().take(0)
    assert content(s3) == other


def test_a_bucket_that_is_not_there(s3: S3) -> None:
    with pytest.raises(TargetError) as caught:
        lease(uri="s3://nowhere/key").take(0)
    text = "the lock s3://nowhere/key cannot be used: NoSuchBucket: The specified bucket does not"
    assert str(caught.value).startswith(text)


def test_a_lock_whose_taking_was_never_answered_is_given_back(s3: S3) -> None:
    """It was taken for all that is known; nobody has to wait for it to end by itself."""
    mine = lease()
    s3.losing = 50
    with pytest.raises(ReconcilerError, match="cannot be used"):
        mine.take(0)
    s3.losing = 0
    mine.release()
    lease("bob@there").take(0).release()
