"""Renders a document as JSON, two spaces deep, with a line end; non-ASCII is escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """The document as it is; JSON knows no color."""
    text = json.dumps(document, indent=2)
    # Build logs obey `##[command]`, wherever it stands; a `#` can only stand inside a string.
    return text.replace("##", "#\\u0023") + "\n"
