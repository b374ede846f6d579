"""A connection: the link to a Git provider that a person approves once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, model_validator

from reconciler.fields import Immutable, Reference, Text, Wire, broken_rule
from reconciler.kinds.host import INSTALLED, Host, ProviderType
from reconciler.resource import Calls, Tagged

RESIDENCY = "GitHubEnterpriseCloudDataResidency"
"""GitHub Enterprise Cloud with data residency, where every enterprise has its own ghe.com host."""


class Connection(Tagged):
    """The link to a Git provider. Nothing but its tags can be changed: there is no update call."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["provider_type"]}, {"required": ["host"]}]}
    )
    kind: ClassVar = "connection"
    section: ClassVar = "connections"
    calls: ClassVar = Calls(
        create="CreateConnection",
        get="GetConnection",
        list="ListConnections",
        delete="DeleteConnection",
        items="Connections",
        item="Connection",
        id="ConnectionArn",
        arn="ConnectionArn",
        status="ConnectionStatus",
    )
    arn_pattern: ClassVar = (
        r"arn:aws(-[\w]+)*:(codestar-connections|codeconnections):[a-z0-9\-]+:[0-9]{12}"
        r":connection\/[\w\-]+"
    )
    todo: ClassVar = {
        "PENDING": "approve it: open this connection and choose Update pending connection",
        "ERROR": "check the app at the provider; AWS tries again by itself",
    }

    name: Annotated[str, Immutable(), Wire("ConnectionName"), Text(1, 32)]
    provider_type: Annotated[ProviderType | None, Immutable()] = None
    # https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_DeleteHost.html
    host: Annotated[
        str | None, Immutable(), Wire("HostArn"), Reference(Host, holds=True), Text(1, 256)
    ] = None
    provider_endpoint: Annotated[str | None, Immutable(), Text(1, 512)] = None

    @classmethod
    def declarable(cls, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where there is a host, the provider type is the host's."""
        return {k: v for k, v in fields.items() if k != "provider_type" or not fields.get("host")}

    @model_validator(mode="after")
    def _one_way_to_the_provider(self) -> Self:
        """AWS takes a provider type for a cloud provider, a host for an installed one."""
        if (self.provider_type is None) == (self.host is None):
            text = "a connection has either a provider_type or a host"
            raise broken_rule(text, "write one of the two keys")
        if self.provider_type in INSTALLED:
            text = f"{self.provider_type} is reached through a host"
            raise broken_rule(text, "write `host` with the name of the host, and no provider_type")
        # With no other type: botocore's service model, CreateConnectionInput$ProviderEndpoint. That
        # this type cannot do without is inferred: nothing else says which enterprise is meant.
        if self.provider_type == RESIDENCY and self.provider_endpoint is None:
            raise broken_rule(f"{RESIDENCY} needs a provider_endpoint", "add its https://….ghe.com")
        if self.provider_type != RESIDENCY and self.provider_endpoint is not None:
            text = f"provider_endpoint goes only with the provider_type {RESIDENCY}"
            raise broken_rule(text, "remove provider_endpoint")
        return self
