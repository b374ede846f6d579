"""Renders a drift report for Prometheus, in the text format that the textfile collector of
node_exporter reads.

https://prometheus.io/docs/practices/naming/ has the conventions for the names, and
https://github.com/prometheus/node_exporter#textfile-collector what reads the file.
"""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.findings import counts
from reconciler.render._words import Document
from reconciler.safe import safe

ONLY = "drift"
"""The one command whose document this is for."""
LABELS = ("account", "region", "owner")


def check() -> None:
    """Raise `ReconcilerError` when prometheus-client is not installed."""
    if find_spec("prometheus_client") is None:
        text = "--output prometheus needs prometheus-client"
        raise ReconcilerError(f"{text}: pip install 'reconciler[prometheus]'")


def render(document: Document, *, color: bool = False) -> str:
    """The gauges. Where the files are wrong there is one alone, which counts what is wrong."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    if document["kind"] == "problems":
        name, text = "reconciler_problems", "What is wrong with the desired-state files."
        _gauge(registry, name, text, ()).set(len(document["problems"]))
    else:
        _drift(registry, document)
    return generate_latest(registry).decode()


def _drift(registry: Any, document: Document) -> None:
    target = document["target"]
    values = (target["account"], target["region"], document["owner"])
    labels = dict(zip(LABELS, map(safe, values), strict=True))
    text = "Findings of each class, also of those that do not count as drift."
    findings = _gauge(registry, "reconciler_drift_findings", text, (*LABELS, "class"))
    for code, count in document["summary"].items():
        findings.labels(**labels, **{"class": code}).set(count)
    kept = {
        "reconciler_drift_counted_findings": (
            "Findings that count as drift, or could not be made.",
            sum(map(counts, document["findings"])),
        ),
        "reconciler_drift_checked_objects": (
            "Declared objects that were looked at.",
            document["checked"],
        ),
        "reconciler_drift_complete": (
            "Whether everything could be read (1) or not (0).",
            int(document["coverage"]["complete"]),
        ),
        "reconciler_drift_timestamp_seconds": (
            "When the look was begun.",
            _seconds(document["created"]),
        ),
    }
    for name, (text, value) in kept.items():
        _gauge(registry, name, text, LABELS).labels(**labels).set(value)
    if oldest := document.get("history", {}).get("oldest"):
        name = "reconciler_drift_oldest_finding_timestamp_seconds"
        text = "When the finding that counts and is open longest was first seen."
        _gauge(registry, name, text, LABELS).labels(**labels).set(_seconds(oldest[0]["first_seen"]))


def _gauge(registry: Any, name: str, text: str, labels: tuple[str, ...]) -> Any:
    from prometheus_client import Gauge

    return Gauge(name, text, labels, registry=registry)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
