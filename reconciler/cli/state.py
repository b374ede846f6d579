"""What one run keeps for the next on this machine. Options go in, the journal of a target comes
out."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from pathlib import Path

from reconciler.journal import Journal
from reconciler.resource import Target


def folder_of(option: str | None) -> Path:
    """Where journals are: as the option says, or below the folder of the XDG base directory
    specification for state (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    if option is not None:
        return Path(option)
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "reconciler" / "journal"


def journal_of(folder: Path, target: Target, owner: str, local_store: str = "") -> Journal:
    """The journal of a target, which every run that writes there shares."""
    endpoint = f"local {Path(local_store).resolve()}" if local_store else target.endpoint
    digest = hashlib.sha256(endpoint.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    facts = {
        "who": who(),
        "account": target.account,
        "region": target.region,
        "endpoint": endpoint,
        "owner": owner,
    }
    return Journal(folder / f"{target.account}-{target.region}-{digest}.jsonl", facts)


def who() -> str:
    """Who runs this, on which machine."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"{os.getuid()}@{socket.gethostname()}"
