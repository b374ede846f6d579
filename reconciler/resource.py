"""The words of the program as values: addresses, calls and the port they go through, declared and
live objects and the two sides of the world they make up. A kind is a subclass of `Resource`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from reconciler.errors import ApiError, UnclearReplyError
from reconciler.fields import Part, Reference, Sensitive, Text, broken_rule

OWN_TAGS = "reconciler."
"""Prefix of the tags this program writes for itself; they never show up as differences."""
OWNER_TAG = f"{OWN_TAGS}owner"
PROTECT_TAG = f"{OWN_TAGS}protect"
RUN_TAG = f"{OWN_TAGS}run"
AVAILABLE = "AVAILABLE"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The stable name of one object on both sides of the world: `kind/name`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class KnownAfterApply:
    """Stands in a call for a value that only the apply can know: an id, or the run's own id."""

    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One API call as data; parameters may hold `KnownAfterApply` and `Sensitive`."""

    operation: str
    parameters: Mapping[str, Any]


Reply = Mapping[str, Any]
ReadResult = Reply | ApiError | UnclearReplyError


class Api(Protocol):
    """The port to the service: everything the program knows about AWS passes through here."""

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        """Answer List and Get calls in their order, every page followed; a failure is a value."""
        ...

    def write(self, call: Call) -> Reply:
        """Carry out one mutating call, sent once; raises `ApiError` or `UnclearReplyError`."""
        ...


@dataclass(frozen=True, slots=True)
class Calls:
    """How one kind speaks to the API: its operations, and where a reply keeps what.

    `items` is the member of the list reply with the objects; `item` the member of a create or get
    reply with the object (absent there: the reply itself is the object); `id`, `arn` and `status`
    are members of the object; `fixed` goes with every call of the kind; `list_per` is the
    reference field whose every object has to be listed on its own.
    """

    create: str
    get: str
    list: str
    delete: str
    items: str
    id: str
    item: str = ""
    arn: str = ""
    status: str = ""
    update: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)
    list_per: str = ""


@dataclass(frozen=True, slots=True)
class Syncs:
    """How the service tells how the syncs of a kind go: the operations with the latest attempt of
    an object, that of its branch (a field), the blockers, what else a parent syncs, and the one
    that resolves a blocker."""

    attempt: str
    branch_attempt: str
    blockers: str
    definitions: str
    resolve: str
    branch: str


class Ignore(BaseModel):
    """A rule that leaves one field of one entry alone, with the reason somebody gave for it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    field: Annotated[str, Text(1)]
    reason: Annotated[str, Text(1)]
    until: Annotated[str | None, Text(1)] = None
    owner: Annotated[str | None, Text(1)] = None


