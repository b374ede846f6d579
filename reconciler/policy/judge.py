"""Holds a plan against rules: what a mandatory rule says no to becomes a refusal, what an advisory
one says no to a warning. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reconciler.bind import Finding
from reconciler.diff import Action, Change
from reconciler.plan import Plan, Refusal
from reconciler.policy.cel import Facts, Failed, Job
from reconciler.policy.rules import Rule
from reconciler.report import plan_document
from reconciler.resource import Address, Resource, plain

Evaluate = Callable[[Sequence[Job], Facts], Iterator[list[Failed]]]
"""Says of each job in turn what its expression is not true of."""
Thing = tuple[Address | None, dict[str, Any]]


def judged(rules: Sequence[Rule], plan: Plan, evaluate: Evaluate) -> Plan:
    """The plan with what the rules have against it; they see it as it is before."""
    if not rules:
        return plan
    document = plan_document(plan)
    things: dict[str, list[Thing]] = {
        "object": [(c.address, _object(c, c.resource)) for c in plan.changes if c.resource],
        "change": [
            (change.address, {**form, **_names(change), "does": _does(change)})
            for change, form in zip(plan.work, document["changes"], strict=True)
        ],
        "plan": [(None, {**document})],
    }
    jobs = [
        Job(
            rule.expression,
            rule.each,
            [number for number, thing in enumerate(things[rule.each]) if _concerns(rule, thing)],
        )
        for rule in rules
    ]
    facts = Facts(
        {each: [form for _, form in some] for each, some in things.items()},
        {"target": document["target"], "owner": plan.owner},
    )
    refusals, findings = list(plan.refusals), list(plan.findings)
    for rule, failed in zip(rules, evaluate(jobs, facts), strict=True):
        for number, reason in failed:
            address = None if number is None else things[rule.each][number][0]
            why = f" could not be evaluated: {reason}" if reason else ""
            text = f"{rule.message} (policy {rule.id}{why})"
            if rule.level == "mandatory":
                refusals.append(Refusal(f"policy/{rule.id}", text, address))
            else:
                findings.append(Finding("warning", f"policy/{rule.id}", text, address))
    return replace(plan, refusals=tuple(refusals), findings=tuple(findings))


def _object(change: Change, resource: Resource) -> dict[str, Any]:
    """A declared object as rules see it: what its entry says, and what is going to be done."""
    said = {name: plain(value) for name, value in resource.comparable().items()}
    if resource.taggable():
        said["tags"] = dict(resource.wanted_tags or {})
    if resource.protect is not None:
        said["protect"] = resource.protect
    return {**said, **_names(change), "does": _does(change)}


def _names(change: Change) -> dict[str, str]:
    address = change.address
    return {"address": str(address), "kind": address.kind, "name": address.name}


def _does(change: Change) -> str:
    """What is done in the end, whether at once or after a handshake."""
    return Action.REPLACE if change.goes_with else change.then or change.action


def _concerns(rule: Rule, thing: Thing) -> bool:
    address, _ = thing
    return rule.kinds is None or address is None or address.kind in rule.kinds
