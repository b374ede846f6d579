"""Faults on request: a request's operation and place in, what goes wrong with it out.

A fault is kept in the store until it has struck as often as it should, so that it can be asked for
by another process than the one that serves.
"""

import sqlite3
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase

from reconciler.emulator.caller import Caller
from reconciler.emulator.errors import ApiError, ControlError
from reconciler.emulator.http import Reply

PAGES = ("403", "408", "429", "500", "502", "503", "504")
"""The HTTP statuses with which something in between answers for the service, with a page."""
LOST = ("reset", "eof", "timeout", "cut", "html", "empty", *PAGES)
"""The operation is carried out and its answer is lost, each in its own way."""
NOT_DONE = ("dropped", "unavailable")
"""The operation is not carried out: the connection ends, or a 503 comes back."""
LATE = ("delay", "stale")
"""The operation takes `seconds` longer, or a list leaves out what was created in that time."""
KINDS = (*LOST, *NOT_DONE, *LATE)
"""Every fault but the refusals, whose kind is AWS's error code, such as ThrottlingException."""

_TEXTS = {
    "ThrottlingException": "Rate exceeded",
    "ThrottledException": "Rate exceeded",
    "AccessDeniedException": "User is not authorized to perform this operation.",
}
_HTML = b"<html><body><h1>Service busy</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with some of the next requests."""

    kind: str
    """One of `KINDS`, or the error code that is answered instead of carrying the request out."""
    operation: str = "*"
    """Which requests: an operation's name or a pattern such as List*."""
    account: str = "*"
    """Whose requests: the caller's account or a pattern; for AssumeRole, the role's account."""
    region: str = "*"
    """Where: the Region a request is signed for, or a pattern such as eu-*."""
    after: int = 0
    """How many of those requests are left alone first."""
    count: int = 1
    """How often it strikes before it is used up."""
    every: int = 1
    """It strikes each time after this many of those requests: 3 means every third."""
    seconds: float = 0.0
    """How long a delay, a timeout or a stale list lasts."""

    def __post_init__(self) -> None:
        """ControlError for what could not strike."""
        if self.kind not in KINDS and not self.kind.endswith("Exception"):
            known = ", ".join(KINDS)
            raise ControlError(f"no fault {self.kind!r}; there are error codes, {known}")
        if self.after < 0 or self.count < 1 or self.every < 1 or self.seconds < 0:
            raise ControlError("after and seconds must be at least 0, count and every at least 1")

    def strikes(self, operation: str, caller: Caller) -> bool:
        """Whether it is about such a request."""
        return (
            fnmatchcase(operation, self.operation)
            and fnmatchcase(caller.account, self.account)
            and fnmatchcase(caller.region, self.region)
        )

    @property
    def lag(self) -> float:
        """For how many seconds a new object is not listed yet."""
        return self.seconds if self.kind == "stale" else 0.0

    def refusal(self) -> ApiError | None:
        """The error that is answered, where the request is not carried out."""
        if self.kind in KINDS and self.kind not in NOT_DONE:
            return None
        return ApiError(self.kind, _TEXTS.get(self.kind, "Something went wrong on request."))


NONE = Fault(kind="delay")
"""Nothing goes wrong."""
_COLUMNS = tuple(one.name for one in fields(Fault))


def add(rows: sqlite3.Connection, fault: Fault) -> None:
    """Lets a fault strike from the next request on."""
    names = ", ".join(_COLUMNS)
    marks = ", ".join(f":{name}" for name in _COLUMNS)
    rows.execute(f"INSERT INTO faults ({names}) VALUES ({marks})", asdict(fault))  # noqa: S608


def take(rows: sqlite3.Connection, operation: str, caller: Caller) -> Fault:
    """The fault that strikes this request, the oldest where several could; each is counted."""
    for row in rows.execute("SELECT * FROM faults ORDER BY id").fetchall():
        fault = _read(row)
        if not fault.strikes(operation, caller):
            continue
        seen = row["seen"] + 1 - fault.after
        rows.execute("UPDATE faults SET seen = seen + 1 WHERE id = ?", (row["id"],))
        if seen < 1 or seen % fault.every:
            continue
        if seen // fault.every >= fault.count:
            rows.execute("DELETE FROM faults WHERE id = ?", (row["id"],))
        return fault
    return NONE


def denies(rows: sqlite3.Connection, operation: str, caller: Caller) -> bool:
    """Whether a fault is waiting to deny such requests."""
    found = rows.execute("SELECT * FROM faults WHERE kind = 'AccessDeniedException'")
    return any(_read(row).strikes(operation, caller) for row in found)


def _read(row: sqlite3.Row) -> Fault:
    return Fault(**{name: row[name] for name in _COLUMNS})


def spoiled(fault: Fault, reply: Reply) -> Reply:
    """What becomes of the answer to a request that a fault strikes."""
    match fault.kind:
        case "reset" | "eof" | "cut":
            return replace(reply, ending=fault.kind)
        case "dropped" | "timeout":
            return replace(reply, ending="eof")
        case "html":
            return Reply(200, "text/html", _HTML)
        case "empty":
            return Reply(200, reply.content_type, b"")
        case "unavailable":
            return Reply(503, "text/html", _HTML)
        case status if status in PAGES:
            return Reply(int(status), "text/html", _HTML)
        case _:
            return reply
