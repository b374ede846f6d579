"""What the command line's tests share: files that can be planned."""

from __future__ import annotations

from pathlib import Path

import pytest

DESIRED = """version: 1
owner: platform
connections:
- {name: main, provider_type: GitHub}
"""


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    """A file with one connection."""
    path = tmp_path / "desired.yaml"
    path.write_text(DESIRED, encoding="utf-8")
    return path
