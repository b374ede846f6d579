"""A lock that machines share: an object in S3 that says who writes to a target. A run that has it
renews it again and again; one that has died does not, and after a while the lock is free.

Conditional writes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)
let one run win, and the age of the object is told by S3's clock alone: no two machines have to
agree on the time. CodeConnections knows nothing of it, so that a call which is under way when a
machine is stopped for longer than the lease is still carried out.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Annotated, Literal, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.aws.masking import one_line
from reconciler.aws.session import READ_SECONDS, Session
from reconciler.errors import LockedError, ReconcilerError, TargetError

ATTEMPTS = 3
"""How often a request is sent to S3, and how often the lock is tried when others are quicker."""
LOOK_SECONDS = 2.0
"""Seconds between looks at a lock that somebody else has."""
LOST = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})
"""What S3 says when another run wrote the object, is writing it, or it was removed."""
CLOCK_SECONDS = 1.0
"""Dates in HTTP headers are whole seconds (RFC 9110, 5.6.7), so that an age may be wrong by one."""
MAX_BYTES = 10_000
"""More than any lock holds, so that a wrong key is not read to its end."""


MAX_SECONDS = 7 * 24 * 3600.0
"""The longest lease: a lock that nobody gives back is in everybody's way for as long."""


class Holder(BaseModel):
    """What the object holds: who has the lock, and for how many seconds after it was written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    lock: Literal["reconciler"] = "reconciler"
    format: Literal[1] = 1
    id: str
    who: str
    process: int
    since: datetime
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
    state: Literal["writing", "settling", "free"] = "writing"
    renewals: int = 0
    """Makes every renewal another object, so that nobody takes over what was renewed just now."""

    def __str__(self) -> str:
        return f"{self.who}, process {self.process}, since {self.since.isoformat()}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The object as it was read."""

    holder: Holder
    etag: str
    until: datetime
    left: float
    """Seconds until the lock is free; none are left when it is."""


