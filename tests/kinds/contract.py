"""Holds a kind against botocore's model of the service; one line per contradiction comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from reconciler.fields import FieldSpec, Part, Text
from reconciler.resource import Resource

SERVICES = ("codeconnections", "codestar-connections")

# What the old service lacks: https://docs.aws.amazon.com/codestar-connections/latest/APIReference/
# against https://docs.aws.amazon.com/codeconnections/latest/APIReference/.
NEWER_VALUES = {"ProviderType": {"AzureDevOps", "GitHubEnterpriseCloudDataResidency"}}
NEWER_MEMBERS: Mapping[str, set[str]] = {
    "CreateConnection": {"ProviderEndpoint"},
    "CreateSyncConfiguration": {"PullRequestComment"},
    "UpdateSyncConfiguration": {"PullRequestComment"},
}
"""By the operation that takes them."""

ANYTHING = {"", ".*", "^.*$", r"[\s\S]*"}
"""Patterns that allow every text; control characters are refused by the program itself."""


@cache
def model_of(service: str) -> ServiceModel:
    """The service model that botocore ships."""
    return ServiceModel(Loader().load_service_model(service, "service-2"))


def _input(model: ServiceModel, operation: str) -> Any:
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return shape


def _reply(model: ServiceModel, operation: str, *path: str) -> set[str]:
    """The members of the structure at a path in a reply; lists are stepped into."""
    shape: Any = model.operation_model(operation).output_shape
    for step in path:
        shape = shape.members[step]
        shape = shape.member if shape.type_name == "list" else shape
    return set(shape.members)


def _missing_here(kind: type[Resource], model: ServiceModel) -> set[str]:
    newer = NEWER_MEMBERS.get(kind.calls.create, set())
    return set() if model.service_name == SERVICES[0] else newer


def operations(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """Every operation that the kind names exists."""
    calls = kind.calls
    for name in (calls.create, calls.get, calls.list, calls.update, calls.delete):
        if name and name not in model.operation_names:
            yield f"there is no operation {name}"


def create_members(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """The fields, what is fixed, and the tags are the members of the create call."""
    ours = {spec.wire for spec in kind.specs().values()} | set(kind.calls.fixed)
    ours |= {"Tags"} if kind.taggable() else set()
    theirs = set(_input(model, kind.calls.create).members)
    for name in sorted((ours - _missing_here(kind, model)) ^ theirs):
        yield f"create: {name} is in {'the kind' if name in ours else 'the model'} only"


def update_members(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """What may change is what the update call takes; without one nothing may."""
    mutable = {spec.wire for spec in kind.specs().values() if not spec.immutable}
    mutable -= _missing_here(kind, model)
    theirs: set[str] = set()
    if kind.calls.update:
        shape = _input(model, kind.calls.update)
        theirs = set(shape.members) - {kind.calls.id, *kind.calls.fixed}
        if missing := {kind.calls.id, *kind.calls.fixed} - set(shape.members):
            yield f"update does not take {sorted(missing)}"
    for name in sorted(mutable ^ theirs):
        yield f"update: {name} is in {'the kind' if name in mutable else 'the model'} only"


def tags(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """A kind takes tags exactly when its create call does."""
    takes = "Tags" in _input(model, kind.calls.create).members
    if takes is not kind.taggable():
        yield f"taggable is {kind.taggable()}"


def required(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """What the create call needs is what the files have to say."""
    yield from _required(kind, _input(model, kind.calls.create), set(kind.calls.fixed))


def _required(part: type[Part], shape: Any, given: set[str]) -> Iterator[str]:
    ours = {s.wire for n, s in part.specs().items() if part.model_fields[n].is_required()}
    for name in sorted(ours ^ (set(shape.required_members) - given)):
        yield f"{name} is required in {part.__name__ if name in ours else 'the model'} only"
    for spec in part.specs().values():
        if spec.part is not None and spec.wire in shape.members:
            yield from _required(spec.part, shape.members[spec.wire], set())


def constraints(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """Lengths, patterns, allowed values and counts are the model's, in every structure."""
    yield from _constraints(kind, _input(model, kind.calls.create))


def _constraints(part: type[Part], shape: Any) -> Iterator[str]:
    for name, spec in part.specs().items():
        member = shape.members.get(spec.wire)
        if member is None:
            continue  # told by `create_members`
        if spec.part is not None:
            if {inner.wire for inner in spec.part.specs().values()} != set(member.members):
                yield f"{spec.part.__name__} has other members than {member.name}"
            yield from _constraints(spec.part, member)
            continue
        info = part.model_fields[name]
        if spec.reference is None:
            yield from _same(spec, member, _plain(info.annotation), info.metadata)
        elif _text_in(info.metadata).longest != member.metadata.get("max"):
            yield f"{spec.wire} is not at most {member.metadata.get('max')} characters long"


