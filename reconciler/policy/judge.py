"""Holds a plan against rules: what a mandatory rule says no to becomes a refusal, what an advisory
one says no to a warning. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reconciler.bind import Finding
from reconciler.diff import Change
from reconciler.plan import Plan, Refusal
from reconciler.policy.cel import Failed, Job
from reconciler.policy.rules import Rule
from reconciler.report import plan_document
from reconciler.resource import Address, Resource, plain

Evaluate = Callable[[Sequence[Job], dict[str, Any]], Iterator[list[Failed]]]
"""Says of each job in turn what its expression is not true of; the mapping holds the variables that
all of them have."""
Thing = tuple[Address | None, dict[str, Any]]


def judged(rules: Sequence[Rule], plan: Plan, evaluate: Evaluate) -> Plan:
    """The plan with what the rules have against it; they see it as it is before."""
    if not rules:
        return plan
    document = plan_document(plan)
    things: dict[str, list[Thing]] = {
        "object": [(c.address, _object(c, c.resource)) for c in plan.changes if c.resource],
        "change": [
            (change.address, {"kind": change.address.kind, "name": change.address.name, **form})
            for change, form in zip(plan.work, document["changes"], strict=True)
        ],
        "plan": [(None, dict(document))],
    }
    about = [[thing for thing in things[rule.each] if _concerns(rule, thing)] for rule in rules]
    jobs = [
        Job(rule.expression, rule.each, [form for _, form in some])
        for rule, some in zip(rules, about, strict=True)
    ]
    shared = {"target": document["target"], "owner": plan.owner}
    refusals, findings = list(plan.refusals), list(plan.findings)
    for rule, some, failed in zip(rules, about, evaluate(jobs, shared), strict=True):
        for number, reason in failed:
            address = None if number is None else some[number][0]
            why = f" could not be evaluated: {reason}" if reason else ""
            text = f"{rule.message} (policy {rule.id}{why})"
            if rule.level == "mandatory":
                refusals.append(Refusal(f"policy/{rule.id}", text, address))
            else:
                findings.append(Finding("warning", f"policy/{rule.id}", text, address))
    return replace(plan, refusals=tuple(refusals), findings=tuple(findings))


def _object(change: Change, resource: Resource) -> dict[str, Any]:
    """A declared object as rules see it: what its entry says, and what is going to be done."""
    said = {spec.name: plain(value) for spec, value in resource.declared()}
    if resource.taggable():
        said["tags"] = dict(resource.wanted_tags or {})
    if resource.protect is not None:
        said["protect"] = resource.protect
    address = change.address
    names = {"address": str(address), "kind": address.kind, "name": address.name}
    return {**said, **names, "action": (change.then or change.action).value}


def _concerns(rule: Rule, thing: Thing) -> bool:
    address, _ = thing
    return rule.kinds is None or address is None or address.kind in rule.kinds
