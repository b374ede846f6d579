"""The repository passes every rule of the house, and every rule is shown a tree that breaks it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture import house
from tests.architecture.house import Violation

ROOT = Path(__file__).parents[2]

KIND = "class Connection:\n    kind = 'connection'\n"
LONG_FUNCTION = "def f():\n" + "    f()\n" * house.MAX_FUNCTION_LINES

# rule, files of a small tree, where the rule must find something (line 0: the whole file)
BROKEN = [
    ("terminal_only_in_cli", {"reconciler/plan.py": "print(1)\n"}, "reconciler/plan.py:1"),
    (
        "terminal_only_in_cli",
        {"reconciler/aws/a.py": "import sys as s\ns.exit(1)\n"},
        "reconciler/aws/a.py:2",
    ),
    (
        "terminal_only_in_cli",
        {"reconciler/aws/a.py": "from os import environ\n"},
        "reconciler/aws/a.py:1",
    ),
    (
        "terminal_only_in_cli",
        {"reconciler/a.py": "import os.path\nx = os.environ['A']\n"},
        "reconciler/a.py:2",
    ),
    (
        "terminal_only_in_cli",
        {"reconciler/a.py": "def f():\n    raise SystemExit\n"},
        "reconciler/a.py:2",
    ),
    ("pure_rooms", {"reconciler/diff.py": "import time\n"}, "reconciler/diff.py:1"),
    ("pure_rooms", {"reconciler/plan.py": "from os.path import join\n"}, "reconciler/plan.py:1"),
    (
        "pure_rooms",
        {"reconciler/render/text.py": "def f():\n    open('a')\n"},
        "reconciler/render/text.py:2",
    ),
    (
        "pure_rooms",
        {"reconciler/guards.py": "from datetime import date as d\nx = d.today()\n"},
        "reconciler/guards.py:2",
    ),
    (
        "kinds_named_only_at_home",
        {"reconciler/kinds/connection.py": KIND, "reconciler/plan.py": "x = 'connection'\n"},
        "reconciler/plan.py:1",
    ),
    (
        "kinds_named_only_at_home",
        {"reconciler/kinds/connection.py": KIND, "reconciler/plan.py": "x = f'connection/{1}'\n"},
        "reconciler/plan.py:1",
    ),
    (
        "kinds_named_only_at_home",
        {
            "reconciler/kinds/connection.py": KIND,
            "reconciler/plan.py": "from reconciler.kinds import Connection\n",
        },
        "reconciler/plan.py:1",
    ),
    (
        "short_files_and_functions",
        {"tests/a.py": "x = 1\n" * (house.MAX_FILE_LINES + 1)},
        "tests/a.py:0",
    ),
    ("short_files_and_functions", {"reconciler/a.py": LONG_FUNCTION}, "reconciler/a.py:1"),
    ("telling_file_names", {"reconciler/spec/utils.py": ""}, "reconciler/spec/utils.py:0"),
    ("telling_file_names", {"tests/common/a.py": ""}, "tests/common/a.py:0"),
    ("known_top_level", {"scripts/a.sh": ""}, "scripts:0"),
    ("no_places", {"a.md": "fine\nsee /home/" + "jo/notes\n"}, "a.md:2"),
    ("no_places", {"a.cfg": "index = https://py" + "pi.org/simple\n"}, "a.cfg:1"),
]

KEPT = {
    ".ci/run": "cd /tmp/x\n",
    ".gitignore": "scripts/\n",
    "README.md": "~/.aws/config, https://example.com/home/jo and /homes\n",
    "scripts/ignored.sh": "",
    "reconciler/cli/main.py": "import os\nimport sys\nprint(os.environ, sys.argv)\nsys.exit(0)\n",
    "reconciler/emulator/hosts.py": "x = 'connection'\n",
    "reconciler/kinds/connection.py": KIND,
    "reconciler/journal.py": "import os\nimport time\nx = os.open, time.time()\n",
    "reconciler/plan.py": "from datetime import date\nx = date(2024, 1, 1), 'a connection'\n",
    "reconciler/render/text.py": "def render(console):\n    console.print(console.input)\n",
    "tests/a.py": "def f():\n" + "    f()\n" * (house.MAX_FUNCTION_LINES - 1),
}


def plant(root: Path, files: dict[str, str]) -> Path:
    """A repository of its own, so that git lists these files and no others."""
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_the_repository_keeps(check: Callable[[Path], Iterator[Violation]]) -> None:
    assert [str(violation) for violation in check(ROOT)] == []


@pytest.mark.parametrize(("rule", "files", "place"), BROKEN)
def test_a_broken_rule_is_found(
    rule: str, files: dict[str, str], place: str, tmp_path: Path
) -> None:
    check: Callable[[Path], Iterator[Violation]] = getattr(house, rule)
    found = [f"{violation.path}:{violation.line}" for violation in check(plant(tmp_path, files))]
    assert found == [place]


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_what_is_allowed_is_let_through(
    check: Callable[[Path], Iterator[Violation]], tmp_path: Path
) -> None:
    assert [str(violation) for violation in check(plant(tmp_path, KEPT))] == []


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _, _ in BROKEN} == {check.__name__ for check in house.CHECKS}