class Resource(Part):
    """One declared object. A kind is a subclass in a file of its own under `kinds/`."""

    extras: ClassVar = frozenset({"id", "previously", "protect", "adopt", "ignore", "tags"})
    kind: ClassVar[str]
    section: ClassVar[str]
    naming: ClassVar[tuple[str, ...]] = ("name",)
    calls: ClassVar[Calls]
    unique: ClassVar[tuple[str, ...]] = ()
    """The fields whose value no two objects of an account and Region can have."""
    editable: ClassVar[frozenset[str]] = frozenset()
    """The statuses in which AWS documents updates; empty: in any."""
    arn_pattern: ClassVar[str] = ""
    """What the ARN of such an object looks like, for references that are written as one."""
    syncs: ClassVar[Syncs | None] = None
    """Where the service tells how the syncs of such an object go, if it has any."""
    todo: ClassVar[Mapping[str, str]] = {}
    """What a person has to do about an object in each status that is not AVAILABLE."""

    id: Annotated[str | None, Text(1, 1011)] = Field(
        None, description="Bind this entry to this live object, by ARN or id."
    )
    previously: list[Annotated[str, Text(1)]] = Field(
        default=[], description="Former names of this object."
    )
    protect: Annotated[str | None, Text(1, 256)] = Field(
        None, description="Never delete or replace this object, for this reason."
    )
    adopt: bool = Field(default=False, description="Take over an existing object nobody owns.")
    ignore: list[Ignore] = Field(default=[], description="Fields to leave alone.")

    @field_validator("previously")
    @classmethod
    def _whole_names(cls, names: list[str]) -> list[str]:
        """A former name that is no name of this kind would never be found."""
        for name in names:
            if name.count("/") < len(cls.naming) - 1:
                text = f"a former name of a {cls.kind} is {'/'.join(cls.naming)}, not {name}"
                raise broken_rule(text, "write the whole name")
        return names

    @classmethod
    def name_of(cls, fields: Mapping[str, Any]) -> str | None:
        """The name that fields (declared or live) amount to, or None when a part is missing."""
        parts = [fields.get(part) for part in cls.naming]
        return "/".join(map(str, parts)) if all(isinstance(p, str) for p in parts) else None

    @classmethod
    def id_of(cls, arn: str) -> str:
        """The id that calls of this kind take, from an ARN or from that id itself."""
        return arn

    @classmethod
    def declarable(cls, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those of a live object's fields that an entry may hold together."""
        return fields

    @property
    def address(self) -> Address:
        """Where this object lives on both sides."""
        return Address(self.kind, self.name_of(self.__dict__) or "")

    @property
    def wanted_tags(self) -> Mapping[str, str] | None:
        """The declared set of tags; None leaves the live tags alone."""
        return None

    @classmethod
    def taggable(cls) -> bool:
        """Whether objects of this kind take tags."""
        return "tags" in cls.model_fields

    @classmethod
    def references(cls) -> Mapping[str, Reference]:
        """The fields that refer to other objects."""
        return {n: s.reference for n, s in cls.specs().items() if s.reference is not None}

    def parents(self) -> dict[str, Address]:
        """The declared objects this one refers to by name, by field; ARNs are not among them."""
        return {
            spec.name: Address(spec.reference.kind, value)
            for spec, value in self.declared()
            if spec.reference is not None and not is_arn(value)
        }


def _not_reserved(key: str) -> str:
    if key.lower().startswith(("aws:", OWN_TAGS)):
        text = f"tags whose key starts like {key} are not for files to set"
        raise broken_rule(text, "choose another key")
    return key


TagKey = Annotated[str, Text(1, 128), AfterValidator(_not_reserved)]
TagValue = Annotated[str, Text(0, 256)]
Tags = Annotated[dict[TagKey, TagValue], Field(max_length=197)]
"""Declared tags: the API takes 200 (botocore service model), three of which are this program's."""


class Tagged(Resource):
    """A declared object that takes tags."""

    tags: Tags | None = Field(None, description="The whole set of tags this object should carry.")

    @property
    def wanted_tags(self) -> Mapping[str, str] | None:
        """The declared set of tags; None leaves the live tags alone."""
        return self.tags


KNOWN_AFTER_APPLY = "(known after apply)"
"""What stands in a plan for a value that its own calls make known."""


def _hidden(secret: str) -> str:
    """Enough to tell one from another, which for a certificate, no secret in itself, is all."""
    return f"(sensitive, sha256 {hashlib.sha256(secret.encode()).hexdigest()[:32]})"


def plain(value: Any, show: Callable[[str], str] = _hidden) -> Any:
    """A value as JSON can hold it: sets sorted, placeholders as words; `show` says what stands for
    a sensitive value."""
    match value:
        case KnownAfterApply():
            return KNOWN_AFTER_APPLY
        case Sensitive():
            return show(value.value)
        case Address():
            return str(value)
        case Mapping():
            return {key: plain(item, show) for key, item in value.items()}
        case frozenset():
            return sorted(plain(item, show) for item in value)
        case list() | tuple():
            return [plain(item, show) for item in value]
        case _:
            return value


def is_arn(text: str) -> bool:
    """Whether a reference is written as an ARN rather than as a name."""
    return text.startswith("arn:")


@dataclass(frozen=True, slots=True)
class Live:
    """One object as AWS holds it. `fields` are under our names, references as ids, and `tags`
    are without this program's own, which became `owner`, `protect` and `run`."""

    address: Address
    id: str
    fields: Mapping[str, Any]
    arn: str = ""
    status: str = ""
    message: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    protect: str | None = None
    run: str | None = None
    """The run that created it, as far as its tags say."""

    @property
    def ready(self) -> bool:
        """Whether other objects can be built on this one: no handshake is missing."""
        return self.status in ("", AVAILABLE)

    @property
    def approved(self) -> bool:
        """Whether a person may have approved it: an ERROR or a status this program does not know
        comes after an approval as often as not. What has no status needs none."""
        return self.status not in ("", "PENDING") and not self.status.startswith("VPC_CONFIG")

    @property
    def vanishing(self) -> bool:
        """Whether the service is still deleting the object."""
        return "DELETING" in self.status

    @property
    def broken(self) -> bool:
        """Whether waiting is in vain: the set-up failed for good and somebody has to mend it."""
        return "FAILED" in self.status


@dataclass(frozen=True, slots=True)
class Gap:
    """A read that failed, so that something may exist and not be seen."""

    kind: str
    operation: str
    reason: str
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run happens: one account in one Region, and where a person approves handshakes.

    `console` may hold `{region}` and `{address}`; the page is named in
    https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html.
    """

    account: str
    region: str
    endpoint: str = ""
    console: str = "https://console.aws.amazon.com/codesuite/settings/connections?region={region}"


@dataclass(frozen=True, slots=True)
class Observed:
    """Every live object of one target by address (two at one address are ambiguous), and what
    could not be read."""

    target: Target
    lives: Mapping[Address, tuple[Live, ...]]
    gaps: tuple[Gap, ...] = ()

    def incomplete(self, kind: str) -> bool:
        """Whether objects of this kind may exist unseen."""
        return any(gap.kind == kind and gap.address is None for gap in self.gaps)


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in the files, counted from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything the files declare for one owner."""

    owner: str
    resources: Mapping[Address, Resource]
    sources: Mapping[Address, Source]
    account: str | None = None
    region: str | None = None
    ignore_tags: tuple[str, ...] = ()
