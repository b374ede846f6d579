"""Turns a change into the exact API calls that carry it out, in their order. Pure.

An object is created with its tags in the same call, so that it is never there without an owner.
A change of an existing object updates its members first, then removes tags, then sets tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.compare import Ids, reference_id
from reconciler.diff import Action, Change
from reconciler.kinds import BY_NAME
from reconciler.resource import (
    OWNER_TAG,
    PROTECT_TAG,
    RUN_TAG,
    Call,
    KnownAfterApply,
    Live,
    Resource,
)

RUN_ID = KnownAfterApply()
"""Stands for the id of the run, which only an apply has."""


def calls_of(change: Change, owner: str, ids: Ids) -> tuple[Call, ...]:
    """The calls of one change; `ids` resolves its references."""
    match change:
        case Change(action=Action.CREATE, resource=Resource() as resource):
            return (_create(resource, owner, ids),)
        case Change(action=Action.REPLACE, resource=Resource() as resource, live=Live() as live):
            return (_delete(type(resource), live), _create(resource, owner, ids))
        case Change(action=Action.DELETE, live=Live() as live):
            return (_delete(BY_NAME[change.address.kind], live),)
        case Change(action=Action.TAG, resource=None, live=Live() as live):
            return tuple(_retag(change, live))
        case Change(resource=Resource() as resource, live=Live() as live):
            return (*_update(change, resource, live, ids), *_retag(change, live))
        case _:
            return ()


def _delete(kind: type[Resource], live: Live) -> Call:
    return Call(kind.calls.delete, {**kind.calls.fixed, kind.calls.id: live.id})


def _create(resource: Resource, owner: str, ids: Ids) -> Call:
    parameters = {**resource.calls.fixed, **_members(resource, ids)}
    if resource.taggable():
        own: dict[str, Any] = {OWNER_TAG: owner, RUN_TAG: RUN_ID}
        if resource.protect is not None:
            own[PROTECT_TAG] = resource.protect
        parameters["Tags"] = _tag_list({**(resource.wanted_tags or {}), **own})
    return Call(resource.calls.create, parameters)


def _update(change: Change, resource: Resource, live: Live, ids: Ids) -> Iterator[Call]:
    names = {field.path.partition(".")[0] for field in change.fields}
    members = {resource.specs()[name].wire for name in names if name in resource.specs()}
    if members:
        sent = {k: v for k, v in _members(resource, ids).items() if k in members}
        calls = resource.calls
        yield Call(calls.update, {**calls.fixed, calls.id: live.id, **sent})


def _retag(change: Change, live: Live) -> Iterator[Call]:
    tags = {_tag_key(f.path): f.after for f in change.fields if _tag_key(f.path)}
    gone = sorted(key for key, value in tags.items() if value is None)
    kept = {key: value for key, value in tags.items() if value is not None}
    if gone and live.arn:
        yield Call("UntagResource", {"ResourceArn": live.arn, "TagKeys": gone})
    if kept and live.arn:
        yield Call("TagResource", {"ResourceArn": live.arn, "Tags": _tag_list(kept)})


def _tag_key(path: str) -> str:
    """The key of the tag that a difference is about, or nothing."""
    own = {"owner": OWNER_TAG, "protect": PROTECT_TAG}
    return own.get(path) or (path.removeprefix("tags.") if path.startswith("tags.") else "")


def _tag_list(tags: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def _members(resource: Resource, ids: Ids) -> dict[str, Any]:
    """The declared members as the API takes them, references resolved."""
    members = resource.to_wire()
    for spec, value in resource.declared():
        if spec.reference is not None:
            members[spec.wire] = reference_id(spec.reference, value, ids)
    return members
