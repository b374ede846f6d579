"""A repository link: one repository at the provider, reached through a connection."""

from __future__ import annotations

from typing import Annotated, ClassVar

from reconciler.fields import Immutable, Reference, Text, Wire
from reconciler.kinds.connection import Connection
from reconciler.resource import Calls, Tagged

KMS_KEY = r"arn:aws(-[\w]+)*:kms:[a-z\-0-9]+:\d{12}:key/[a-zA-Z0-9\-]+"


class RepositoryLink(Tagged):
    """A link to one repository; it can be moved to another connection of the same provider."""

    kind: ClassVar = "repository_link"
    section: ClassVar = "repository_links"
    naming: ClassVar = ("owner_id", "repository_name")
    calls: ClassVar = Calls(
        create="CreateRepositoryLink",
        get="GetRepositoryLink",
        list="ListRepositoryLinks",
        update="UpdateRepositoryLink",
        delete="DeleteRepositoryLink",
        items="RepositoryLinks",
        item="RepositoryLinkInfo",
        id="RepositoryLinkId",
        arn="RepositoryLinkArn",
    )
    arn_pattern: ClassVar = (
        r"arn:aws(?:-[a-z]+)*:(codestar-connections|codeconnections):[a-z\-0-9]+:\d{12}"
        r":repository-link\/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    )

    owner_id: Annotated[str, Immutable(), Text(1, 255)]
    repository_name: Annotated[str, Immutable(), Text(1, 128)]
    connection: Annotated[
        str, Wire("ConnectionArn"), Reference(Connection, alike="provider_type"), Text(1, 256)
    ]
    encryption_key_arn: Annotated[str | None, Text(1, 1024, KMS_KEY)] = None

    @classmethod
    def id_of(cls, arn: str) -> str:
        """The link's UUID, which is the last part of its ARN."""
        return arn.rpartition("/")[2].lower()
