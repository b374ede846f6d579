"""What `plan` and `apply` share: options go in, a plan of an opened target comes out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import click

from reconciler.cli.exits import Exit, exit_code
from reconciler.cli.files import desired_of
from reconciler.cli.output import Outputs
from reconciler.cli.progress import Watched, display
from reconciler.cli.target import TargetOptions, opened
from reconciler.guards import Allow
from reconciler.plan import Plan
from reconciler.reconcile import plan_for
from reconciler.report import PlanForm, plan_document
from reconciler.resource import Api, Desired
from reconciler.safe import safe


@dataclass(frozen=True, slots=True)
class Run:
    """A plan of an opened target, and what it takes to carry it out."""

    desired: Desired
    api: Api
    plan: Plan
    today: date

    def plan_document(self) -> PlanForm:
        """The plan as plain data."""
        return plan_document(self.plan)


@dataclass(frozen=True, slots=True)
class Planning:
    """The command line of a plan, understood and with its files loaded."""

    desired: Desired
    target: TargetOptions
    allow: Allow
    prune: bool
    outputs: Outputs
    allow_pending: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Planning:
        """Understand the options and load the files; wrong files end the command here."""
        _log_to_stderr(verbose=options["verbose"] or options["debug"])
        outputs = Outputs.of(options["outputs"], options["color"])
        return cls(
            desired=desired_of(options["paths"], options["owner"], outputs),
            target=TargetOptions(**{f.name: options[f.name] for f in fields(TargetOptions)}),
            allow=Allow(
                adopt=options["adopt"],
                empty=options["allow_empty"],
                destroy=frozenset(options["allow_destroy"]),
                take_over=frozenset(options["take_over"]),
                max_destroy=options["max_destroy"],
            ),
            prune=options["prune"],
            outputs=outputs,
            allow_pending=options["allow_pending"],
        )

    @contextmanager
    def opened(self) -> Iterator[Run]:
        """The plan of the target, for as long as the block runs."""
        today = datetime.now(UTC).date()
        with opened(self.target, self.desired) as (api, target):
            with display() as line:
                plan = plan_for(
                    self.desired,
                    Watched(api, line),
                    target,
                    today=today,
                    allow=self.allow,
                    prune=self.prune,
                )
            yield Run(self.desired, api, plan, today)

    def finished(self, document: Mapping[str, Any], *, detailed: bool = False) -> Exit:
        """Write the document, and give the exit code that it amounts to."""
        self.outputs.write(document)
        if unread := document["coverage"]["unread"]:
            text = f"{len(unread)} reads failed, so nothing can be applied: {unread[0]['reason']}"
            click.echo(f"Error: {safe(text)}", err=True)
        return exit_code(document, detailed=detailed, allow_pending=self.allow_pending)


def _log_to_stderr(*, verbose: bool) -> None:
    """Say which calls are made. Only this program's own log: botocore's holds credentials."""
    logger = logging.getLogger("reconciler")
    if verbose and not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
