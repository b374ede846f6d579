"""A sync configuration: which file of a repository a CloudFormation stack follows."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from reconciler.fields import Immutable, Reference, Text, Wire
from reconciler.kinds.repository_link import RepositoryLink
from reconciler.resource import Calls, Resource, Syncs

STACK = r"^[0-9A-Za-z]+[0-9A-Za-z_\\-]*$"
ROLE = r"arn:aws(-[\w]+)*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+"
Toggle = Literal["ENABLED", "DISABLED"]


class SyncConfiguration(Resource):
    """Git sync of one stack. It takes no tags and belongs to the owner of its repository link."""

    kind: ClassVar = "sync_configuration"
    section: ClassVar = "sync_configurations"
    naming: ClassVar = ("resource_name",)
    calls: ClassVar = Calls(
        create="CreateSyncConfiguration",
        get="GetSyncConfiguration",
        list="ListSyncConfigurations",
        update="UpdateSyncConfiguration",
        delete="DeleteSyncConfiguration",
        items="SyncConfigurations",
        item="SyncConfiguration",
        id="ResourceName",
        fixed={"SyncType": "CFN_STACK_SYNC"},
        list_per="repository",
    )
    syncs: ClassVar = Syncs(
        attempt="GetResourceSyncStatus",
        branch_attempt="GetRepositorySyncStatus",
        blockers="GetSyncBlockerSummary",
        definitions="ListRepositorySyncDefinitions",
        resolve="UpdateSyncBlocker",
        branch="branch",
    )

    resource_name: Annotated[str, Immutable(), Text(1, 100, STACK)]
    # https://docs.aws.amazon.com/dtconsole/latest/userguide/repositorylinks-delete.html
    repository: Annotated[
        str, Wire("RepositoryLinkId"), Reference(RepositoryLink, holds=True), Text(1)
    ]
    branch: Annotated[str, Text(1, 255)]
    config_file: Annotated[str, Text(1)]
    role_arn: Annotated[str, Text(1, 1024, ROLE)]
    publish_deployment_status: Toggle | None = None
    trigger_resource_update_on: Literal["ANY_CHANGE", "FILE_CHANGE"] | None = None
    pull_request_comment: Toggle | None = None
