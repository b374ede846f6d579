"""The form of a targets file: a path goes in; the targets that it lists, or every problem of it,
come out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.errors import ReconcilerError, SpecError
from reconciler.fields import Text
from reconciler.permissions import partition_of
from reconciler.spec.form import Account, Region
from reconciler.spec.listed import mappings
from reconciler.spec.problems import Enough, Problem, Problems, shown
from reconciler.spec.source import Map, Source, read_sources
from reconciler.spec.variables import NAME
from reconciler.spec.violations import position, validated

Name = Annotated[str, Text(1, 64, r"[A-Za-z0-9][A-Za-z0-9._-]*")]
Variable = Annotated[str, Text(1, 64, NAME)]
ROLE = r"(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?[A-Za-z0-9_+=,.@/-]+"
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
KEYS = ("name", "tag", "account", "region")
"""What a selector can be about."""


class Settings(BaseModel):
    """What a target may say, or `defaults` for every one that does not say otherwise."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    regions: list[Region] = Field(
        default=[], max_length=64, description="The Regions: each is a target of its own."
    )
    paths: list[Annotated[str, Text(1, 1024)]] = Field(
        default=[],
        max_length=100,
        description="The desired-state files and folders, from the folder of this file on.",
    )
    profile: Annotated[str | None, Text(1, 128)] = Field(
        default=None, description="The AWS profile that the credentials come from."
    )
    role: Annotated[str | None, Text(1, 256, ROLE)] = Field(
        default=None,
        description="The role to assume: its ARN, or its name in the target's account.",
    )
    external_id: Annotated[str | None, Text(2, 1224, r"[\w+=,.@:/-]*")] = Field(
        default=None, description="The external id that the role asks for."
    )
    session_name: Annotated[str | None, Text(2, 64, r"[\w+=,.@-]*")] = Field(
        default=None, description="The name of the role's session; `reconciler` unless given."
    )
    owner: Annotated[str | None, Text(1, 256)] = Field(
        default=None, description="Who owns what the files declare, whatever they say."
    )
    tags: list[Name] = Field(
        default=[], max_length=50, description="Words that `--target tag:WORD` finds it by."
    )
    variables: dict[Variable, Annotated[str, Text(0, 1024)]] = Field(
        default={}, description="What `${NAME}` stands for in the desired-state files."
    )


class Entry(Settings):
    """One account."""

    name: Name | None = Field(
        default=None, description="What it is called; the account unless given."
    )
    account: Account = Field(description="The account: any other one is refused.")