class Lease:
    """The lock while a run has it. Makes a client of the session; `uri` is `s3://BUCKET/KEY`."""

    def __init__(self, session: Session, uri: str, who: str, seconds: float) -> None:
        self.uri = uri
        self.lost = ""
        """Why it is not this run's any more."""
        self.taken_from: Holder | None = None
        """Who had it and did not give it back."""
        self._client = session.client("s3", attempts=ATTEMPTS, seconds=READ_SECONDS)
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self._place = {"Bucket": bucket, "Key": key}
        self._mine = Holder(
            id=uuid.uuid4().hex,
            who=who,
            process=os.getpid(),
            since=datetime.now(UTC).replace(microsecond=0),
            seconds=seconds,
        )
        self._etag = ""
        self._asked = False
        """Whether nobody knows what became of the last write."""
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(
        self,
        patience: float,
        say: Callable[[str], None] = lambda text: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Take the lock and keep it from now on, waiting for up to so many seconds for it, and
        saying so once.

        Raises `LockedError` when somebody else has it all the while, and `TargetError` when S3
        refuses or the object is no lock."""
        end, said = time.monotonic() + patience, ""
        while (seen := self._tried()) is not None:
            if patience and not said:
                said = f"Waiting up to {ceil(patience)} s: {self._told(seen)}"
                say(said)
            if (left := end - time.monotonic()) <= 0:
                raise LockedError(f"{self._told(seen)}: wait for it, or give --lock-timeout")
            pause(min(left, LOOK_SECONDS))
        self._thread.start()
        return self

    def renew(self) -> None:
        """Make sure that the lock is still this run's. Raises `ReconcilerError` when it is not, or
        S3 does not say so."""
        begun = _now() - self._mine.seconds
        while _now() - begun > self._mine.seconds / 3:  # an answer that took too long says nothing
            begun = _now()
            self._renew()

    def permit(self) -> str:
        """Why nothing must be sent, if so: the lock is lost, or S3 does not say that it is not."""
        try:
            self.renew()
        except ReconcilerError as error:
            return str(error)
        return ""

    def _renew(self) -> None:
        with self._writing:
            if self.lost:
                raise ReconcilerError(self.lost)
            self._mine = self._mine.model_copy(update={"renewals": self._mine.renewals + 1})
            if self._put(IfMatch=self._etag):
                return
            seen = self._seen()
            # A write that was answered by nobody and sent again finds itself in its way.
            if seen is None or seen.holder.id != self._mine.id or not self._put(IfMatch=seen.etag):
                by = f"{seen.holder.who} has it" if seen else "somebody has removed it"
                self.lost = f"the lock {self.uri} is lost: {by}"
                raise ReconcilerError(self.lost)

    def release(self, seconds: float = 0.0) -> None:
        """Give the lock back, now or in so many seconds, when what was sent will have shown up.

        Raises `ReconcilerError` when that fails; the lock then ends by itself."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        state = "settling" if seconds else "free"
        self._mine = self._mine.model_copy(update={"state": state, "seconds": seconds})
        if self._asked and not self._etag and (seen := self._seen()) is not None:
            self._etag = seen.etag if seen.holder.id == self._mine.id else ""
        if self._etag and not self.lost:
            self._renew()

    def _keep(self) -> None:
        """Renew the lock until the run has ended; what fails is tried again, and told by the next
        call that is to be made."""
        while not self._ended.wait(self._mine.seconds / 3):
            with suppress(ReconcilerError):
                self.renew()

    def _tried(self) -> _Seen | None:
        """Try to take the lock; who has it, if it is not this run now."""
        for _ in range(ATTEMPTS):
            if self._put(IfNoneMatch="*"):
                return None
            if (seen := self._seen()) is None:
                continue  # somebody has removed it meanwhile
            if seen.holder.id == self._mine.id:  # written, but the answer was lost
                self._etag = seen.etag
                return None
            if seen.left > 0:
                return seen
            if self._put(IfMatch=seen.etag):
                self.taken_from = seen.holder if seen.holder.state == "writing" else None
                return None
        raise TargetError(f"the lock {self.uri} changes all the time: try again")

    def _put(self, **condition: str) -> bool:
        """Write the object if the condition holds."""
        body = self._mine.model_dump_json().encode()
        kind = "application/json"
        self._asked = True
        try:
            reply = self._client.put_object(**self._place, Body=body, ContentType=kind, **condition)
        except ClientError as error:
            # A server that fails may have written it before.
            self._asked = error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500
            if error.response.get("Error", {}).get("Code") in LOST:
                return False
            raise self._explained(error) from error
        except BotoCoreError as error:
            raise self._explained(error) from error
        if not isinstance(etag := reply.get("ETag"), str):
            raise TargetError(f"the lock {self.uri} cannot be used: S3 answers without an ETag")
        self._etag, self._asked = etag, False
        return True

    def _seen(self) -> _Seen | None:
        """The object as it is now; none when there is none."""
        try:
            reply = self._client.get_object(**self._place)
            holder = Holder.model_validate_json(reply["Body"].read(MAX_BYTES))
        except ValidationError as error:
            text = f"{self.uri} is no lock but another object: give --lock another key"
            raise TargetError(text) from error
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise self._explained(error) from error
        except BotoCoreError as error:
            raise self._explained(error) from error
        try:
            written, etag = reply["LastModified"], str(reply["ETag"])
            now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
        except (KeyError, TypeError, ValueError) as error:
            text = f"the lock {self.uri} cannot be used: S3 answers without its usual headers"
            raise TargetError(text) from error
        until, left = now, 0.0
        if holder.state != "free":
            until = written + timedelta(seconds=holder.seconds + CLOCK_SECONDS)
            left = (until - now).total_seconds()
        return _Seen(holder, etag, until, left)

    def _explained(self, error: ClientError | BotoCoreError) -> TargetError:
        return TargetError(f"the lock {self.uri} cannot be used: {one_line(error)}")

    def _told(self, seen: _Seen) -> str:
        what, more = "another run is writing there", " unless it goes on"
        if seen.holder.state == "settling":
            what, more = "a run had no answer to what it sent, which may still show up", ""
        until = f"{self.uri} is free at {seen.until.isoformat(timespec='seconds')}{more}"
        return f"{what}: {seen.holder}; {until}"


def _now() -> float:
    """Seconds that go on while the process is stopped and, where the system can, the machine is
    asleep."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
