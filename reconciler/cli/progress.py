"""Shows on stderr what is going on, and only on a terminal: reads being made, changes being
carried out, people being waited for."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import ceil
from typing import IO, TYPE_CHECKING, Any, Protocol, TextIO, cast

from reconciler.apply import Event, Seen, Started, Waiting
from reconciler.cli.output import is_overheard, is_terminal, tell
from reconciler.plan import Task
from reconciler.resource import Api, Call, ReadResult
from reconciler.safe import safe
from reconciler.writer import Outcome

if TYPE_CHECKING:
    from rich.status import Status

QUIET_SECONDS = 10.0
"""How long nothing is said about an apply that nobody watches on a terminal."""


class Line(Protocol):
    """Where a command says what it is doing."""

    def update(self, status: str) -> None:
        """Show this now, in the place of what was shown before."""
        ...

    def say(self, text: str) -> None:
        """Write this on a line of its own, to stay."""
        ...


class PlainLine:
    """No terminal: nothing is shown and replaced, only said."""

    def update(self, status: str) -> None:
        """Show nothing: nobody watches."""

    def say(self, text: str) -> None:
        """Write a line to stderr; that nobody can read it must not stop what is being done."""
        tell(text)


class SpinnerLine:
    """A spinner on a terminal. Texts go in as they are, and are shown so that they do nothing."""

    def __init__(self, status: Status) -> None:
        self.status = status

    def update(self, status: str) -> None:
        """Show this beside the spinner."""
        from rich.text import Text

        self.status.update(Text(safe(status), no_wrap=True, overflow="ellipsis"))

    def say(self, text: str) -> None:
        """Write a line above the spinner."""
        from rich.text import Text

        self.status.console.print(Text(safe(text)), soft_wrap=True)


class Unfailing(io.TextIOBase):
    """A terminal that may go away: nothing that is being done depends on what it shows."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the terminal."""
        return self.stream.encoding

    def fileno(self) -> int:
        """That of the terminal, which its size is asked of."""
        return self.stream.fileno()

    def isatty(self) -> bool:
        """It was one when it was taken."""
        return True

    def write(self, text: str) -> int:
        """Show a text."""
        with suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Show what has been written."""
        with suppress(OSError):
            self.stream.flush()


@contextmanager
def display() -> Iterator[Line]:
    """A line with a spinner on a terminal, else one that only says what has to be said."""
    if is_overheard() or not is_terminal(sys.stderr):
        yield PlainLine()
        return
    from rich.console import Console

    with Console(file=cast(IO[str], Unfailing(sys.stderr)), highlight=False).status("") as status:
        yield SpinnerLine(status)


class Watched:
    """An `Api` that counts its reads on a line."""

    def __init__(self, api: Api, line: Line) -> None:
        self.api = api
        self.line = line
        self.done = 0
        self.asked = 0

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        """The results of the reads, counted as they come."""
        self.asked += len(calls)
        for result in self.api.read(calls):
            self.done += 1
            self.line.update(f"Reading: {self.done} of {self.asked}")
            yield result

    def write(self, call: Call) -> Mapping[str, Any]:
        """The reply to a write."""
        return self.api.write(call)


def follow(events: Iterator[Event], line: Line, total: int) -> Iterator[Event]:
    """The events of an apply of `total` changes, while the line tells what is being done."""
    told: set[str] = set()
    done, said = 0, time.monotonic()
    for event in events:
        match event:
            case Started(change=change):
                verb = change.calls[0].operation if change.calls else change.action
                line.update(f"{done} of {total} done; {change.address}: {verb}")
            case Waiting(tasks=tasks, seconds=seconds):
                line.update(f"Waiting for {_names(tasks)}, {_time(seconds)} left")
                _tell(tasks, seconds, line, told)
            case Seen(live=live, problem=problem):
                line.say(f"{live.address} {problem or f'is {live.status}'}")
            case Outcome():
                done += 1
                if time.monotonic() - said > QUIET_SECONDS:
                    said = time.monotonic()
                    line.say(f"{done} of {total} changes done")
        yield event


def _names(tasks: Sequence[Task]) -> str:
    more = f" and {len(tasks) - 3} more" if len(tasks) > 3 else ""
    return ", ".join(str(task.address) for task in tasks[:3]) + more


def _tell(tasks: Sequence[Task], seconds: float, line: Line, told: set[str]) -> None:
    """Say once for each status what a person has to do; the first few of many."""
    texts = {f"{task.address} is {task.status}: {task.todo}": task.link for task in tasks}
    new = [text for text in texts if text not in told]
    told.update(new)
    for text in new[:3]:
        line.say(f"Waiting up to {_time(seconds)}: {text}")
        line.say(f"    {texts[text]}")
    if len(new) > 3:
        line.say(f"    ... and {len(new) - 3} more")


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{ceil(seconds)} s"
