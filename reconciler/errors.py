"""The errors this program raises on purpose; whatever else escapes is a bug.

ReconcilerError
|-- SpecError             the files are wrong: every problem, with its place
|-- EditError             a change cannot be written into a file; nothing was written
|   `-- UndeclarableError ... because no file can declare what is live
|-- TargetError           no usable account, Region or endpoint; nothing was changed
|-- LockedError           another run writes there at this moment; nothing was changed
|-- ApiError              the service answered no: a certain no
|   `-- NotFoundError     ... because the object does not exist
`-- UnclearReplyError     sent, but the answer is missing or unreadable: perhaps done
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ReconcilerError(Exception):
    """The root; its text is one line that says what is wrong, where, and what to do next."""


class SpecError(ReconcilerError):
    """The desired-state files hold problems; nothing was called."""

    def __init__(self, problems: Sequence[Any]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the desired-state files")
        self.problems = tuple(problems)


class EditError(ReconcilerError):
    """A file cannot be edited in the least way: a person has to."""


class UndeclarableError(EditError):
    """No entry describes what is live, however a person writes it."""


class TargetError(ReconcilerError):
    """The account, Region or endpoint cannot be used as asked."""


class StaleError(ReconcilerError):
    """A saved plan is not what would be done now."""


class LockedError(ReconcilerError):
    """Another run holds the lock of the target."""


class ApiError(ReconcilerError):
    """An operation was certainly not carried out: the service refused it, or it was never sent.

    `operation` is the API's name of it, `code` the service's error code (ours where nothing was
    sent), `reason` the text.
    """

    def __init__(self, operation: str, code: str, reason: str) -> None:
        super().__init__(f"{operation}: {code}: {reason}" if reason else f"{operation}: {code}")
        self.operation = operation
        self.code = code
        self.reason = reason


class ThrottledError(ApiError):
    """The service takes no call at this moment; the same one may be sent again."""


class NotFoundError(ApiError):
    """The object named in the call does not exist."""


class UnclearReplyError(ReconcilerError):
    """A call was sent and no clear answer came back: it may or may not have been carried out."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: no clear answer: {reason}")
        self.operation = operation
        self.reason = reason
