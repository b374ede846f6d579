"""What `plan` and `apply` share: options go in, a plan of an opened target comes out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import Exit, exit_code, worst
from reconciler.cli.files import desired_of, files_read, rules_of
from reconciler.cli.output import Outputs, abandon_stdout, log, tell
from reconciler.cli.progress import Watched, display
from reconciler.cli.state import folder_of, journal_of
from reconciler.cli.target import TargetOptions, check_consistent, opened
from reconciler.diff import diff
from reconciler.errors import ReconcilerError
from reconciler.guards import Allow
from reconciler.journal import Journal
from reconciler.plan import Plan
from reconciler.reconcile import Compare, plan_for
from reconciler.render import summary
from reconciler.resource import Api, Desired, Target
from reconciler.unsettled import (
    SETTLE_SECONDS,
    Judgement,
    Judging,
    judge,
    seconds_left,
    warned,
)

if TYPE_CHECKING:
    from reconciler.aws.session import Session
    from reconciler.policy.rules import Rule


@dataclass(slots=True)
class Run:
    """An opened target, ready to be planned for."""

    planning: Planning
    api: Api
    target: Target
    today: date
    journal: Journal
    session: Session | None = None
    place: str = ""
    """The endpoint, or the store of a local target."""
    permit: Callable[[], str] = str
    """Why a call must not be sent, if so: the lock is lost, say."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    looked: datetime | None = None
    """When the last look at everything was begun."""
    judgement: Judgement = field(default_factory=Judgement)
    """What that look said about the calls of earlier runs."""

    def plan(self) -> Plan:
        """The plan as things are now, with a warning for what an earlier run sent and never heard
        of again; reads are counted on a terminal."""
        begun = datetime.now(UTC)
        with display() as line:
            plan = plan_for(
                self.planning.desired,
                Watched(self.api, line),
                self.target,
                today=self.today,
                allow=self.planning.allow,
                compare=self.planning.compare,
            )
            plan = self.planning.held_against_rules(plan)
        if not plan.is_complete:
            return plan
        self.looked = begun
        self.judgement = judge(plan, self.journal.history(), self._judging(begun))
        return warned(plan, self.judgement.open)

    def _judging(self, now: datetime) -> Judging:
        return Judging(now, self.started, self.planning.settle, self.planning.deletes)

    def preflight(self, plan: Plan) -> Plan:
        """The plan with what IAM says of its calls, when that was asked for."""
        if not self.planning.preflight or self.session is None or not plan.work:
            return plan
        from reconciler.aws.simulation import simulated
        from reconciler.preflight import judged, needs

        asked = needs(plan, self.planning.target.service)
        with display() as line:
            line.update("Asking IAM what is allowed")
            principal, answers = simulated(self.session, asked)
        return judged(plan, asked, principal, answers)

    def unsettled(self) -> float:
        """Seconds until all that this machine has sent has shown up, as far as can be told."""
        now = self._judging(datetime.now(UTC))
        return seconds_left(self.judgement, self.journal.history(), now, self.looked)


