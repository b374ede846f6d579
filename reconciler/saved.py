"""Plans that are saved, and held against the plan that is made when they are to be applied. Plain
data in, what moved out; pure.

Nothing of a saved plan is ever carried out: it only says what the new one may be. An operation may
have become unnecessary since, because it is done by now; none may be new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler.errors import StaleError
from reconciler.forms import PlanForm
from reconciler.resource import KNOWN_AFTER_APPLY
from reconciler.spec.problems import FORMAT_VERSION


class SavedPlanForm(PlanForm):
    """A plan as it is written down: when it was made, whether with `--prune`, and the SHA-256 of
    all the rest, which tells a file that was edited from one that was not."""

    created: str
    prune: bool
    digest: str


_FORM = TypeAdapter(SavedPlanForm)


def sealed(document: PlanForm, *, created: datetime, prune: bool) -> SavedPlanForm:
    """The plan as it is saved."""
    saved = {**document, "created": created.isoformat(timespec="seconds"), "prune": prune}
    return _FORM.validate_python({**saved, "digest": _digest(saved)})


def unsealed(text: str, *, now: datetime, max_age: float | None = None) -> SavedPlanForm:
    """A saved plan; `max_age` is how many seconds old it may be.

    Raises `StaleError` for what is none, was edited, is too old, is of another format, or could not
    have been applied when it was made."""
    try:
        document = json.loads(text)
        version = document.get("format_version") if isinstance(document, dict) else None
        if version is not None and version != FORMAT_VERSION:
            raise StaleError(f"it has format {version}, and this program {FORMAT_VERSION}")
        saved = _FORM.validate_python(document, strict=True)
        created = datetime.fromisoformat(saved["created"])
        age = now - created
    except (ValueError, TypeError, RecursionError, ValidationError) as error:
        raise StaleError("it is no saved plan: write one with `plan --output json=FILE`") from error
    if saved["kind"] != "plan" or saved["digest"] != _digest(document):
        raise StaleError("it was edited or damaged")
    if max_age is not None and not timedelta() <= age <= timedelta(seconds=max_age):
        raise StaleError(f"it was made at {saved['created']}, and may be {max_age:g} s old")
    errors = any(finding["level"] == "error" for finding in saved["findings"])
    if saved["refusals"] or errors or not saved["coverage"]["complete"]:
        raise StaleError("it was refused or incomplete when it was made: plan again")
    return saved


def _digest(document: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in document.items() if key != "digest"}
    return "sha256:" + hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def moved(saved: SavedPlanForm, now: PlanForm, *, prune: bool) -> list[str]:
    """What the plan of now would do or rests on that the saved one did not say, in words."""
    if saved["fingerprint"] == now["fingerprint"] and saved["prune"] == prune:
        return []
    return list(_moved(saved, now, prune))


def _moved(saved: SavedPlanForm, now: PlanForm, prune: bool) -> Iterator[str]:
    for name in ("account", "region", "endpoint"):
        yield from _other(name, saved["target"].get(name), now["target"].get(name))
    yield from _other("owner", saved["owner"], now["owner"])
    if saved["prune"] != prune:
        yield "it was made with --prune" if saved["prune"] else "it was made without --prune"
    planned = {change["address"]: change for change in saved["changes"]}
    for change in now["changes"]:
        before = planned.get(change["address"])
        if before is None:
            yield f"{change['address']}: {change['then'] or change['action']} was not planned"
        else:
            yield from _changed(before, change)


def _changed(before: Any, now: Any) -> Iterator[str]:
    address = now["address"]
    if before["id"] is not None:
        yield from _other(f"{address}: its id", before["id"], now["id"])
    intended, intends = ((each["then"] or each["action"]) for each in (before, now))
    if "delete" in (intended, intends):  # of a replacement this would be a half
        yield from _other(f"{address}: its action", intended, intends)
    fields = {field["path"]: field for field in before["fields"]}
    for field in now["fields"]:
        path = f"{address}: {field['path']}"
        if (planned := fields.get(field["path"])) is None:
            yield f"{path} was not planned to change"
        elif before["id"] is not None:
            yield from _other(path, planned["before"], field["before"])
        if planned is not None:
            yield from _other(f"{path}, as wanted,", planned["after"], field["after"])
    if not _is_part(now["calls"], before["calls"]):
        yield f"{address}: its API calls are others"


def _other(what: str, before: Any, now: Any) -> Iterator[str]:
    if before != now:
        yield f"{what} was {_shown(before)}, and is {_shown(now)}"


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)


def _is_part(calls: Sequence[Any], planned: Sequence[Any]) -> bool:
    """Whether these calls are among the planned ones, in their order."""
    left = iter(planned)
    return all(any(_fits(call, one) for one in left) for call in calls)


def _fits(now: Any, planned: Any) -> bool:
    """Whether a value is the planned one, or known by now where that was not."""
    match planned:
        case str() if planned == KNOWN_AFTER_APPLY:
            return isinstance(now, str)
        case dict():
            same = isinstance(now, dict) and now.keys() == planned.keys()
            return same and all(_fits(now[key], value) for key, value in planned.items())
        case list():
            same = isinstance(now, list) and len(now) == len(planned)
            return same and all(map(_fits, now, planned))
        case _:
            return bool(now == planned)
