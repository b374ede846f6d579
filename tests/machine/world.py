"""The service that a machine runs against: the emulator inside this process, behind the program's
own `AwsApi` with its real boto3 clients, only without a socket between them (which is half of what
a call costs); and time, which passes only when somebody calls or sleeps."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from reconciler.aws.api import AwsApi
from reconciler.aws.pacer import Pacer
from reconciler.aws.session import Session
from reconciler.aws.session import Settings as AwsSettings
from reconciler.emulator import Control, ControlError, Settings, faults
from reconciler.emulator.caller import Caller
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.service import Service
from reconciler.emulator.store import Store
from reconciler.errors import ApiError
from reconciler.resource import OWNER_TAG, RUN_TAG, Call
from tests.conftest import ACCOUNT, REGION

START = 1_760_000_000.0
CALL_SECONDS = 0.01
"""How long every call to the service takes."""
SIGNED = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20251009/{REGION}/codeconnections/aws4_request"
"""As whom every call is made."""
PEOPLES = ("approved_at", "failure")
"""Columns that people change at the provider, and no program."""
KINDS = {
    "hosts": ("host", "name"),
    "connections": ("connection", "name"),
    "repository_links": ("repository_link", "owner_id || '/' || repository_name"),
    "sync_configurations": ("sync_configuration", "resource_name"),
}


class Time:
    """Stands in for the module `time` and for the class `datetime` wherever the program looks at a
    clock or sleeps."""

    def __init__(self) -> None:
        self.seconds = START

    def time(self) -> float:
        return self.seconds

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def now(self, zone: tzinfo) -> datetime:
        return datetime.fromtimestamp(self.seconds, zone)


class Ids:
    """Ids that are the same in every run of the same machine, so that whatever is sorted by them
    comes in the same order again."""

    def __init__(self) -> None:
        self.random = random.Random(0)

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def token_hex(self, count: int) -> str:
        return f"{self.random.getrandbits(8 * count):0{2 * count}x}"


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.content


class InProcess(AwsApi):
    """The program's way to the service, with a function where the network would be."""

    def __init__(self) -> None:
        where = AwsSettings(
            region=REGION,
            endpoint_url="http://127.0.0.1",
            access_key=(ACCOUNT, "x"),
            parallelism=1,
        )
        super().__init__(Session(where), writes=True)
        self.answer: Callable[[Message], Reply]
        for client in (self._reader, self._writer):
            client.meta.events.register("before-send.codeconnections.*", self._send)
            # Nobody checks a signature here, and to make them takes a seventh of the time.
            client.meta.events.register("choose-signer.codeconnections.*", lambda **_: UNSIGNED)

    def begin(self, answer: Callable[[Message], Reply], time: Time) -> None:
        """Talk to another service from now on, as if nothing had been called before."""
        self.answer = answer
        self._pacer = Pacer(time.monotonic, time.sleep)

    def read(self, calls: Sequence[Any]) -> Iterator[Any]:
        """One after the other: threads would make a machine's steps happen in another order."""
        return iter([self._read(call) for call in calls])

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent: Any = request.headers
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in sent.items()
        }
        headers["authorization"] = SIGNED
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        reply = self.answer(Message("POST", "/", headers, body, keep_alive=True))
        content = reply.body
        if reply.ending in ("reset", "eof"):
            raise ConnectionClosedError(endpoint_url=request.url)
        if reply.ending == "cut":
            content = content[: len(content) - len(content) // 2 - 1]
        said: Any = {"content-type": reply.content_type, "content-length": str(len(reply.body))}
        return AWSResponse(request.url, reply.status, said, _Body(content))


class _Smooth(Service):
    """The service as the second actor sees it: faults are meant for the program."""

    def _fault(self, operation: str, caller: Caller) -> faults.Fault:
        return faults.NONE


@dataclass(frozen=True)
class Thing:
    """One object as the store holds it."""

    kind: str
    name: str
    id: str
    """What Get, Update and Delete calls take."""
    arn: str
    owner: str | None
    run: str | None
    """The run that made it."""
    row: tuple[tuple[str, object], ...]
    """The columns of the store but those that people change at the provider."""
    tags: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> dict[str, object]:
        return dict(self.row)

    @property
    def address(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass
class World:
    """One account of one machine."""

    time: Time
    ours: InProcess
    theirs: InProcess
    control: Control = field(init=False)
    lag: float = 0.0
    """For how many seconds nothing new is listed."""

    def __post_init__(self) -> None:
        settings = Settings(handshake="manual", requests_kept=1000)
        self.store = Store(None)
        self.control = Control(self.store, self.time.time)
        service = Service(self.store, settings, self.time.time)

        def timed(message: Message) -> Reply:
            self.time.sleep(CALL_SECONDS)
            return service.answer(message)

        self.ours.begin(timed, self.time)
        self.theirs.begin(_Smooth(self.store, settings, self.time.time).answer, self.time)

    def things(self) -> list[Thing]:
        """Everything that is there, oldest first of each kind."""
        with self.store.transaction() as rows:
            tags: dict[str, dict[str, str]] = defaultdict(dict)
            for tag in rows.execute("SELECT arn, key, value FROM tags ORDER BY key"):
                tags[tag["arn"]][tag["key"]] = tag["value"]
            links = rows.execute("SELECT link_id, arn FROM repository_links")
            arns = {link["link_id"]: link["arn"] for link in links}
            found = []
            for table, (kind, name) in KINDS.items():
                for row in rows.execute(f"SELECT {name} AS called, * FROM {table} ORDER BY id"):
                    own = row["arn"] if "arn" in row.keys() else ""  # noqa: SIM118  a Row is none
                    above = tags[own or arns.get(row["link_id"], "")]
                    found.append(
                        Thing(
                            kind=kind,
                            name=row["called"],
                            id=row["called"] if not own else _id(kind, row),
                            arn=own,
                            owner=above.get(OWNER_TAG),
                            run=tags[own].get(RUN_TAG),
                            row=tuple((k, row[k]) for k in row.keys() if k not in PEOPLES),  # noqa: SIM118
                            tags=tuple(tags[own].items()) if own else (),
                        )
                    )
        return found

    def approve(self, *, which: int | None = None, ok: bool = True) -> None:
        """Do what people have to do, or let it fail: all of it, or one thing."""
        waiting = [one for one in self.control.everything() if one.status != "AVAILABLE"]
        if which is not None and waiting:
            waiting = [waiting[which % len(waiting)]]
        for one in waiting:  # hosts come first
            with suppress(ControlError):  # its host is not ready
                self.control.approve(one.arn, ok=ok)

    def lagging(self, seconds: float) -> None:
        """From now on lists leave out what is younger than this."""
        self.lag = seconds
        self.calm()

    def calm(self) -> None:
        """Nothing goes wrong any more, but that lists lag."""
        self.control.clear_faults()
        if self.lag:
            late = faults.Fault(kind="stale", operation="List*", count=10**6, seconds=self.lag)
            self.control.fault(late)

    def act(self, operation: str, **parameters: object) -> bool:
        """Something the second actor does; whether the service let it."""
        try:
            self.theirs.write(Call(operation, parameters))
        except ApiError:
            return False
        return True


def _id(kind: str, row: Any) -> str:
    return str(row["link_id"] if kind == "repository_link" else row["arn"])


def pretend(patch: pytest.MonkeyPatch, time: Time) -> None:
    """Let the whole program live in this time, with ids and without a disk to wait for."""
    for module in (
        "reconciler.aws.api",
        "reconciler.cli.stopping",
        "reconciler.emulator.service",
        "reconciler.journal",
    ):
        patch.setattr(f"{module}.time", time)
    patch.setattr("reconciler.cli.planning.datetime", time)
    # No power is lost here, and waiting for the disk would take most of the time.
    patch.setattr("os.fsync", lambda file: None)


def fresh_ids(patch: pytest.MonkeyPatch) -> None:
    """Begin with the first id again."""
    ids = Ids()
    patch.setattr("uuid.uuid4", ids.uuid4)
    patch.setattr("reconciler.emulator.hosts.secrets", ids)
