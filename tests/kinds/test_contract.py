"""Every file in `kinds/` is held against botocore's model of both services, and every check is
shown a kind that breaks it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

import pytest
from pydantic import Field

import reconciler.kinds
from reconciler.fields import Immutable, Part, Reference, Text, Wire
from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import Calls, Resource, Tagged, TagKey, TagValue
from tests.kinds.contract import CHECKS, NEWER_MEMBERS, NEWER_VALUES, SERVICES, model_of

FILES = sorted(path.stem for path in Path(reconciler.kinds.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("file", FILES)
def test_the_model_agrees(file: str, check: str, service: str) -> None:
    assert list(CHECKS[check](BY_NAME[file], model_of(service))) == []


def test_every_file_is_one_kind() -> None:
    assert sorted(BY_NAME) == FILES
    assert len({kind.section for kind in KINDS}) == len(FILES)
    assert all((kind.__doc__ or "").strip() for kind in KINDS)


def test_parents_come_first() -> None:
    seen: set[str] = set()
    for kind in KINDS:
        assert {reference.kind for reference in kind.references().values()} <= seen
        seen.add(kind.kind)


def test_the_services_differ_only_as_noted() -> None:
    """A difference that botocore drops or adds one day has to be noted, or forgotten, here."""
    new, old = (model_of(service) for service in SERVICES)
    assert new.operation_names == old.operation_names
    for name, values in NEWER_VALUES.items():
        allowed: list[Any] = [model.shape_for(name) for model in (new, old)]
        assert set(allowed[0].enum) ^ set(allowed[1].enum) == values
    found = {}
    for operation in new.operation_names:
        shapes: list[Any] = [model.operation_model(operation).input_shape for model in (new, old)]
        if members := set(shapes[0].members) ^ set(shapes[1].members):
            found[operation] = members
    assert found == NEWER_MEMBERS


def test_tags_are_the_models() -> None:
    """The program keeps three of the 200 tags of a call for itself."""
    for service in SERVICES:
        model = model_of(service)
        for name, written in (("TagKey", TagKey), ("TagValue", TagValue)):
            text = next(mark for mark in get_args(written) if isinstance(mark, Text))
            bounds = model.shape_for(name).metadata
            assert (text.shortest, text.longest) == (bounds["min"], bounds["max"])
        assert model.shape_for("TagList").metadata["max"] == 197 + 3


LINK = "arn:aws:codeconnections:eu-west-1:111122223333:repository-link/"

# kind, an ARN, whether it is one of that kind's
ARNS = [
    ("host", "arn:aws:codeconnections:eu-west-1:111122223333:host/ghes-0a1b2c3d", True),
    ("host", "arn:aws:codestar-connections:eu-west-1:111122223333:host/ghes-0a1b2c3d", True),
    ("host", "arn:aws-us-gov:codeconnections:us-gov-east-1:111122223333:host/a", True),
    ("host", "arn:aws:codeconnections:eu-west-1:1111222233:host/ghes", False),
    ("host", "arn:aws:codeconnections:eu-west-1:111122223333:connection/x", False),
    ("connection", "arn:aws:codeconnections:eu-west-1:111122223333:connection/x", True),
    ("connection", "arn:aws:codestar-connections:eu-west-1:111122223333:connection/x", True),
    ("connection", "arn:aws:iam::111122223333:role/x", False),
    ("repository_link", f"{LINK}0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f", True),
    ("repository_link", f"{LINK}0a1b2c3d", False),
    ("repository_link", "arn:aws:codeconnections:eu-west-1:111122223333:host/x", False),
]
ARN_SHAPES = {"host": "HostArn", "connection": "ConnectionArn"}
ARN_SHAPES["repository_link"] = "RepositoryLinkArn"
ID_SHAPES = {**ARN_SHAPES, "repository_link": "RepositoryLinkId"}


@pytest.mark.parametrize(("name", "arn", "right"), ARNS)
def test_an_arn_is_told_from_others(name: str, arn: str, right: bool) -> None:
    assert (re.fullmatch(BY_NAME[name].arn_pattern, arn) is not None) is right
    if right:  # the program is never laxer than the service
        pattern = model_of(SERVICES[0]).shape_for(ARN_SHAPES[name]).metadata["pattern"]
        assert re.fullmatch(pattern, arn)
        pattern = model_of(SERVICES[0]).shape_for(ID_SHAPES[name]).metadata["pattern"]
        assert re.fullmatch(pattern, BY_NAME[name].id_of(arn))


def test_every_kind_that_is_referred_to_knows_its_arn() -> None:
    parents = {ref.kind for kind in KINDS for ref in kind.references().values()}
    assert parents == {row[0] for row in ARNS} == set(ARN_SHAPES)


RIGHT: dict[str, Any] = {
    "create": "CreateHost",
    "get": "GetHost",
    "list": "ListHosts",
    "update": "UpdateHost",
    "delete": "DeleteHost",
    "items": "Hosts",
    "id": "HostArn",
    "arn": "HostArn",
    "status": "Status",
}
Name = Annotated[str, Immutable(), Text(1, 64)]
Provider = Annotated[Literal["GitHub"], Immutable()]


def kind_with(annotations: dict[str, Any], *bases: type[Resource], **calls: Any) -> type[Resource]:
    """A kind of hosts with these fields and these changes to its calls."""
    body = {"kind": "wrong", "section": "wrongs", "calls": Calls(**{**RIGHT, **calls})}
    hints = {"kind": ClassVar[str], "section": ClassVar[str], "calls": ClassVar[Calls]}
    return type("Wrong", bases or (Tagged,), {**body, "__annotations__": {**hints, **annotations}})


class Network(Part):
    """A network with a wrong name, a short list and a wrong need."""

    vpc_id: Annotated[str | None, Text(12, 21, "vpc-.*")] = None
    subnet_ids: Annotated[frozenset[Annotated[str, Text(1)]], Field(min_length=1, max_length=9)]
    group_ids: Annotated[str, Text(1)]


# check, a kind that breaks it, what is said
WRONG = [
    ("operations", kind_with({}, create="MakeHost"), "there is no operation MakeHost"),
    ("operations", kind_with({}, update="AlterHost"), "there is no operation AlterHost"),
    ("create_members", kind_with({"nmae": Name}), "create: Nmae is in the kind only"),
    ("create_members", kind_with({}), "create: ProviderEndpoint is in the model only"),
    ("create_members", kind_with({}, fixed={"SyncType": "x"}), "create: SyncType is in the kind"),
    ("update_members", kind_with({"name": Annotated[str, Text(1)]}), "update: Name is in the kind"),
    (
        "update_members",
        kind_with({"provider_endpoint": Annotated[str, Immutable(), Text(1)]}),
        "update: ProviderEndpoint is in the model only",
    ),
    (
        "update_members",
        kind_with({"provider_endpoint": Annotated[str, Text(1)]}, update=""),
        "update: ProviderEndpoint is in the kind only",
    ),
    ("update_members", kind_with({}, id="Host"), "update does not take ['Host']"),
    ("tags", kind_with({}, Resource), "taggable is False"),
    ("required", kind_with({"name": Name | None}), "ProviderType is required in the model only"),
    ("required", kind_with({"vpc": Annotated[str, Text(1)]}), "Vpc is required in Wrong only"),
    (
        "constraints",
        kind_with(
            {"host": Annotated[str, Wire("HostArn"), Reference("host"), Text(1)]},
            create="CreateConnection",
        ),
        "HostArn is not at most 256",
    ),
    ("constraints", kind_with({"name": Annotated[str, Text(1, 63)]}), "Name is (1, 63) char"),
    ("constraints", kind_with({"name": Annotated[str, Text(1, 64, "a")]}), "Name matches a"),
    ("constraints", kind_with({"provider_type": Provider}), "ProviderType allows ('GitHub',)"),
    ("constraints", kind_with({"vpc_configuration": Network}), "Network has other members"),
    ("constraints", kind_with({"vpc_configuration": Network}), "VpcId matches vpc-.*"),
    ("constraints", kind_with({"vpc_configuration": Network}), "SubnetIds counts {'min': 1, 'max"),
    ("constraints", kind_with({"vpc_configuration": Network}), "SubnetIds matches "),
    ("required", kind_with({"vpc_configuration": Network}), "VpcId is required in the model only"),
    ("required", kind_with({"vpc_configuration": Network}), "GroupIds is required in Network"),
    ("replies", kind_with({}, items="HostList"), "ListHosts gives no HostList"),
    ("replies", kind_with({}, status="HostStatus"), "ListHosts gives objects without ['HostSta"),
    ("replies", kind_with({}, status="HostStatus"), "GetHost gives an object without ['HostSta"),
    ("replies", kind_with({}, id="Id"), "CreateHost gives no Id"),
    ("addressing", kind_with({}, id="Id"), "GetHost needs ['HostArn']"),
    (
        "addressing",
        kind_with({"host": Annotated[str, Wire("HostArn"), Reference("host")]}, list_per="host"),
        "ListHosts needs []",
    ),
    (
        "addressing",
        kind_with({}, create="CreateSyncConfiguration", fixed={"SyncType": "NO"}),
        "SyncType cannot be NO",
    ),
]


@pytest.mark.parametrize(("check", "kind", "said"), WRONG)
def test_a_wrong_kind_is_found(check: str, kind: type[Resource], said: str) -> None:
    found = list(CHECKS[check](kind, model_of(SERVICES[0])))
    assert any(line.startswith(said) for line in found), found


def test_every_check_is_shown_to_fail() -> None:
    assert {row[0] for row in WRONG} == set(CHECKS)
