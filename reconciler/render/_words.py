"""The words that every format for people says the same: documents in, unstyled sentences out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds import BY_NAME
from reconciler.safe import safe

Document = Mapping[str, Any]
SYMBOLS = {
    "create": "+",
    "update": "~",
    "tag": "~",
    "adopt": "~",
    "replace": "-/+",
    "delete": "-",
    "defer": "#",
}
CONSOLE = re.compile(
    r"https://console\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)"
    r"/codesuite/settings/connections\?region=[a-z0-9-]{1,64}"
)
COUNTED = {
    "create": "to create",
    "update": "to update",
    "tag": "to tag",
    "adopt": "to adopt",
    "replace": "to replace",
    "delete": "to delete",
    "defer": "deferred",
    "unchanged": "unchanged",
}


ERRORS = "In error"
"""The heading over what a person has to mend rather than to approve."""


def symbol(change: Document) -> str:
    """The mark of what is done to the object."""
    return SYMBOLS[shown_action(change)]


def shown_action(change: Document) -> str:
    """The action as it is marked: an object that goes with its parent is replaced with it."""
    action: str = "replace" if change["goes_with"] else change["action"]
    return action


def destroys(change: Document) -> bool:
    """Whether the object that is there now is deleted, now or later."""
    return bool(change["goes_with"]) or (change["then"] or change["action"]) in (
        "delete",
        "replace",
    )


def sentence(change: Document) -> str:
    """What will be done, when, and to which object where one is destroyed."""
    action: str = change["then"] or change["action"]
    approved = BY_NAME[change["address"].partition("/")[0]].calls.status
    text = {
        "replace": f"delete and create again: a new id{' and a new approval' * bool(approved)}",
        "delete": f"delete{', renamed' if change['reason'] == 'renamed' else ''}",
    }.get(action, action)
    if action in ("delete", "replace"):
        text += f" ({safe(change['id'])})"
    if change["goes_with"] and change["then"]:
        text = f"delete together with {safe(change['goes_with'])} ({safe(change['id'])}), "
        text += "create again"
    waits = [safe(address) for address in change["waits_for"]]
    if change["then"]:
        state = "ready" if action != "delete" else "done"
        return f"{text}, once {listed(waits)} {'is' if len(waits) == 1 else 'are'} {state}"
    return f"{text}, after {listed(waits)}" if waits else text


def difference(change: Document, field: Document) -> str:
    """From what to what a field changes; of a new object only the latter."""
    if change["id"] is None:
        return value(field["after"])
    forced = "  forces replacement" if field["forces_replacement"] else ""
    return f"{value(field['before'])} -> {value(field['after'])}{forced}"


def worklists(document: Document) -> Iterator[tuple[str, list[Document]]]:
    """What is left to do, under headings that say who or what is waited for."""
    found: dict[str, list[Document]] = {"Waiting for a person": [], ERRORS: []}
    for task in document.get("worklist", ()):
        found.setdefault(_heading(task["status"]), []).append(task)
    yield from ((heading, tasks) for heading, tasks in found.items() if tasks)


def _heading(status: str) -> str:
    if status == "PENDING":
        return "Waiting for a person"
    if status.endswith(("INITIALIZING", "DELETING")):
        return "Waiting for AWS"
    return ERRORS if status == "ERROR" or "FAILED" in status else "Not ready"


def awaited_state(one: Document) -> str:
    """Whether something that was waited for came, is still to come, or needs more than that."""
    if one["ready"]:
        return "ready"
    waits = not one["status"] or _heading(one["status"]).startswith("Waiting")
    return "waiting" if waits else "error"


def awaited(one: Document) -> str:
    """The status of something that was waited for, and what it was before."""
    if not one["status"]:
        needs = f"needs {listed(one['waits_for'])}" if one["waits_for"] else ""
        return safe(needs) or "needs no approval of its own"
    was = f", was {one['before']}" if one["before"] != one["status"] else ""
    return safe(f"is {one['status']}{was}")


def place(document: Document) -> str:
    """Where and for whom a plan is made."""
    target = document["target"]
    where = f"account {target['account']}, {target['region']}"
    return safe(where + (f", owner {document['owner']}" if document.get("owner") else ""))


def result(document: Document) -> list[str]:
    """What a document amounts to, in a sentence or two."""
    match document:
        case {"kind": "problems"}:
            return [_problems(document)]
        case {"kind": "drift"}:
            return [_drift(document)]
        case {"kind": "status"}:
            return [_status(document)]
        case {"kind": "unblock"}:
            return [_unblock(document)]
        case {"kind": "fleet"}:
            return [_fleet(document)]
        case {"purpose": "wait"}:
            return [_wait(document)]
        case {"outcomes": [_, *_]}:
            return [_outcomes(document)]
        case _:
            return list(_plan(document))


def is_incomplete(document: Document) -> bool:
    """Whether errors or unread objects keep a plan from being applied."""
    errors = any(finding["level"] == "error" for finding in document["findings"])
    return errors or not document["coverage"]["complete"]


def _problems(document: Document) -> str:
    if count := len(document["problems"]):
        return f"{count} problem{'s' * (count != 1)}; nothing was called."
    declared = document["declared"]
    parts = ", ".join(f"{section} {n}" for section, n in declared.items())
    return f"Valid: {objects(sum(declared.values()))} declared{parts and f' ({parts})'}."


def _drift(document: Document) -> str:
    """What counts is told first, and what does not in brackets."""
    levels = {finding["code"]: finding["level"] for finding in document["findings"]}
    counted: dict[bool, list[str]] = {True: [], False: []}
    for code, n in document["summary"].items():
        if n:
            counted[levels.get(code) == "info"].append(f"{n} {code.replace('_', ' ')}")
    where = f"{objects(document['checked'])} of {place(document)}"
    where += f" ({', '.join(counted[True])})" if counted[True] else ""
    if not counted[False]:
        return f"As declared: {where}."
    head = "Not all checked" if "error" in levels.values() else "Drift"
    return f"{head}: {', '.join(counted[False])}, in {where}."


def _status(document: Document) -> str:
    counts = ", ".join(f"{n} {state}" for state, n in document["summary"].items() if n)
    text = f"{objects(len(document['objects']))}{counts and f': {counts}'}."
    if missing := len(document["findings"]):
        text = f"{missing} of the addresses not there, {text}"
    return text if document["coverage"]["complete"] else f"Incomplete: {text}"


def _fleet(document: Document) -> str:
    number = len(document["targets"])
    states = ", ".join(f"{n} {state}" for state, n in document["summary"].items())
    counts = ", ".join(
        f"{n} {what.replace('_', ' ')}" for what, n in document["counts"].items() if n
    )
    targets = f"{number} target{'s' * (number != 1)}"
    return f"{document['command']}: {targets}: {states}.{counts and f' In all {counts}.'}"


def _unblock(document: Document) -> str:
    if not document["blockers"]:
        return safe(f"{document['address']}: nothing blocks it.")
    counts = ", ".join(f"{n} {result}" for result, n in document["summary"].items() if n)
    return f"Blockers: {counts}."


def _wait(document: Document) -> str:
    """What came of waiting, or that it was not begun."""
    if not document["awaited"]:
        return "Nothing was waited for."
    awaited = [one for one in document["awaited"] if one["status"]]
    ready = sum(one["ready"] for one in awaited)
    if ready < len(awaited):
        return f"Not done: {ready} of {len(awaited)} AVAILABLE."
    already = all(one["before"] == one["status"] for one in awaited)
    told = f"{ready} of {ready} AVAILABLE"
    return f"Nothing to wait for: {told} already." if already else f"Done: {told}."


def _outcomes(document: Document) -> str:
    counts = {status: n for status, n in document["outcome_summary"].items() if n}
    unchanged = document["summary"]["unchanged"]
    parts = [f"{n} {status}" for status, n in counts.items()]
    parts += [f"{unchanged} unchanged"] * bool(unchanged)
    return f"{document['purpose'].capitalize()}: {', '.join(parts)}."


def _plan(document: Document) -> Iterator[str]:
    counts = {action: n for action, n in document["summary"].items() if n}
    if is_incomplete(document):
        yield "Incomplete: this plan cannot be applied."
    elif document["refusals"]:
        yield "Refused: this plan cannot be applied."
    elif not counts and document["purpose"] == "forget":
        yield "Nothing to forget."
        return
    elif set(counts) <= {"unchanged"}:
        count = counts.get("unchanged", 0)
        yield "No changes." + f" {objects(count)} unchanged." * bool(count)
        return
    if counts:
        later = f" ({counted(document['deferred'])})" if counts.get("defer") else ""
        yield f"Plan: {counted(counts, later)}."


def counted(counts: Mapping[str, int], later: str = "") -> str:
    """How many changes of each action there are; `later` is what the deferred ones do."""
    parts = [
        f"{n} {COUNTED[action]}{later if action == 'defer' else ''}"
        for action, n in counts.items()
        if n
    ]
    return ", ".join(parts)


def listed(addresses: Sequence[str]) -> str:
    """Addresses in a sentence, the first of many."""
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return ", ".join(addresses[:3]) + more


def objects(count: int) -> str:
    """So many objects."""
    return f"{count} object{'s' * (count != 1)}"


def page(link: str) -> str:
    """A link that can be clicked: only the console of AWS; anything else is but a text."""
    return link if CONSOLE.fullmatch(link) else ""


def value(given: Any) -> str:
    """A value of a field; one that is not there and one that is empty are told apart."""
    match given:
        case None:
            return "(none)"
        case "":
            return '""'
        case list():
            return "[" + ", ".join(map(value, given)) + "]"
        case dict():
            return "{" + ", ".join(f"{safe(k)}: {value(v)}" for k, v in given.items()) + "}"
        case _:
            return safe(str(given))
