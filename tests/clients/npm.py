"""Packages for Node: one exact version in, the folder it is installed in out, or a skipped test."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_INSTALL_SECONDS = 180
_NODE = 20
"""The oldest major version of Node that the AWS SDK for JavaScript runs on (its package.json)."""
_UNREACHABLE = re.compile(
    r"\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT"
    r"|ERR_SOCKET_TIMEOUT)\b"
)


def installed(package: str, version: str) -> Path:
    """The folder whose node_modules has this version; it outlives the run, in the user's cache."""
    _check_node()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconciler-tests"
    folder = cache / f"{package.replace('/', '-').removeprefix('@')}-{version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fresh = Path(scratch) / "installed"
            fresh.mkdir()
            _install(f"{package}@{version}", fresh)
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another run was faster
                    raise
    return folder


def _check_node() -> None:
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            pytest.skip(f"the AWS SDK for JavaScript needs {name}, which is not on PATH")
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    version = asked.stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < _NODE:
        pytest.skip(f"the AWS SDK for JavaScript needs Node {_NODE} or later, not {version}")


def _install(package: str, folder: Path) -> None:
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    command += ["--fetch-retry-mintimeout=1000", "--prefix", str(folder), package]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch {package} within {_INSTALL_SECONDS} seconds")
    if unreachable := _UNREACHABLE.search(done.stderr):
        pytest.skip(f"npm could not fetch {package} for want of a network: {unreachable[0]}")
    assert done.returncode == 0, done.stderr
