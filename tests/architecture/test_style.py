"""The repository goes through linter, formatter, type checker and import contracts, a test each."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

TOOLS = {
    "ruff check": ("-m", "ruff", "check", "--quiet", "."),
    "ruff format": ("-m", "ruff", "format", "--quiet", "--diff", "."),
    "mypy": ("-m", "mypy"),
    "lint-imports": (
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-logo",
    ),
}

# Code that each tool must refuse under this project's own settings, and what it must say.
REFUSED = [
    ("ruff check", "def shout(word: str) -> str:\n    return word.upper()\n", "D103"),
    ("ruff check", '"""Says it."""\n\nprint(1)\n', "T201"),
    (
        "ruff check",
        '"""Sums."""\n\n\n'
        + "def total(n: int) -> int:\n"
        + '    """Of n."""\n'
        + "".join(f"    if n == {i}:\n        return {i}\n" for i in range(11))
        + "    return n\n",
        "C901",
    ),
    ("ruff format", '"""Holds x."""\n\nx = {  }\n', "+x = {}"),
    (
        "mypy",
        '"""Says it."""\n\n\ndef shout(word):\n    """Loudly."""\n    return word\n',
        "no-untyped-def",
    ),
    ("mypy", '"""Says it."""\n\nx: int = "1"\n', "[assignment]"),
]

# contract, module that breaks it, the line that does
FORBIDDEN_IMPORTS = [
    ("down", "diff", "from reconciler import plan"),
    ("down", "observe", "from reconciler import spec"),
    ("down", "aws/__init__", "from reconciler import resource"),
    ("down", "emulator/server", "from reconciler import errors"),
    ("down", "newcomer", ""),
    ("aws", "apply", "from reconciler import aws"),
    ("emulator", "fleet", "from reconciler.emulator import x"),
    ("kinds", "plan", "from reconciler.kinds import connection"),
    ("boto3", "plan", "import boto3"),
    ("botocore", "apply", "from botocore.exceptions import ClientError"),
    ("yaml", "report", "import yaml"),
    ("threads", "observe", "from concurrent.futures import ThreadPoolExecutor"),
    ("threads", "apply", "import threading"),
]

# The rooms as they should be, each with imports that it is allowed.
SOUND = {
    "cli/__init__": "",
    "cli/main": "import threading\nfrom reconciler import aws, emulator, fleet\n",
    "fleet": "import concurrent.futures\nimport yaml\nfrom reconciler.aws import session\n",
    "report": "from reconciler import apply\n",
    "apply": "from reconciler import plan\n",
    "plan": "from reconciler import diff, kinds\n",
    "diff": "",
    "spec/__init__": "from reconciler.spec import source\n",
    "spec/source": "import yaml\n",
    "observe": "from reconciler import resource\n",
    "kinds/__init__": "from reconciler.kinds import connection\n",
    "kinds/connection": "from reconciler.kinds import host\nfrom reconciler import resource\n",
    "kinds/host": "",
    "resource": "from reconciler import errors\n",
    "aws/__init__": "from reconciler.aws import session\n",
    "aws/session": "import threading\nimport boto3\nimport botocore\nimport reconciler.errors\n",
    "emulator/__init__": "import threading\nimport botocore\n",
    "errors": "",
}


def run(tool: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tool as a process of its own in that folder, with the settings of its pyproject.toml."""
    command = [sys.executable, *TOOLS[tool], *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def plant(folder: Path, modules: dict[str, str]) -> Path:
    """A small project under this project's own settings."""
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    package, tests = folder / "reconciler", folder / "tests"
    for made in (package, tests):
        made.mkdir(exist_ok=True)
        (made / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    for name, text in modules.items():
        path = package / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("tool", TOOLS)
def test_the_repository_passes(tool: str) -> None:
    done = run(tool, ROOT)
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("tool", "code", "said"), REFUSED)
def test_a_tool_refuses(tool: str, code: str, said: str, tmp_path: Path) -> None:
    done = run(tool, plant(tmp_path, {"errors": code}))
    assert done.returncode == 1
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(("contract", "module", "line"), FORBIDDEN_IMPORTS)
def test_a_contract_breaks(contract: str, module: str, line: str, tmp_path: Path) -> None:
    plant(tmp_path, SOUND)
    kept = run("lint-imports", tmp_path, "--no-cache", "--contract", contract)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    plant(tmp_path, {module: f"{line}\n"})
    broken = run("lint-imports", tmp_path, "--no-cache", "--contract", contract)
    assert broken.returncode == 1
    assert "1 broken" in broken.stdout


def test_every_contract_is_shown_to_break() -> None:
    contracts = tomllib.loads(PYPROJECT)["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {row[0] for row in FORBIDDEN_IMPORTS}
