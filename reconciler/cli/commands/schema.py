"""Print the JSON Schema of a document."""

from __future__ import annotations

import json
from typing import Any

import click

from reconciler.cli.output import echo_data

DOCUMENTS = (
    "desired-state",
    "plan",
    "report",
    "problems",
    "graph",
    "policy",
    "drift",
    "failure",
    "status",
    "unblock",
    "fleet",
    "targets",
)
WRITTEN = ("desired-state", "policy", "targets")
"""Those that people write."""
LIMITS = ("enum", "maxLength", "minLength", "pattern")
"""What a schema says of a text."""
DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML support understands."""


@click.command(
    epilog="""\b
Examples:
  reconciler schema > desired-state.schema.json
  reconciler schema plan
"""
)
@click.argument("document", type=click.Choice(DOCUMENTS), default=DOCUMENTS[0])
def command(document: str) -> None:
    """Print the JSON Schema of a document: what is written in files, or with --output json."""
    echo_data(schema_text(document))


def schema_text(document: str) -> str:
    """The schema of one of `DOCUMENTS`, as the file in `specs/` holds it."""
    from pydantic import TypeAdapter

    from reconciler.findings import DriftForm, FailureForm
    from reconciler.fleet.report import FleetForm
    from reconciler.fleet.targets import TargetsFile
    from reconciler.forms import ReportForm
    from reconciler.graph import GraphForm
    from reconciler.policy.rules import PolicyFile
    from reconciler.saved import SavedPlanForm
    from reconciler.spec.form import Document
    from reconciler.spec.problems import ProblemsForm
    from reconciler.status import StatusForm
    from reconciler.unblock import UnblockForm

    forms = {
        "desired-state": Document,
        "plan": SavedPlanForm,
        "report": ReportForm,
        "problems": ProblemsForm,
        "graph": GraphForm,
        "policy": PolicyFile,
        "drift": DriftForm,
        "failure": FailureForm,
        "status": StatusForm,
        "unblock": UnblockForm,
        "fleet": FleetForm,
        "targets": TargetsFile,
    }
    schema = TypeAdapter(forms[document]).json_schema(ref_template="#/definitions/{model}")
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    if document in WRITTEN:
        schema = _without_null(schema)
    if document == "desired-state":
        schema = _or_variable(schema)
    return json.dumps({"$schema": DRAFT, **schema}, indent=2) + "\n"


def _without_null(node: Any) -> Any:
    """In the files a key is written with a value or left out: null is never one."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    clean = {
        key: _without_null(value)
        for key, value in node.items()
        if not (key == "default" and value is None)
    }
    options = clean.pop("anyOf", None)
    if options is None:
        return clean
    return {**clean, **next(option for option in options if option != {"type": "null"})}


def _or_variable(node: Any) -> Any:
    """A text with a variable in it is judged where the variable is known; keys have none."""
    if isinstance(node, list):
        return [_or_variable(item) for item in node]
    if not isinstance(node, dict):
        return node
    clean = {key: _or_variable(value) for key, value in node.items()}
    if clean.get("type") != "string":
        return clean
    limits = {key: clean.pop(key) for key in LIMITS if key in clean}
    return {**clean, "anyOf": [limits, {"pattern": r"\$\{"}]} if limits else clean
