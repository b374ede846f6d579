"""References among entries of one kind, which none of the program's own kinds has: a copy of the
program with one kind more says what it thinks of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Widgets = Callable[[str], tuple[int, str]]
ROOT = Path(__file__).parents[2]
HEAD = "version: 1\nowner: platform\n"
WIDGET = '''"""A widget: something that may stand on another widget."""

from typing import Annotated, ClassVar

from reconciler.fields import Immutable, Reference, Text
from reconciler.resource import Calls, Tagged


class Widget(Tagged):
    """Stands on another widget, or on the floor."""

    kind: ClassVar = "widget"
    section: ClassVar = "widgets"
    calls: ClassVar = Calls(
        create="A", get="B", list="C", delete="D", items="Widgets", id="Id"
    )

    name: Annotated[str, Immutable(), Text(1)]
    on: Annotated[str | None, Reference("widget"), Text(1)] = None
'''


@pytest.fixture
def widgets(tmp_path: Path) -> Widgets:
    """Validates a file with a copy of the program that has one kind more."""
    shutil.copytree(ROOT / "reconciler", tmp_path / "reconciler")
    (tmp_path / "reconciler/kinds/widget.py").write_text(WIDGET, encoding="utf-8")

    def validate(text: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "reconciler", "validate", "-"]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command,
            input=HEAD + text,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )
        return done.returncode, done.stdout + done.stderr

    return validate


def test_a_reference_cycle_is_told_from_its_first_address(widgets: Widgets) -> None:
    rows = {"d": "c", "b": "a", "a": "c", "c": "b", "p": "q", "q": "p", "s": "s", "x": ""}
    lines = [f"- {{name: {n}, 'on': {p}}}" if p else f"- {{name: {n}}}" for n, p in rows.items()]
    code, out = widgets("widgets:\n" + "\n".join(lines))
    assert code == 1
    hint = "(take one of the references out)"
    assert out.splitlines() == [
        f"<stdin>:6:3: E043 reference cycle: widget/a -> widget/c -> widget/b -> widget/a {hint}",
        f"<stdin>:8:3: E043 reference cycle: widget/p -> widget/q -> widget/p {hint}",
        f"<stdin>:10:3: E043 reference cycle: widget/s -> widget/s {hint}",
        "3 problems; nothing was called.",
    ]


def test_references_without_a_cycle_are_fine(widgets: Widgets) -> None:
    assert widgets("widgets:\n- {name: a, 'on': b}\n- {name: b}") == (
        0,
        "Valid: 2 objects declared (widgets 2).\n",
    )
