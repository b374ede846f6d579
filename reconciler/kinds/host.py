"""A host: where an installed Git provider answers, and the VPC it is reached through."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from reconciler.fields import Immutable, Part, Text, WriteOnly, broken_rule
from reconciler.resource import Calls, Tagged

ProviderType = Literal[
    "Bitbucket",
    "GitHub",
    "GitHubEnterpriseServer",
    "GitLab",
    "GitLabSelfManaged",
    "AzureDevOps",
    "GitHubEnterpriseCloudDataResidency",
]
INSTALLED = ("GitHubEnterpriseServer", "GitLabSelfManaged")
"""The provider types that a host can serve: https://docs.aws.amazon.com/dtconsole/latest/userguide/
connections-host-create.html."""
SubnetId = Annotated[str, Text(15, 24, r"subnet-\w{8}(\w{9})?")]
SecurityGroupId = Annotated[str, Text(11, 20, r"sg-\w{8}(\w{9})?")]
UpTo10 = Field(strict=False, min_length=1, max_length=10)


class VpcConfiguration(Part):
    """The network a host is reached through; its certificate cannot be read back."""

    vpc_id: Annotated[str, Text(12, 21, r"vpc-\w{8}(\w{9})?")]
    subnet_ids: Annotated[frozenset[SubnetId], UpTo10]
    security_group_ids: Annotated[frozenset[SecurityGroupId], UpTo10]
    tls_certificate: Annotated[str | None, WriteOnly(), Text(1, 16384, raw=True)] = None


class Host(Tagged):
    """A self-managed Git provider's endpoint; a person registers the app on it once."""

    kind: ClassVar = "host"
    section: ClassVar = "hosts"
    calls: ClassVar = Calls(
        create="CreateHost",
        get="GetHost",
        list="ListHosts",
        update="UpdateHost",
        delete="DeleteHost",
        items="Hosts",
        id="HostArn",
        arn="HostArn",
        status="Status",
    )
    # One URL cannot serve two hosts:
    # https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-host-create.html
    unique: ClassVar = ("provider_endpoint",)
    # https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-host-edit.html
    editable: ClassVar = frozenset({"PENDING"})
    arn_pattern: ClassVar = (
        r"arn:aws(-[\w]+)*:(codestar-connections|codeconnections):.+:[0-9]{12}:host\/.+"
    )
    todo: ClassVar = {
        "PENDING": "register the app: open this host on the Hosts tab and choose Set up host",
        "VPC_CONFIG_INITIALIZING": "nothing yet: AWS is setting up the network",
        "VPC_CONFIG_DELETING": "nothing yet: AWS is taking the network down",
        "VPC_CONFIG_FAILED_INITIALIZATION": "mend the network set-up, then delete this host",
    }

    name: Annotated[str, Immutable(), Text(1, 64)]
    provider_type: Annotated[ProviderType, Immutable()]
    provider_endpoint: Annotated[str, Text(1, 512)]
    vpc_configuration: VpcConfiguration | None = None

    @model_validator(mode="after")
    def _installed_provider(self) -> Self:
        """A cloud provider needs no host."""
        if self.provider_type not in INSTALLED:
            text = f"{self.provider_type} is not reached through a host"
            raise broken_rule(text, f"a host is for {' or '.join(INSTALLED)}")
        return self
