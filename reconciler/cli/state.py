"""What one run keeps for the next on this machine. Options go in, the journal of a target comes
out."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.errors import ReconcilerError
from reconciler.journal import Journal
from reconciler.resource import Target

AWS_HOSTS = (
    *(".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws"),
    *(".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu"),
)
"""How the hosts of AWS's endpoints end (botocore's partitions.json)."""


def is_aws(endpoint: str) -> bool:
    """Whether an endpoint is AWS's own; else it is somebody's own."""
    return (urlsplit(endpoint).hostname or "").endswith(AWS_HOSTS)


def folder_of(option: str | None) -> Path:
    """Where journals are: as the option says, or below the folder of the XDG base directory
    specification for state (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    if option:
        return Path(option)
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError as error:  # neither HOME nor an entry of this user
        text = "there is no home folder for the journal: give --journal a folder, or set HOME"
        raise ReconcilerError(text) from error
    return base / "reconciler" / "journal"


def journal_of(folder: Path, target: Target, owner: str, place: str) -> Journal:
    """The journal of a target, which every run that writes there shares; `place` is its endpoint or
    its local store."""
    same = one_spelling(place).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(same).hexdigest()[:8]
    facts = {
        "who": who(),
        "account": target.account,
        "region": target.region,
        "endpoint": place,
        "owner": owner,
    }
    return Journal(folder / f"{target.account}-{target.region}-{digest}.jsonl", facts)


def one_spelling(endpoint: str) -> str:
    """The same text for every way to write where a service is; AWS is one service, whatever host
    it has: that of either name, of FIPS, or of a VPC endpoint."""
    url = urlsplit(endpoint)
    host = url.hostname or ""
    if is_aws(endpoint):
        return "aws"
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    host = "127.0.0.1" if host in ("localhost", "::1") else host
    return f"{url.scheme}://{host}:{port}{url.path.rstrip('/')}" if host else endpoint


def who() -> str:
    """Who runs this, on which machine; bytes of a name that are no text are written out."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}".encode("utf-8", "backslashreplace").decode()
