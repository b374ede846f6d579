"""Renders a document as GitLab's Terraform report, which counts changes in a merge request.

https://docs.gitlab.com/user/infrastructure/iac/mr_integration/
"""

from __future__ import annotations

import json

from reconciler.render._words import Document, is_incomplete

COUNTED = {
    "create": ("create",),
    "update": ("update",),
    "tag": ("update",),
    "adopt": ("update",),
    "replace": ("create", "delete"),
    "delete": ("delete",),
}


def render(document: Document, *, color: bool = False) -> str:
    """The three counts. Where there is no plan to count there are none, which GitLab shows as a
    report that failed, and not as one without changes."""
    if document["kind"] == "problems" or is_incomplete(document):
        return "{}\n"
    counts = dict.fromkeys(("create", "update", "delete"), 0)
    for change in document["changes"]:
        for counted in COUNTED[change["then"] or change["action"]]:
            counts[counted] += 1
    return json.dumps(counts) + "\n"
