"""The runs of a machine: what the command line does for `plan` and `apply`, with what may go wrong
on the way, and what must hold afterwards whatever went wrong."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast

from reconciler.apply import Event
from reconciler.cli.applying import _settled
from reconciler.cli.planning import Planning, Run
from reconciler.diff import Change, diff
from reconciler.errors import UnclearReplyError
from reconciler.guards import Allow
from reconciler.journal import Journal
from reconciler.kinds import BY_NAME, KINDS
from reconciler.plan import Plan
from reconciler.reconcile import apply_plan, plan_for
from reconciler.resource import OWN_TAGS, Call, ReadResult, Reply, Target
from reconciler.spec.document import load
from reconciler.writer import Clock, Means, Outcome, Status
from tests.conftest import ACCOUNT, REGION
from tests.machine.files import KINDS as SECTIONS
from tests.machine.files import OWNER, Files
from tests.machine.world import Thing, World

TODAY = date(2026, 1, 15)
TARGET = Target(ACCOUNT, REGION)
MEANWHILE = ("meanwhile: plan again", "A host in status AVAILABLE cannot be updated")
"""What a run says of an object that people deleted or approved after it was planned."""
BAD = (Status.FAILED, Status.UNKNOWN)
WINDOW = 40.0
"""Seconds in which a create may show up. Longer than any lag, as the promise demands."""
LAGS = (5.0, 20.0, 35.0)
CREATES = {kind.calls.create: kind for kind in KINDS}

COLUMNS = {
    "provider_type": "provider_type",
    "provider_endpoint": "endpoint",
    "host": "host_arn",
    "connection": "connection_arn",
    "repository": "link_id",
    "branch": "branch",
    "config_file": "config_file",
}
"""The members of entries, and where the store holds them."""


class Killed(BaseException):
    """The process is gone: nothing that would still be done is done."""


class Anything(frozenset[str]):
    """Every address there could be."""

    def __contains__(self, address: object) -> bool:
        return True


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one apply: killed at its n-th mutating call, before the call or once the
    service has carried it out, with or without half of the journal's next line."""

    kill_at: int = 0
    late: bool = False
    torn: bool = False


@dataclass
class Between:
    """The `Api` of one run, in front of the service."""

    runs: Runs
    trouble: Trouble
    sent: int = 0
    kept: int = 0
    """How much of the journal was written when the process was killed."""

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        return self.runs.world.ours.read(calls)

    def write(self, call: Call) -> Reply:
        self.sent += 1
        self.runs.sends(call)
        if self.sent == self.trouble.kill_at and not self.trouble.late:
            self._die(call)
        try:
            reply = self.runs.world.ours.write(call)
        except UnclearReplyError:
            self.runs.unclear(call)
            raise
        if self.sent == self.trouble.kill_at:
            self._die(call)
        return reply

    def _die(self, call: Call) -> None:
        self.kept = self.runs.journal.stat().st_size + 20 * self.trouble.torn
        self.runs.unclear(call)
        raise Killed


