"""A local CodeConnections where syncs go well and badly: an emulator in, one with objects and their
past out."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Emulator
from tests.conftest import Cli

OBJECTS = """version: 1
owner: platform
connections:
- {name: main, provider_type: GitHub}
- {name: new, provider_type: GitHub}
- {name: broken, provider_type: Bitbucket}
repository_links:
- {owner_id: acme, repository_name: network, connection: main}
sync_configurations:
- resource_name: network-prod
  repository: acme/network
  branch: main
  config_file: deploy/prod.yaml
  role_arn: arn:aws:iam::111122223333:role/git-sync
- resource_name: network-test
  repository: acme/network
  branch: test
  config_file: deploy/test.yaml
  role_arn: arn:aws:iam::111122223333:role/git-sync
- resource_name: network-dev
  repository: acme/network
  branch: dev
  config_file: deploy/dev.yaml
  role_arn: arn:aws:iam::111122223333:role/git-sync
"""
PROD = "sync_configuration/network-prod"
REASON = "The change set failed three times"


def inhabit(emulator: Emulator, cli: Cli) -> str:
    """Three stacks, of which one is blocked, one fails and one was never synced, and connections in
    every condition; gives the id of the blocker."""
    Path("objects.yaml").write_text(OBJECTS, encoding="utf-8")
    words = ("apply", "--yes", "objects.yaml", "--endpoint-url", emulator.url)
    assert cli(*words).code == 7
    control = emulator.control
    control.approve("connection/main")
    control.approve("connection/broken", ok=False)
    assert cli(*words).code == 7
    control.record_sync("network-prod", sha="a" * 40)
    control.record_sync("network-prod", "FAILED", sha="b" * 40, events=["begun", "no such Vpc"])
    control.record_sync("network-test", "FAILED", sha="c" * 40, events=["no change set"])
    return control.record_blocker("network-prod", REASON, contexts={"Template": "deploy/prod.yaml"})


def writes(emulator: Emulator) -> list[str]:
    """What was sent to resolve blockers."""
    requests = emulator.control.requests(mutating_only=True)
    return [r.operation for r in requests if r.operation == "UpdateSyncBlocker"]
