"""Refuses plans that could take away what only a person can give back; a plan goes in, the same
plan with every refusal comes out, each with the option that allows it. Pure.

A guard is a function from a plan and what was allowed to refusals; `GUARDS` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from shlex import quote

from reconciler.diff import Change
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan, Refusal, removes
from reconciler.resource import Live, Resource


@dataclass(frozen=True, slots=True)
class Allow:
    """What somebody has allowed a run to do. `destroy` holds addresses, `take_over` owners.

    `max_destroy` unset stands for 5 objects and a fifth of what is owned once that is 10 or more.
    """

    adopt: bool = False
    empty: bool = False
    destroy: frozenset[str] = frozenset()
    take_over: frozenset[str] = frozenset()
    max_destroy: int | None = None


def check(plan: Plan, allow: Allow) -> Plan:
    """The plan with the refusals of every guard."""
    return replace(plan, refusals=tuple(r for guard in GUARDS for r in guard(plan, allow)))


def wrong_target(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """The files name the account or Region they are for, and this is another one."""
    where = (plan.target.account, plan.target.region)
    for what, pinned, found in zip(("account", "region"), plan.pinned, where, strict=True):
        if pinned is not None and pinned != found:
            text = f"the files are for {what} {pinned}, this run is in {found}"
            yield Refusal("wrong_target", text)


def adoption(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """The object exists and nobody owns it: it may be somebody's, or of another making."""
    adopted = {change.address for change, _, _ in _of_others(plan)}
    for change, resource, live in _of_others(plan):
        # What takes no tags has its parent's owner: where that stays, its adoption is judged.
        moves = any(field.path in resource.references() for field in change.fields)
        inherits = not resource.taggable() and not moves
        if inherits and adopted.intersection(resource.parents().values()):
            continue
        if live.owner is None and not (allow.adopt or resource.adopt):
            text = "exists and is not owned by anybody: --adopt, or `adopt: true` in its entry"
            yield Refusal("adoption", text, change.address, "--adopt")


def foreign_owner(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """Another owner's files declare the object."""
    for change, _, live in _of_others(plan):
        if live.owner is not None and live.owner not in allow.take_over:
            option = f"--take-over {quote(live.owner)}"
            text = f"is owned by {live.owner}: {option}"
            yield Refusal("foreign_owner", text, change.address, option)


def protected(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """Somebody wrote down, in the files or on the live object, that it has to stay."""
    for change, resource, live in _of_others(plan):
        if live.owner is not None and live.protect and resource.protect is None:
            text = f"is protected by its owner ({live.protect}): keep that up with `protect` in its"
            yield Refusal("protected", f"{text} entry", change.address)
    for change in _destroying(plan):
        if change.protect:
            todo = "take `protect` out of its entry and apply that first"
            if change.address not in plan.sources and change.successor is None:
                todo = "put its entry back without `protect`, apply that, and then remove it"
            elif change.resource is not None and change.resource.protect is None:
                todo = "apply its entry as it was, which takes `protect` off, and then change it"
            text = f"is protected ({change.protect}): {todo}"
            yield Refusal("protected", text, change.address)


def destroys(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """An approval that a person gave would be lost, or an object would be gone for a while."""
    for change in _destroying(plan):
        approved = change.live is not None and change.live.approved
        replaced = change.resource is not None
        if change.successor is not None:
            continue  # `previously` in the files allows it, and its successor is ready by then
        if (approved or replaced) and str(change.address) not in allow.destroy:
            lost = "lose the approval a person gave" if approved else "lose its id"
            if replaced and not BY_NAME[change.address.kind].taggable():
                lost = "be gone until it is created again"
            done = "replaced" if replaced else "deleted"
            option = f"--allow-destroy {quote(str(change.address))}"
            text = f"would be {done} and {lost}: {option}"
            yield Refusal("destroys", text, change.address, option)


def too_many(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """Many objects at once are more often a mistake than an intention."""
    count = sum(1 for _ in _destroying(plan))
    fifth = plan.owned // 5 if plan.owned >= 10 else plan.owned
    limit = min(5, fifth) if allow.max_destroy is None else allow.max_destroy
    if count > limit:
        text = f"{count} of {plan.owned} owned objects would be destroyed: --max-destroy {count}"
        yield Refusal("too_many", text, None, f"--max-destroy {count}")


def empty(plan: Plan, allow: Allow) -> Iterator[Refusal]:
    """Nothing is declared while something is owned: more likely a wrong path than a wish."""
    if not plan.declared and plan.owned and not allow.empty:
        text = f"nothing is declared while {plan.owned} objects are owned: --allow-empty"
        yield Refusal("empty", text, None, "--allow-empty")


GUARDS: tuple[Callable[[Plan, Allow], Iterator[Refusal]], ...] = (
    wrong_target,
    adoption,
    foreign_owner,
    protected,
    destroys,
    too_many,
    empty,
)


def _of_others(plan: Plan) -> Iterator[tuple[Change, Resource, Live]]:
    """The changes that would make somebody else's objects this owner's."""
    for change in plan.work:
        owner = any(field.path == "owner" for field in change.fields)
        if owner and change.resource is not None and change.live is not None:
            yield change, change.resource, change.live


def _destroying(plan: Plan) -> Iterator[Change]:
    """The changes that delete something, at once or after a handshake."""
    yield from (change for change in plan.work if removes(change))
