"""Renders a document as JSON, two spaces deep, with a line end; non-ASCII is escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """The document as it is; JSON knows no color."""
    return _harmless(json.dumps(document, indent=2)) + "\n"


def line(document: Mapping[str, Any]) -> str:
    """The document on one line, without a line end."""
    return _harmless(json.dumps(document))


def _harmless(text: str) -> str:
    """Build logs obey `##[command]`, wherever it stands; a `#` can only stand inside a string."""
    return text.replace("##", "#\\u0023")
