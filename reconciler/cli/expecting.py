"""What an apply may do at most, as somebody has reviewed it. Options go in; a plan is held against
what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.errors import ReconcilerError, StaleError
from reconciler.plan import Plan
from reconciler.report import plan_document
from reconciler.saved import SavedPlanForm, moved, unsealed

SHOWN = 5
"""How many of the things that moved are told."""
MOST = 64 << 20
"""The largest saved plan that is read, in bytes: 10,000 changes take a quarter of it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A saved plan, the fingerprint of one, or neither."""

    saved: SavedPlanForm | None = None
    fingerprint: str | None = None
    prune: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Expected:
        """Read the saved plan. Raises `StaleError` when it cannot be relied on."""
        file, fingerprint = options["plan"], options["expect"]
        if file == "-" and "-" in options["paths"]:
            raise click.UsageError("standard input is either the saved plan or a PATH, not both")
        if options["plan_max_age"] is not None and file is None:
            raise click.UsageError("--plan-max-age goes with --plan")
        saved = None
        if file is not None:
            try:
                saved = unsealed(
                    _content(file), now=datetime.now(UTC), max_age=options["plan_max_age"]
                )
            except StaleError as error:
                raise StaleError(f"{file} cannot be applied: {error}") from error
        return cls(saved, fingerprint, options["prune"])

    def __bool__(self) -> bool:
        """Whether somebody has reviewed what is to be done."""
        return self.saved is not None or self.fingerprint is not None

    def check(self, plan: Plan) -> None:
        """Raise `StaleError` when the plan is more than was reviewed, or another one."""
        if self.fingerprint not in (None, plan.fingerprint):
            text = f"the plan is not the expected one: its fingerprint is {plan.fingerprint} now"
            raise StaleError(f"{text}; nothing was done: look at it again")
        if self.saved is None:
            return
        if others := moved(self.saved, plan_document(plan), prune=self.prune):
            more = f"; and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
            text = f"changed since the plan was saved: {'; '.join(others[:SHOWN])}{more}"
            raise StaleError(f"{text}; nothing was done: plan again")


ANYTHING = Expected()
"""Nobody has reviewed anything."""


def _content(file: str) -> str:
    try:
        with click.open_file(file, "rb") as stream:
            data: bytes = stream.read(MOST + 1)
        if len(data) > MOST:
            raise ReconcilerError(f"{file} is larger than {MOST >> 20} MiB, as no saved plan is")
        return data.decode()
    except UnicodeDecodeError as error:
        raise StaleError("it is no text") from error
    except OSError as error:
        raise ReconcilerError(f"{file} cannot be read: {error.strerror}") from error
