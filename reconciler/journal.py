"""Remembers what was sent: a line before each mutating call and a line after it, each forced to
disk. A run that follows one that died finds there what may have happened.

What is sent without an answer is pending. The line before a call is the condition for making it:
what cannot be remembered is not sent. The line after it may get lost, and then counts as pending.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from reconciler.errors import ApiError, ReconcilerError
from reconciler.resource import Address, Call, plain

FORMAT = 1
MOST_BYTES = 4_000_000
"""How large a journal grows before a new one is begun: some 5,000 calls, read in half a second."""
Event = Literal["sent", "done", "refused", "unknown", "resolved"]


class Line(BaseModel):
    """One line of a journal. Lines about one call share its `id`; only the first, `sent`, says what
    the call was."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    format: Literal[1]
    event: Event
    id: str
    time: AwareDatetime
    who: str = ""
    account: str = ""
    region: str = ""
    endpoint: str = ""
    owner: str = ""
    plan: str = ""
    run: str = ""
    address: str = ""
    operation: str = ""
    parameters: dict[str, Any] = {}
    text: str = ""
    """What came of it: the service's words, or how a pending call was resolved."""

    @model_validator(mode="after")
    def _names_its_object(self) -> Self:
        if self.event == "sent" and not all(self.address.partition("/")):
            raise ValueError("the address has to be KIND/NAME")
        return self


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one target; without a path nothing is kept. `facts` go with each sent line."""

    path: Path | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def sending(self, address: Address, call: Call) -> Iterator[str]:
        """Write the line before a call and, when the block ends, the one after it; gives the id
        that they share.

        An `ApiError` that leaves the block is a certain no, anything else that does is unknown.
        Raises `ReconcilerError` before the block when the first line cannot be written.
        """
        id_ = uuid.uuid4().hex
        what = {"address": str(address), "operation": call.operation}
        parameters = plain(call.parameters)
        try:
            self._write("sent", id_, **self.facts, **what, parameters=parameters)
        except OSError as error:
            text = f"not sent: the journal {self.path} cannot be written: {error.strerror}"
            raise ReconcilerError(text) from error
        event: Event = "unknown"
        text = ""
        try:
            yield id_
            event = "done"
        except ApiError as error:
            event, text = "refused", str(error)
            raise
        except BaseException as error:
            text = str(error) or type(error).__name__
            raise
        finally:
            with suppress(OSError):  # then it counts as pending, and the next run looks
                self._write(event, id_, text=text)

    def resolve(self, id_: str, text: str, event: Event = "resolved") -> None:
        """Say what became of a pending call."""
        with suppress(OSError):  # then the next run looks once more
            self._write(event, id_, text=text)

    def history(self) -> list[Sent]:
        """Every call that was sent, oldest first."""
        return history(self.path) if self.path else []

    def put_away(self, seconds: float, most: int | None = None) -> Path | None:
        """Begin a new file when this one is larger than `most` bytes (`MOST_BYTES` unless given);
        where the old one is now, if so. The new one begins with what the next run still has to
        know: what is pending, and what was sent in the last `seconds`. Only for who is alone with
        the journal; that it cannot be done stops nobody."""
        if self.path is None:
            return None
        try:
            if self.path.stat().st_size <= (MOST_BYTES if most is None else most):
                return None
            return self._put_away(time.time() - seconds)
        except OSError:
            return None

    def _put_away(self, since: float) -> Path:
        """At each moment one file, whole, has the name that the next run looks for."""
        path: Path = self.path  # type: ignore[assignment]
        needed = {
            sent.line.id
            for sent in self.history()
            if sent.is_pending or sent.time.timestamp() > since
        }
        kept = [text for text in path.read_bytes().splitlines(keepends=True) if _id(text) in needed]
        old = path.with_name(f"{path.stem}.{time.time_ns()}.jsonl")
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(kept)
            file.flush()
            os.fsync(file.fileno())
        os.link(path, old)
        new.replace(path)
        _sync_folder(path.parent)
        return old

    def check(self) -> None:
        """Raise `ReconcilerError` when nothing could be written."""
        if self.path is None:
            return
        try:
            self._append(b"")
        except OSError as error:
            text = f"the journal {self.path} cannot be written: {error.strerror}"
            text += "; nothing is sent without it: give --journal a folder"
            raise ReconcilerError(text) from error

    def _write(self, event: Event, id_: str, **members: Any) -> None:
        now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        line = {"format": FORMAT, "event": event, "id": id_, "time": now, **members}
        self._append((json.dumps(_readable(line), ensure_ascii=True) + "\n").encode())

    def _append(self, data: bytes) -> None:
        """Add data to the end of the file and wait until the disk has it."""
        if self.path is None:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            if data and size and os.pread(file, 1, size - 1) != b"\n":
                os.ftruncate(file, self.path.read_bytes().rfind(b"\n") + 1)
            if data and os.write(file, data) != len(data):
                raise OSError(28, "no space left on the disk")
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            _sync_folder(self.path.parent)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a journal, oldest first. The last one may have been cut short, which leaves a
    call unsent or without an answer: it says nothing, and the next one takes its place.

    Raises `ReconcilerError` when the file is there and cannot be read, or a line says something
    that is not understood: it may be about a call that was sent."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ReconcilerError(f"the journal {path} cannot be read: {error.strerror}") from error
    for number, text in enumerate(content.split(b"\n")[:-1], 1):
        if (line := _line(text)) is None:
            where = f"the journal {path} cannot be understood at line {number}"
            raise ReconcilerError(f"{where}: take the line out, or use the newer program")
        yield line


def _id(text: bytes) -> str:
    line = _line(text)
    return line.id if line else ""


def _line(text: bytes) -> Line | None:
    try:
        return Line.model_validate_json(text)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Sent:
    """One call that was sent, and the last that was heard of it: nothing, an answer, that there was
    none, or how a later run resolved it."""

    line: Line
    last: Line

    @property
    def time(self) -> datetime:
        """When it had been sent for sure: the line before a call may be written long before it,
        where the machine fell asleep in between."""
        return self.last.time if self.last.event in ("done", "unknown") else self.line.time

    @property
    def is_pending(self) -> bool:
        """Whether nobody knows yet if it was carried out."""
        return self.last.event in ("sent", "unknown")


def history(path: Path) -> list[Sent]:
    """Every call that was sent, oldest first. Raises `ReconcilerError` like `lines`."""
    sent: dict[str, Sent] = {}
    for line in lines(path):
        if line.event == "sent":
            sent[line.id] = Sent(line, line)
        elif line.id in sent:
            sent[line.id] = Sent(sent[line.id].line, line)
    return list(sent.values())


def _readable(value: Any) -> Any:
    """The value with each half of a surrogate pair (a byte of a name that is no text, say) written
    out: JSON with one is refused when it is read, and the call would be forgotten."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {_readable(key): _readable(item) for key, item in value.items()}
        case list():
            return list(map(_readable, value))
        case _:
            return value


def _sync_folder(folder: Path) -> None:
    """Make the disk keep the name of a new file too, where the system can."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
