"""Files that are applied to an emulator, which somebody else then changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jsonschema

from reconciler.cli.commands.schema import schema_text
from reconciler.emulator import Emulator
from tests.conftest import REGION, Cli, Result

FILES = """version: 1
owner: platform
ignore_tags: ["cost-*"]
hosts:
- {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://git.example.com"}
connections:
- name: main
  provider_type: GitHub
  tags: {team: platform}
  ignore:
  - {field: tags.note, reason: written by another tool, until: "2999-12-31", owner: ana}
- {name: spare, provider_type: GitHub}
repository_links:
- {owner_id: acme, repository_name: network, connection: main}
- {owner_id: acme, repository_name: storage, connection: main}
sync_configurations:
- resource_name: network-prod
  repository: acme/network
  branch: main
  config_file: a.yaml
  role_arn: arn:aws:iam::111122223333:role/git-sync
"""


@dataclass(frozen=True)
class World:
    """Files, applied to an emulator."""

    cli: Cli
    emulator: Emulator
    file: Path

    @property
    def aws(self) -> Any:
        """Somebody else's client."""
        url = self.emulator.url
        return boto3.client("codeconnections", endpoint_url=url, region_name=REGION)

    def run(self, command: str, *words: str) -> Result:
        return self.cli(command, "--endpoint-url", self.emulator.url, *words, self.file)

    def drift(self, *words: str) -> Result:
        return self.run("drift", *words)

    def findings(self, *words: str) -> list[dict[str, Any]]:
        """The findings, out of a document that keeps to its schema."""
        result = self.drift("--output", "json", *words)
        jsonschema.validate(result.json, json.loads(schema_text("drift")))
        found: list[dict[str, Any]] = result.json["findings"]
        return found

    def arn(self, name: str) -> str:
        """The ARN of a connection, host or link."""
        every = [
            *((c["ConnectionName"], c["ConnectionArn"]) for c in self._connections()),
            *((h["Name"], h["HostArn"]) for h in self.aws.list_hosts()["Hosts"]),
            *((n["RepositoryName"], n["RepositoryLinkArn"]) for n in self._links()),
        ]
        return str(dict(every)[name])

    def link(self, name: str) -> str:
        return str({n["RepositoryName"]: n["RepositoryLinkId"] for n in self._links()}[name])

    def _connections(self) -> Any:
        return self.aws.list_connections()["Connections"]

    def _links(self) -> Any:
        return self.aws.list_repository_links()["RepositoryLinks"]


def told(findings: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    return {(finding["code"], finding["address"]) for finding in findings}