@dataclass
class Runs:
    """Everything that is run in one machine."""

    world: World
    files: Files
    journal: Path
    counts: Counter[str]
    open: dict[tuple[str, str], float] = field(default_factory=dict)
    """When each create was sent of which the program cannot know whether it was carried out."""

    def plan(self, *, prune: bool = True) -> Plan:
        """The plan of the files as they are."""
        api = Between(self, Trouble())
        desired = load([str(self.files.folder)])
        return plan_for(desired, api, TARGET, today=TODAY, prune=prune)

    def apply(
        self,
        *,
        prune: bool,
        allow: Allow,
        people: bool = False,
        trouble: Trouble = Trouble(),
        calm: bool = True,
    ) -> Plan | None:
        """Settle, plan, apply and plan again, like `reconciler apply --yes`; `people` do what they
        have to do while they are waited for; when it is `calm`, no call goes wrong. Gives the plan
        as it is afterwards."""
        between = Between(self, trouble)
        run = self._opened(between, prune=prune, allow=allow)
        plan = _settled(run)
        self.settle()
        if plan.refusals or not plan.is_complete:
            guards = {refusal.guard for refusal in plan.refusals}
            self.counts.update(f"refused: {guard}" for guard in guards)
            self.counts["apply in doubt"] += not plan.is_complete
            return plan
        self.counts["apply"] += 1
        self.counts["apply with work"] += bool(plan.work)
        with self._foreign_untouched(allow):
            try:
                return self._finished(run, plan, between, people=people, calm=calm)
            except Killed:
                # What it would have written afterwards was never written.
                self.counts["killed"] += 1
                os.truncate(self.journal, min(between.kept, self.journal.stat().st_size))
                return None

    def _finished(
        self, run: Run, plan: Plan, between: Between, *, people: bool, calm: bool
    ) -> Plan:
        """Carry the plan out, and plan again: after success nothing is left to do."""
        outcomes = [
            event
            for event in self._carried_out(run, plan, between, people=people)
            if isinstance(event, Outcome)
        ]
        statuses = [outcome.status for outcome in outcomes]
        self.counts.update(f"outcome {status}" for status in statuses)
        if calm and not self.world.lag:
            self._none_failed(plan, outcomes)
        after = run.plan()
        if not self.world.lag and set(statuses) <= {Status.APPLIED}:
            self.counts["all applied"] += bool(plan.work)
            left = [change for change in after.work if not _came_along(change, plan)]
            assert (left, after.is_complete) == ([], True), f"left: {left}"
        return after

    @staticmethod
    def _none_failed(plan: Plan, outcomes: Sequence[Outcome]) -> None:
        """What is neither refused nor warned of can be done, unless people act meanwhile."""
        warned = {finding.address for finding in plan.findings}
        failed = [
            outcome
            for outcome in outcomes
            if outcome.status in BAD
            and outcome.change.address not in warned
            and not any(text in outcome.message for text in MEANWHILE)
        ]
        assert failed == [], f"nothing was in the way: {failed}"

    def sends(self, call: Call) -> None:
        """No create goes out while one of the same object may still show up."""
        if (key := _subject(call)) is None:
            return
        self.counts["create sent"] += 1
        passed = self.world.time.seconds - self.open.pop(key, float("-inf"))
        assert passed >= WINDOW, f"{key} was sent {passed:.1f} s ago, and is sent again"

    def unclear(self, call: Call) -> None:
        """A call was sent and its answer is not known."""
        if (key := _subject(call)) is not None:
            self.counts["create unclear"] += 1
            self.open[key] = self.world.time.seconds

    def check(self) -> None:
        """What must hold at any time: nothing that runs have made is there twice."""
        things = self.world.things()
        made = Counter(thing.address for thing in things if thing.run)
        twice = [address for address, count in made.items() if count > 1]
        assert not twice, f"there twice: {twice}"
        self.settle()

    def settle(self) -> None:
        """What the journal has no doubt about any more, and is there, was found."""
        made = {thing.address for thing in self.world.things() if thing.run}
        made |= {t.address for t in self.world.things() if t.kind == "sync_configuration"}
        pending = self.pending()
        for operation, name in list(self.open):
            address = f"{CREATES[operation].kind}/{name}"
            if address in made and address not in pending:
                del self.open[operation, name]  # it was found

    def check_declared(self) -> None:
        """What the store holds is what the files declare, seen without the program's own eyes."""
        things = [thing for thing in self.world.things() if thing.owner == OWNER]
        names = {thing.id: thing.name for thing in things}
        there = {thing.address: thing for thing in things}
        assert set(there) == self.files.addresses()
        for (section, name), entry in self.files.entries.items():
            thing = there[f"{SECTIONS[section]}/{name}"]
            if entry.get("tags") is not None:
                own = {key: value for key, value in thing.tags if not key.startswith(OWN_TAGS)}
                assert own == entry["tags"], f"tags of {thing}"
            for member, column in COLUMNS.items():
                value = thing.columns.get(column)
                found = names.get(str(value), value)
                assert entry.get(member, found) == found, f"{member} of {thing}"

    def pending(self) -> list[str]:
        return [s.line.address for s in Journal(self.journal).history() if s.is_pending]

    def _opened(self, between: Between, *, prune: bool, allow: Allow) -> Run:
        nothing = cast(Any, None)
        planning = Planning(
            desired=load([str(self.files.folder)]),
            target=nothing,
            allow=allow,
            compare=partial(diff, prune=prune),
            outputs=nothing,
            allow_pending=True,
            deletes=prune,
            settle=WINDOW,
        )
        return Run(planning, between, TARGET, TODAY, Journal(self.journal))

    def _carried_out(
        self, run: Run, plan: Plan, between: Between, *, people: bool
    ) -> Iterator[Event]:
        id_ = uuid.uuid4().hex
        clock = self.world.time

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            if people:
                self.world.approve()

        facts = {"owner": OWNER, "plan": plan.fingerprint, "run": id_}
        means = Means(Clock(clock.monotonic, sleep), Journal(self.journal, facts))
        wait = 60.0 if people else 0.0
        desired = run.planning.desired
        return apply_plan(plan, desired, between, run=id_, today=TODAY, wait=wait, means=means)

    @contextmanager
    def _foreign_untouched(self, allow: Allow) -> Iterator[None]:
        """Whatever somebody else has, or nobody, is afterwards as it was before."""
        before = [thing for thing in self.world.things() if self._is_foreign(thing, allow)]
        yield
        after = {(thing.kind, thing.id): thing for thing in self.world.things()}
        for thing in before:
            self.counts["foreign thing kept"] += 1
            now = after.get((thing.kind, thing.id))
            if now is not None and not now.arn:
                now = replace(now, owner=thing.owner)  # it has the owner of what it stands under
            assert now == thing, f"changed: {thing}"

    def _is_foreign(self, thing: Thing, allow: Allow) -> bool:
        if thing.owner == OWNER:
            return False
        adopted = self.files.addresses() if allow.adopt else self.files.adopted()
        return thing.owner is not None or thing.address not in adopted


def _came_along(change: Change, plan: Plan) -> bool:
    """Whether something no longer declared was taken over with the link it stands under: what takes
    no tags has the owner of that, and the next run prunes it, or ends its rename."""
    adopted = {one.live.id for one in plan.work if one.live and one.reason == "not_owned"}
    parent = BY_NAME[change.address.kind].calls.list_per
    above = change.live.fields.get(parent) if change.live else None
    return change.reason in ("not_declared", "renamed") and above in adopted


def _subject(call: Call) -> tuple[str, str] | None:
    """What a call creates, if it does: the operation and the name."""
    if (kind := CREATES.get(call.operation)) is None:
        return None
    return call.operation, str(kind.name_of(kind.from_wire(call.parameters)))
