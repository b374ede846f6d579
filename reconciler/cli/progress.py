"""Shows on stderr what is going on, and only on a terminal: reads being made, changes being
carried out, people being waited for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from reconciler.apply import Event, Seen, Started, Waiting
from reconciler.cli.output import is_terminal
from reconciler.resource import Api, Call, ReadResult
from reconciler.safe import safe

if TYPE_CHECKING:
    from rich.status import Status


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
        """Write a line to stderr."""
        click.echo(text, err=True)


class SpinnerLine:
    """A spinner on a terminal. Texts go in as they are: markup in a live name is only text."""

    def __init__(self, status: Status) -> None:
        self.status = status

    def update(self, status: str) -> None:
        """Show this beside the spinner."""
        from rich.text import Text

        self.status.update(Text(status, no_wrap=True, overflow="ellipsis"))

    def say(self, text: str) -> None:
        """Write a line above the spinner."""
        from rich.text import Text

        self.status.console.print(Text(text), soft_wrap=True)


@contextmanager
def display() -> Iterator[Line]:
    """A line with a spinner on a terminal, else one that only says what has to be said."""
    if not is_terminal(sys.stderr):
        yield PlainLine()
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("") as status:
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


def follow(events: Iterator[Event], line: Line) -> Iterator[Event]:
    """The events of an apply, while the line tells what is being done."""
    told: set[str] = set()
    for event in events:
        match event:
            case Started(change=change):
                verb = change.calls[0].operation if change.calls else change.action
                line.update(safe(f"{change.address}: {verb}"))
            case Waiting(tasks=tasks, seconds=seconds):
                names = safe(", ".join(str(task.address) for task in tasks))
                line.update(f"Waiting for {names}, {_time(seconds)} left")
                for task in tasks:
                    text = f"{task.address} is {task.status}: {task.todo}"
                    if text not in told:
                        told.add(text)
                        line.say(safe(f"Waiting up to {_time(seconds)}: {text}"))
                        line.say(safe(f"    {task.link}"))
            case Seen(live=live):
                line.say(safe(f"{live.address} is {live.status}"))
        yield event


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
