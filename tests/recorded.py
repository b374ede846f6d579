"""Holds what a command line sent, as the emulator's log has it, against `specs/operations.yaml`: a
command that only reads never sends anything that changes something, in no test at all."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from reconciler.emulator import Control, ControlError, StoreError

ROOT = Path(__file__).parent.parent
COMMAND = re.compile(r" md/command#([\w-]+)")
"""What a command says of itself in the user agent."""


@cache
def senders() -> Mapping[str, Sequence[str] | str]:
    """The commands that may send each operation; `any` for what all may."""
    text = (ROOT / "specs" / "operations.yaml").read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    entries = {**spec["operations"], **spec["elsewhere"]}
    return {name: entry["sent_by"] for name, entry in entries.items()}


class Log:
    """The requests of the emulators that the command lines of one test have spoken to."""

    def __init__(self) -> None:
        self.read_to: dict[str, int] = {}
        self.sent: set[tuple[str, str]] = set()
        """The command and the operation of each request so far."""

    def check(self, arguments: Sequence[str]) -> None:
        """Take what has been added since, and expect every command to have kept to its own."""
        for place in _places(arguments):
            requests = _requests(place, self.read_to.get(place, 0))
            for request in requests:
                self.read_to[place] = request["sequence"]
                if (found := COMMAND.search(request["agent"])) is not None:
                    self._take(found[1], request["operation"])

    def _take(self, command: str, operation: str) -> None:
        self.sent.add((command, operation))
        allowed = senders().get(operation, "any")  # STS and IAM are not in it
        assert allowed == "any" or command in allowed, f"{command} has sent {operation}"


def _places(arguments: Sequence[str]) -> list[str]:
    """The stores and servers that a command line may have spoken to."""
    names = ("--local-store", "--endpoint-url")
    given = [after for name, after in pairwise(arguments) if name in names]
    return [*given, ".reconciler/local.db"]


def _requests(place: str, after: int) -> list[dict[str, Any]]:
    """The log from there on; nothing where no emulator is."""
    if place.startswith("http"):
        with suppress(OSError, ValueError, KeyError, HTTPException):  # it is no emulator
            url = f"{place}/_emulator/requests?after={after}"
            with urllib.request.urlopen(url, timeout=5) as reply:
                return list(json.load(reply)["requests"])
        return []
    if not Path(place).is_file():
        return []
    with suppress(ControlError, StoreError, OSError), Control.open(place) as control:
        found = control.requests(after)
        return [{"sequence": r.sequence, "agent": r.agent, "operation": r.operation} for r in found]
    return []