def _plain(annotation: Any) -> Any:
    """An annotation without its `| None`."""
    rest = [a for a in get_args(annotation) if a is not NoneType]
    return rest[0] if NoneType in get_args(annotation) and len(rest) == 1 else annotation


def _same(spec: FieldSpec, shape: Any, annotation: Any, metadata: list[Any]) -> Iterator[str]:
    if get_origin(annotation) is frozenset:
        ours = {k: v for mark in metadata for k, v in _bounds(mark).items()}
        theirs = {"min": shape.metadata.get("min"), "max": shape.metadata.get("max")}
        if shape.type_name != "list" or ours != theirs:
            yield f"{spec.wire} counts {ours}, the model {theirs}"
        inner = get_args(get_args(annotation)[0])
        yield from _same(spec, shape.member, inner[0], list(inner[1:]))
    elif get_origin(annotation) is Literal:
        missing = set(shape.enum) ^ set(get_args(annotation))
        if missing - NEWER_VALUES.get(shape.name, set()):
            yield f"{spec.wire} allows {get_args(annotation)}, the model {shape.enum}"
    else:
        yield from _same_text(spec.wire, shape, _text_in(metadata))


def _text_in(metadata: list[Any]) -> Text:
    return next(mark for mark in metadata if isinstance(mark, Text))


def _bounds(mark: Any) -> dict[str, int]:
    names = {"min_length": "min", "max_length": "max"}
    return {short: getattr(mark, name) for name, short in names.items() if hasattr(mark, name)}


def _same_text(name: str, shape: Shape, text: Text) -> Iterator[str]:
    """Empty texts are refused even where the model has no shortest length."""
    model = shape.metadata
    ours, theirs = (text.shortest, text.longest), (model.get("min", 1), model.get("max"))
    if ours != theirs:
        yield f"{name} is {ours} characters long, in the model {theirs}"
    pattern = model.get("pattern", "")
    if text.regex != pattern and not {text.regex, pattern} <= ANYTHING:
        yield f"{name} matches {text.regex}, in the model {pattern}"


def replies(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """The replies hold what the kind looks for: objects, their ids, ARNs, statuses and fields."""
    calls = kind.calls
    named = {calls.id, calls.arn, calls.status} - {""}
    fields = {s.wire for s in kind.specs().values() if not s.write_only}
    fields -= _missing_here(kind, model)
    listed = _reply(model, calls.list)
    if calls.items not in listed:
        yield f"{calls.list} gives no {calls.items}"
    elif missing := (named | fields) - _reply(model, calls.list, calls.items):
        yield f"{calls.list} gives objects without {sorted(missing)}"
    got = _reply(model, calls.get)
    body = _reply(model, calls.get, calls.item) if calls.item in got else got
    # What is got by ARN need not give it back: GetHost does not.
    if missing := (fields | named) - body - {calls.id, calls.arn}:
        yield f"{calls.get} gives an object without {sorted(missing)}"
    made = _reply(model, calls.create)
    body = _reply(model, calls.create, calls.item) if calls.item in made else made
    if calls.id not in body:
        yield f"{calls.create} gives no {calls.id}"


def addressing(kind: type[Resource], model: ServiceModel) -> Iterator[str]:
    """Get and delete take the id and what is fixed; a list what is fixed and its parent."""
    calls = kind.calls
    for operation in (calls.get, calls.delete):
        needed = set(_input(model, operation).required_members)
        if needed != {calls.id, *calls.fixed}:
            yield f"{operation} needs {sorted(needed)}"
    parent = {kind.specs()[calls.list_per].wire} if calls.list_per else set()
    needed = set(_input(model, calls.list).required_members)
    if needed != parent | set(calls.fixed):
        yield f"{calls.list} needs {sorted(needed)}"
    for member, value in calls.fixed.items():
        shape: Any = _input(model, calls.create).members.get(member)
        if shape is None or value not in (shape.enum or [value]):
            yield f"{member} cannot be {value}"


CHECKS: Mapping[str, Callable[[type[Resource], ServiceModel], Iterator[str]]] = {
    check.__name__: check
    for check in (
        operations,
        create_members,
        update_members,
        tags,
        required,
        constraints,
        replies,
        addressing,
    )
}
