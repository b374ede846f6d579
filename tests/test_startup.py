"""Commands that call nobody load nothing heavy: arguments go in, loaded modules come out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"boto3", "botocore", "deepdiff", "reconciler.aws", "reconciler.emulator"}

# Runs the entry point as the shell would, then tells on the last line of stderr what it loaded.
PROBE = """
import json, sys
{before}
from reconciler.cli.main import main
code = None
try:
    code = main()
except SystemExit as leaving:
    code = leaving.code
print(json.dumps([code or 0, sorted(sys.modules)]), file=sys.stderr)
"""

DESIRED = """
version: 1
owner: platform
connections:
  - name: github-main
    provider_type: GitHub
"""


def start(*arguments: str, before: str = "") -> tuple[int, set[str]]:
    """The exit code of one command in its own process, and the modules it had loaded by then."""
    command = [sys.executable, "-c", PROBE.format(before=before), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.fixture
def desired(tmp_path: Path) -> str:
    """A file with one valid connection."""
    path = tmp_path / "desired.yaml"
    path.write_text(DESIRED, encoding="utf-8")
    return str(path)


def test_help_loads_nothing_heavy() -> None:
    code, modules = start("--help")
    assert code == 0
    assert modules & (HEAVY | {"rich", "pydantic", "yaml"}) == set()
    assert not [name for name in modules if name.startswith("reconciler.cli.commands.")]


def test_validate_loads_nothing_heavy(desired: str) -> None:
    code, modules = start("validate", desired)
    assert code == 0
    assert "yaml" in modules
    assert modules & (HEAVY | {"reconciler.apply", "reconciler.plan", "reconciler.report"}) == set()


def test_a_plan_loads_only_what_it_needs_of_what_is_heavy(desired: str, tmp_path: Path) -> None:
    store = str(tmp_path / "local.db")
    code, modules = start("plan", "--local", "--local-store", store, desired)
    assert code == 0
    assert "botocore" in modules
    assert modules & {"deepdiff", "jinja2", "rich"} == set()


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_a_heavy_module_is_seen(module: str) -> None:
    _, modules = start("--help", before=f"import {module}")
    assert module in modules
