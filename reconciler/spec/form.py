"""The form of a desired-state file: what it may say about the whole, and its sections, one for each
kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from reconciler.fields import Text
from reconciler.kinds import KINDS
from reconciler.resource import Resource, Tags

Account = Annotated[str, Text(12, 12, r"[0-9]{12}")]
Region = Annotated[str, Text(1, 64, r"[a-z0-9-]+")]
SECTIONS: dict[str, type[Resource]] = {kind.section: kind for kind in KINDS}


def _first_line(kind: type[Resource]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


class Defaults(BaseModel):
    """What holds for every entry that does not say otherwise."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tags: Tags = Field(default={}, description="Tags under every taggable entry's own tags.")


class Header(BaseModel):
    """What a file says about everything it declares."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, defer_build=True, title="Desired state"
    )

    version: Literal[1] = Field(description="The version of this file format.")
    owner: Annotated[str | None, Text(1, 256)] = Field(
        None, description="Who owns what these files declare; written on live objects as a tag."
    )
    account: Account | None = Field(None, description="Refuse to run against any other account.")
    region: Region | None = Field(None, description="Refuse to run against any other Region.")
    defaults: Defaults = Field(default=Defaults(), description="What holds for every entry.")
    ignore_tags: list[Annotated[str, Text(1, 128)]] = Field(
        default=[],
        max_length=200,
        description="Patterns of live tag keys that are not this program's to judge.",
    )


_ANY_FIELDS: dict[str, Any] = dict.fromkeys(SECTIONS, (Any, None))
Keys = create_model("Keys", __base__=Header, **_ANY_FIELDS)
"""The keys of a file; its entries are validated one by one."""
_SECTION_FIELDS: dict[str, Any] = {
    section: (list[kind], Field(default=[], description=_first_line(kind)))  # type: ignore[valid-type]
    for section, kind in SECTIONS.items()
}
Document = create_model("Document", __base__=Header, **_SECTION_FIELDS)
"""A whole file, for the JSON Schema."""