@dataclass(frozen=True, slots=True)
class Planning:
    """The command line of a plan, understood and with its files loaded."""

    desired: Desired
    target: TargetOptions
    allow: Allow
    compare: Compare
    outputs: Outputs
    allow_pending: bool = False
    simulate: bool = False
    writes: bool = False
    """Whether anything may be changed; otherwise the client cannot."""
    deletes: bool = False
    """Whether what is there and not declared, or declared, gets deleted."""
    journals: Path | None = None
    """The folder of the journals; none for a command that has nothing to do with them."""
    settle: float = SETTLE_SECONDS
    rules: tuple[Rule, ...] = ()
    preflight: bool = False
    lock: str = ""
    lock_lease: float = 0.0
    lock_timeout: float = 0.0
    patience: float = math.inf
    """Seconds that reads may take as a whole, give or take one of them."""

    @classmethod
    def of(
        cls,
        options: Mapping[str, Any],
        *,
        desired: Desired | None = None,
        compare: Compare | None = None,
        simulate: bool = False,
        writes: bool = False,
        deletes: bool = False,
    ) -> Planning:
        """Understand the options and load the files; wrong files end the command here.

        `desired` stands in for files; `compare` makes the differences, which without it lead to
        what is declared; `simulate` lets the simulated person of a local target approve, and only
        a planning that `writes` can be carried out.
        """
        check_consistent(click.get_current_context())
        if options.get("lock") and options["lock_lease"] < 1.5 * options["settle"]:
            raise click.UsageError("--lock-lease has to be at least 1.5 times --settle")
        _log_to_stderr(verbose=options["verbose"] or options["debug"])
        outputs = Outputs.of(options["outputs"], options["color"], files_read(options))
        return cls(
            desired=desired or _desired(options, outputs),
            target=TargetOptions.of(options),
            allow=Allow(
                adopt=options.get("adopt", False),
                empty=options.get("allow_empty", True),
                destroy=frozenset(options.get("allow_destroy", ())),
                take_over=frozenset(options.get("take_over", ())),
                max_destroy=options.get("max_destroy"),
            ),
            compare=compare or partial(diff, prune=options.get("prune", False)),
            outputs=outputs,
            allow_pending=options.get("allow_pending", False),
            simulate=simulate,
            writes=writes,
            deletes=deletes or options.get("prune", False),
            journals=folder_of(options["journal"]) if "journal" in options else None,
            settle=options.get("settle", SETTLE_SECONDS),
            rules=rules_of(options.get("policy", ()), outputs),
            preflight=options.get("preflight", False),
            lock=options.get("lock") or "",
            lock_lease=options.get("lock_lease", 0.0),
            lock_timeout=options.get("lock_timeout", 0.0),
        )

    @contextmanager
    def opened(self) -> Iterator[Run]:
        """The target, for as long as the block runs."""
        with opened(
            self.target,
            self.desired,
            simulate=self.simulate,
            writes=self.writes,
            patience=self.patience,
        ) as found:
            journal = Journal()
            if self.journals is not None:
                owner = self.desired.owner
                journal = journal_of(self.journals, found.target, owner, found.place)
            today = datetime.now(UTC).date()
            session, place = found.session, found.place
            yield Run(self, found.api, found.target, today, journal, session, place)

    def held_against_rules(self, plan: Plan) -> Plan:
        """The plan with what the rules of --policy have against it."""
        if not self.rules:
            return plan
        from reconciler.cli.evaluating import evaluated
        from reconciler.policy.judge import judged

        return judged(self.rules, plan, evaluated)

    def code(self, document: Mapping[str, Any], *, detailed: bool = False) -> Exit:
        """The exit code that a document amounts to."""
        return exit_code(document, detailed=detailed, allow_pending=self.allow_pending)

    def finished(self, document: Mapping[str, Any], *, detailed: bool = False) -> Exit:
        """Write the document, and give the exit code that it amounts to."""
        code = self.code(document, detailed=detailed)
        try:
            self.outputs.write(document)
        except ReconcilerError as error:
            tell(f"Error: {error}")
            if document.get("outcomes"):
                tell(f"{summary(document)} `reconciler journal` shows what was sent.")
            code = worst(code, Exit.ERROR)
        except BrokenPipeError:
            # Nobody reads stdout any more; what was done is done, and its code stands.
            abandon_stdout()
        self._unused_allowances(document)
        if unread := document["coverage"]["unread"]:
            failed = f"{len(unread)} read{'s' * (len(unread) != 1)} failed"
            reasons = "; ".join(dict.fromkeys(gap["reason"] for gap in unread[:3]))
            so = "after the apply" if document.get("outcomes") else "so nothing can be applied"
            so = "so nothing was waited for" if document["purpose"] == "wait" else so
            tell(f"Error: {failed}, {so}: {reasons}")
        return code

    def _unused_allowances(self, document: Mapping[str, Any]) -> None:
        """Say it when an address was allowed to be destroyed that the plan does not have."""
        known = {change["address"] for change in document["changes"]}
        for address in sorted(self.allow.destroy - known):
            tell(f"Warning: --allow-destroy {address}: the plan changes nothing at this address")


def _desired(options: Mapping[str, Any], outputs: Outputs) -> Desired:
    return desired_of(options["paths"], options["owner"], outputs, options.get("variables"))


class _Echo(logging.Handler):
    """Writes log lines to whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        log(self.format(record))


_ECHO = _Echo()
_ECHO.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))


def _log_to_stderr(*, verbose: bool) -> None:
    """Say which calls are made. Only this program's own log: botocore's holds credentials."""
    logger = logging.getLogger("reconciler")
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    logger.addHandler(_ECHO)
