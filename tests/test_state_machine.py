"""Whatever people do to the files, a second actor to the account, and chance to the calls: nothing
is created twice, nothing foreign is touched, and in the end what is declared is there.

Each machine is up to 30 random steps over the whole program and the real emulator, in this process
and in a time of its own; Hypothesis makes a failing one as short as it can. An ordinary run takes
500 machines, always the same ones. Others, or more of them:

    RECONCILER_MACHINES=10000 RECONCILER_SEED=7 pytest tests/test_state_machine.py
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from reconciler.emulator.faults import LOST, NOT_DONE, Fault
from reconciler.guards import Allow
from reconciler.plan import Plan
from reconciler.resource import Address
from tests.machine.files import NAMES, TAGS, Files
from tests.machine.runs import LAGS, WINDOW, Anything, Runs, Trouble
from tests.machine.somebody import Somebody, flags, picks
from tests.machine.world import InProcess, Time, World, fresh_ids, pretend

MACHINES = int(os.environ.get("RECONCILER_MACHINES", "500"))
SEED = os.environ.get("RECONCILER_SEED")
STEPS = 30
COUNTS: Counter[str] = Counter()
"""What happened in all machines."""
OFTEN = (
    "all applied",
    "apply disturbed",
    "create unclear",
    "ended in sync",
    "entry renamed",
    "files shuffled",
    "foreign thing kept",
    "killed",
    "lists lag",
    "plan",
    "somebody created",
    "somebody deleted",
)
"""What has to happen in a tenth of all machines at least."""
SHARED: dict[str, Any] = {}

sections = st.sampled_from(list(NAMES))
FREELY = Allow(destroy=Anything(), max_destroy=100, empty=True)


class Machine(Somebody):
    """The people, the second actor and chance."""

    counts = COUNTS

    def __init__(self) -> None:
        super().__init__()
        fresh_ids(SHARED["patch"])
        SHARED["time"].__init__()
        self.folder = Path(tempfile.mkdtemp(dir=SHARED["folder"]))
        self.world = World(SHARED["time"], SHARED["ours"], SHARED["theirs"])
        files = self.folder / "files"
        files.mkdir()
        self.files = Files(files)
        self.runs = Runs(self.world, self.files, self.folder / "journal", COUNTS)

    @initialize(adds=st.lists(st.tuples(sections, picks), min_size=3, max_size=8), done=flags)
    def begin(self, adds: list[tuple[str, int]], done: bool) -> None:
        order = list(NAMES)
        for section, pick in sorted(adds, key=lambda add: order.index(add[0])):
            self.files.add(section, pick)
        if done:
            self.runs.apply(prune=True, allow=FREELY, people=True)

    # Somebody edits the files.

    @rule(section=sections, pick=picks)
    def add_entry(self, section: str, pick: int) -> None:
        COUNTS["entry added"] += self.files.add(section, pick)

    @rule(pick=picks, at_once=flags)
    def remove_entry(self, pick: int, at_once: bool) -> None:
        COUNTS["entry removed"] += self.files.remove(pick)
        if at_once:
            self.runs.apply(prune=True, allow=FREELY)

    @rule(pick=picks, tags=st.sampled_from(TAGS))
    def change_tags(self, pick: int, tags: dict[str, str] | None) -> None:
        COUNTS["tags changed"] += self.files.tag(pick, tags)

    @rule(pick=picks, value=picks)
    def change_field(self, pick: int, value: int) -> None:
        COUNTS["field changed"] += self.files.change(pick, value)

    @rule(pick=picks, at_once=flags)
    def rename_entry(self, pick: int, at_once: bool) -> None:
        COUNTS["entry renamed"] += self.files.rename(pick)
        if at_once:
            self.runs.apply(prune=True, allow=FREELY)

    @rule(pick=picks, value=picks, at_once=flags)
    def change_provider(self, pick: int, value: int, at_once: bool) -> None:
        COUNTS["provider changed"] += self.files.change_provider(pick, value)
        if at_once:
            self.runs.apply(prune=True, allow=FREELY)

    @rule(
        pick=picks,
        extra=st.sampled_from(
            [("protect", "a reason"), ("protect", None), ("adopt", True), ("previously", None)]
        ),
    )
    def change_extra(self, pick: int, extra: tuple[str, object]) -> None:
        COUNTS["extra changed"] += self.files.extra(pick, *extra)

    @rule(number=st.integers(0, 1000))
    def write_the_same_in_other_files(self, number: int) -> None:
        """Neither the order of entries nor the files they are in make another plan."""
        before = self.runs.plan()
        self.files.shuffle(number)
        after = self.runs.plan()
        COUNTS["files shuffled"] += 1
        if not self.world.lag:
            assert _without_places(before) == _without_places(after)

    # People at the provider, and time.

    @rule()
    def people_approve(self) -> None:
        self.world.approve()

    @rule(pick=picks, ok=st.sampled_from([True, True, False]))
    def somebody_acts_at_the_provider(self, pick: int, ok: bool) -> None:
        self.world.approve(which=pick, ok=ok)

    @rule(seconds=st.sampled_from([1.0, 10.0, WINDOW]))
    def time_passes(self, seconds: float) -> None:
        self.world.time.sleep(seconds)

    @rule(seconds=st.sampled_from([0.0, 0.0, 0.0, *LAGS]))
    def lists_lag(self, seconds: float) -> None:
        COUNTS["lists lag"] += bool(seconds)
        self.world.lagging(seconds)

    # The program runs.

    @rule(prune=flags)
    def plan(self, prune: bool) -> None:
        """The same world makes the same plan, and planning changes nothing."""
        before = self.world.things()
        first, second = (self.runs.plan(prune=prune) for _ in range(2))
        COUNTS["plan"] += 1
        if not self.world.lag:
            assert first == second
        assert self.world.things() == before

    @rule(prune=flags, freely=flags, adopt=flags, people=flags)
    def apply(self, prune: bool, freely: bool, adopt: bool, people: bool) -> None:
        self.runs.apply(prune=prune, allow=_allow(freely, adopt), people=people)

    @rule(
        section=sections,
        pick=picks,
        people=flags,
        lag=st.sampled_from([None, None, *LAGS]),
        trouble=st.builds(
            Trouble, kill_at=st.sampled_from([1, 1, 1, 2, 2, 3, 4]), late=flags, torn=flags
        ),
    )
    def apply_and_be_killed(
        self, section: str, pick: int, people: bool, lag: float | None, trouble: Trouble
    ) -> None:
        self._give_work(section, pick)
        if lag is not None:
            self.world.lagging(lag)
        self.runs.apply(prune=True, allow=FREELY, people=people, trouble=trouble)

    @rule(
        section=sections,
        pick=picks,
        people=flags,
        kind=st.sampled_from([*LOST, *NOT_DONE]),
        operation=st.sampled_from(["Create*", "Create*", "[DTU]*", "[LG]*"]),
    )
    def apply_and_lose_replies(
        self, section: str, pick: int, people: bool, kind: str, operation: str
    ) -> None:
        self._give_work(section, pick)
        self._disturbed(Fault(kind=kind, operation=operation, after=pick % 3), people=people)

    @rule(
        section=sections,
        pick=picks,
        people=flags,
        code=st.sampled_from(
            ["ThrottlingException", "AccessDeniedException", "ConcurrentModificationException"]
        ),
        every=st.integers(1, 5),
    )
    def apply_and_be_refused(
        self, section: str, pick: int, people: bool, code: str, every: int
    ) -> None:
        self._give_work(section, pick)
        operation = "*" if code == "ThrottlingException" else "[CDUT]*"
        self._disturbed(Fault(kind=code, operation=operation, count=3, every=every), people=people)

    @invariant()
    def nothing_is_there_twice(self) -> None:
        self.runs.check()

    def teardown(self) -> None:
        """Once nothing goes wrong any more, three runs are enough."""
        try:
            if sys.exc_info()[0] is None:
                self._converge()
        finally:
            self.world.control.close()
            shutil.rmtree(self.folder)

    def _converge(self) -> None:
        self.world.lagging(0.0)
        self.world.time.sleep(2 * WINDOW)
        self.take_twins_away()
        for _ in range(3):
            self.world.approve()
            plan = self.runs.apply(prune=True, allow=_allow(True, True), people=True)
        self.runs.check()
        assert plan is not None
        if plan.refusals or not plan.is_complete:
            COUNTS["ended in a refusal"] += 1
            return
        if not plan.work:
            COUNTS["ended in sync"] += 1
            self.runs.check_declared()
        left = [change.address for change in plan.work if not _is_explained(plan, change.address)]
        assert not left, f"left without a word: {left}"
        assert self.runs.pending() == []

    def _give_work(self, section: str, pick: int) -> None:
        """An apply without work could go wrong in no interesting way."""
        if not self.files.add(section, pick) and not self.files.tag(pick, {"team": f"t{pick}"}):
            self.files.add("connections", pick)

    def _disturbed(self, fault: Fault, *, people: bool) -> None:
        COUNTS["apply disturbed"] += 1
        self.world.control.fault(fault)
        self.runs.apply(prune=True, allow=FREELY, people=people, calm=False)
        self.world.calm()


def _allow(freely: bool, adopt: bool) -> Allow:
    return replace(FREELY, adopt=adopt) if freely else Allow(adopt=adopt)


def _without_places(plan: Plan) -> Plan:
    return replace(plan, sources={})


def _is_explained(plan: Plan, address: Address) -> bool:
    """Whether the plan says why a change was not made, or what it waits for."""
    if any(finding.address == address for finding in plan.findings):
        return True
    change = next((c for c in plan.work if c.address == address), None)
    return change is not None and any(_is_explained(plan, a) for a in change.waits_for)


@pytest.fixture(scope="module")
def shared() -> Iterator[None]:
    """What is dear to make and the same for every machine."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        time = Time()
        SHARED.update(ours=InProcess(), theirs=InProcess(), time=time, patch=patch, folder=folder)
        pretend(patch, time)
        # The program looks every 3 s; each look is a plan, and the window passes in a few of them.
        patch.setattr("reconciler.cli.applying.LOOK_SECONDS", 10.0)
        yield
    SHARED.clear()


@pytest.mark.usefixtures("shared")
def test_machines(request: pytest.FixtureRequest) -> None:
    chosen = settings(
        max_examples=MACHINES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=SEED is None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    COUNTS.clear()
    run_state_machine_as_test(seed(int(SEED))(Machine) if SEED else Machine, settings=chosen)
    counts = ", ".join(f"{what} {count}" for what, count in sorted(COUNTS.items()))
    reporter: Any = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\n{MACHINES} machines: {counts}")
    if MACHINES >= 500:  # what never happens proves nothing
        assert [what for what in OFTEN if COUNTS[what] < MACHINES / 10] == []
