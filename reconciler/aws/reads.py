"""Keeps a client from changing anything: what is not on the list of reads is refused before it is
made into a request."""

from __future__ import annotations

from typing import Any

from reconciler.errors import ReconcilerError

READS = frozenset(
    {
        *("GetConnection", "GetHost", "GetRepositoryLink", "GetSyncConfiguration"),
        *("GetRepositorySyncStatus", "GetResourceSyncStatus", "GetSyncBlockerSummary"),
        *("ListConnections", "ListHosts", "ListRepositoryLinks", "ListSyncConfigurations"),
        *("ListRepositorySyncDefinitions", "ListTagsForResource"),
    }
)
"""The operations of the service that change nothing. AWS answers more than its model has, and not
all whose name begins with Get is harmless (GetConnectionToken), so that they are listed."""
ELSEWHERE = frozenset({"GetResources"})
"""Those of the Resource Groups Tagging API."""


def only_reads(client: Any) -> None:
    """Let a client send nothing but `READS` and those `ELSEWHERE`, whoever asks it to."""
    client.meta.events.register_first("before-parameter-build", _refuse)


def _refuse(model: Any, **_: object) -> None:
    if model.name not in READS | ELSEWHERE:
        text = f"{model.name} would change something, and this client only reads: not sent"
        raise ReconcilerError(text)