class TargetsFile(BaseModel):
    """A targets file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Targets")

    version: Literal[1] = Field(description="The version of this file format.")
    defaults: Settings = Field(
        default=Settings(), description="What holds for every target that does not say otherwise."
    )
    targets: list[Entry] = Field(default=[], description="The accounts; at least one.")


@dataclass(frozen=True, slots=True)
class FleetTarget:
    """One account in one Region, and how to get there. `paths` are as a command line would give
    them, and `role` is an ARN, or empty."""

    name: str
    account: str
    region: str
    paths: tuple[str, ...]
    profile: str | None
    role: str
    external_id: str | None
    session_name: str
    owner: str | None
    tags: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]

    @property
    def file(self) -> str:
        """What its own files and folders are called."""
        return self.name.replace("/", "_")


def load(path: str) -> tuple[FleetTarget, ...]:
    """Read a targets file. Raises `SpecError` with every problem of it."""
    problems = Problems()
    found: dict[str, FleetTarget] = {}
    try:
        for source in read_sources([path], problems):
            for raw, target in _targets(source, os.path.dirname(path), problems):
                file = target.file.casefold()  # some file systems do not tell case apart
                if file in found:
                    text = f"target {shown(target.name)} is already there"
                    if (other := found[file].name) != target.name:
                        text += f": its files would be those of {shown(other)}"
                    at = position(raw, ("name",))
                    problems.append(
                        Problem(source.name, *at, "E041", text, "give it another `name`")
                    )
                found[file] = target
    except Enough:
        pass
    if problems:
        raise SpecError(sorted(problems))
    return tuple(found.values())


def _targets(source: Source, folder: str, problems: Problems) -> Iterator[tuple[Map, FleetTarget]]:
    """The targets of a file that are right by themselves, each with how it is written."""
    content = source.content
    rest = {key: value for key, value in content.items() if key != "targets"}
    header = validated(TargetsFile, rest, content, source.name, problems)
    for raw in mappings(source, "targets", 'account: "..."', problems):
        entry = validated(Entry, raw, raw, source.name, problems)
        if entry is None:
            continue
        whole = _merged(header.defaults, entry) if header else entry
        if header and not whole.regions:
            text, hint = "no Region is given", "write `regions: [eu-west-1]`, here or in `defaults`"
            problems.append(Problem(source.name, *raw.mark, "E031", text, hint))
        twice = [region for region, times in Counter(whole.regions).items() if times > 1]
        for region in twice:
            text, hint = f"Region {shown(region)} is listed twice", "list it once"
            problems.append(Problem(source.name, *position(raw, ("regions",)), "E041", text, hint))
        if whole.role and _account_of(whole.role) not in ("", whole.account):
            text = f"the role is of another account: {shown(whole.role)}"
            hint = "write its name alone, which is looked for in each account"
            problems.append(Problem(source.name, *position(raw, ("role",)), "E037", text, hint))
        if "-" in whole.paths:
            text, hint = "`-` is standard input, which there is only once", "write a file"
            problems.append(Problem(source.name, *position(raw, ("paths",)), "E037", text, hint))
        for region in dict.fromkeys(whole.regions):
            yield raw, _target(whole, region, folder)


def _account_of(role: str) -> str:
    """The account that the ARN of a role names; empty for the name of one."""
    return role.split(":")[4] if role.startswith("arn:") else ""


def _merged(defaults: Settings, entry: Entry) -> Entry:
    """The entry with what it does not say itself; variables and tags add up."""
    base = defaults.model_dump(exclude_unset=True)
    own = entry.model_dump(exclude_unset=True)
    both = {
        "variables": {**defaults.variables, **entry.variables},
        "tags": list(dict.fromkeys([*defaults.tags, *entry.tags])),
    }
    return Entry.model_validate({**base, **own, **both})


def _target(entry: Entry, region: str, folder: str) -> FleetTarget:
    name = entry.name or entry.account
    role = entry.role or ""
    if role and not role.startswith("arn:"):
        role = f"arn:{partition_of(region)}:iam::{entry.account}:role/{role}"
    return FleetTarget(
        name=f"{name}/{region}" if len(entry.regions) > 1 else name,
        account=entry.account,
        region=region,
        paths=tuple(os.path.join(folder, path) for path in entry.paths),
        profile=entry.profile,
        role=role,
        external_id=entry.external_id,
        session_name=entry.session_name or "reconciler",
        owner=entry.owner,
        tags=tuple(entry.tags),
        variables=tuple(sorted(entry.variables.items())),
    )


def selected(targets: Sequence[FleetTarget], selectors: Sequence[str]) -> tuple[FleetTarget, ...]:
    """The targets that any of the selectors is about; all without selectors.

    A selector is a pattern for names such as `prod-*`, or `tag:`, `account:`, `region:` or `name:`
    with one; several parts with commas between have to hold together. Raises `ReconcilerError` for
    one that is about no target.
    """
    if not selectors:
        return tuple(targets)
    chosen: dict[str, FleetTarget] = {}
    for selector in selectors:
        parts = [_part(text.strip()) for text in selector.split(",")]
        found = [one for one in targets if all(_holds(one, *part) for part in parts)]
        if not found:
            hint = _hint(targets, parts)
            raise ReconcilerError(f"--target {shown(selector)[1:-1]} is about no target: {hint}")
        chosen |= {one.name: one for one in found}
    return tuple(one for one in targets if one.name in chosen)


def _hint(targets: Sequence[FleetTarget], parts: Sequence[tuple[str, str]]) -> str:
    """What there is to choose from where a part is about no target by itself."""
    for key, pattern in parts:
        if key == "name" and ":" in pattern:
            other = ", ".join(f"{known}:" for known in sorted(KEYS))
            return f"{shown(pattern.partition(':')[0])[1:-1]}: is none of {other}"
        if not any(_holds(one, key, pattern) for one in targets):
            known = sorted({value for one in targets for value in _values(one, key)})
            more = ", ..." * (len(known) > 10)
            return f"{key}s are {', '.join(known[:10])}{more}" if known else "no target has a tag"
    return "no target is what all its parts say"


def _values(target: FleetTarget, key: str) -> Sequence[str]:
    return target.tags if key == "tag" else (str(getattr(target, key)),)


def _part(text: str) -> tuple[str, str]:
    key, colon, pattern = text.partition(":")
    return (key, pattern) if colon and key in KEYS else ("name", text)


def _holds(target: FleetTarget, key: str, pattern: str) -> bool:
    return any(fnmatchcase(value, pattern) for value in _values(target, key))
