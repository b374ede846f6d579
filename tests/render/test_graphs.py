"""Pictures of objects and references, read back, with every nasty text as a label."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pydot
import pytest

from reconciler.render import render
from reconciler.safe import safe
from tests.cli.harmless import active
from tests.conftest import ROOT, Cli
from tests.nasty import EVERYTHING
from tests.render.documents import plan_of

CHAIN = [
    ("host/ghes", "connection/ghes-main"),
    ("connection/ghes-main", "repository_link/acme/network"),
    ("repository_link/acme/network", "sync_configuration/network-prod"),
]
NODE = re.compile(r'  (n\d+)\["([^"]*)"\]')
EDGE = re.compile(r"  (n\d+) --> (n\d+)")


def read_mermaid(text: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The labels of the nodes, line by line, and the edges."""
    first, *lines = text.splitlines()
    assert first == "flowchart LR"
    labels: dict[str, list[str]] = {}
    edges = []
    for line in lines:
        if node := NODE.fullmatch(line):
            parts = node[2].split("<br>")
            labels[node[1]] = [re.sub(r"#(\d+);", lambda m: chr(int(m[1])), p) for p in parts]
        else:
            edge = EDGE.fullmatch(line)
            assert edge is not None, line
            edges.append((edge[1], edge[2]))
    return labels, edges


def read_dot(text: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    graphs: Any = pydot.graph_from_dot_data(text)
    (graph,) = graphs
    labels = {}
    for node in graph.get_nodes():
        if node.get_name() != "node":
            label = node.get("label")[1:-1].replace("&amp;", "&")
            plain = re.sub(r"\\(.)", lambda m: "\0" if m[1] == "n" else m[1], label)
            labels[node.get_name()] = plain.split("\0")
    return labels, [(edge.get_source(), edge.get_destination()) for edge in graph.get_edges()]


pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated - use:DeprecationWarning")
"""What pydot makes of its own parser is not this program's affair."""
READERS = {"mermaid": read_mermaid, "dot": read_dot}


@pytest.mark.parametrize("format", READERS)
def test_what_refers_to_what(format: str, cli: Cli) -> None:
    path = ROOT / "examples" / "self-managed"
    result = cli("graph", path, "--output", format)
    labels, edges = READERS[format](result.out)
    assert [(labels[a][0], labels[b][0]) for a, b in edges] == CHAIN
    planned = cli("graph", "--of", "plan", "--local", path, "--output", format)
    assert [state for _, state in READERS[format](planned.out)[0].values()] == ["create"] * 4


def test_what_is_live_has_its_status(cli: Cli) -> None:
    path = ROOT / "examples" / "quickstart"
    assert cli("apply", "--local", "--wait", "--yes", path).code == 0
    labels, edges = read_mermaid(cli("graph", "--of", "live", "--local", path).out)
    assert ["connection/github-main", "AVAILABLE"] in labels.values()
    assert len(edges) == 2


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    return plan_of(EVERYTHING)


@pytest.mark.parametrize("format", READERS)
def test_no_text_is_syntax(plan: dict[str, Any], format: str) -> None:
    for first in range(0, len(plan["changes"]), 50):
        some = plan["changes"][first : first + 50]
        text = render({**plan, "changes": some}, format)
        assert not active(text.replace("\n", ""))
        labels, edges = READERS[format](text)
        assert {safe(change["address"]) for change in some} <= {
            label[0] for label in labels.values()
        }
        assert {name for edge in edges for name in edge} <= set(labels)


def objects(count: int, parents: int = 0) -> dict[str, Any]:
    """A graph in which each object refers to so many of those before it."""
    names = [f"host/h{n}" for n in range(count)]
    return {
        "objects": [
            {"address": name, "state": "", "depends_on": names[max(0, n - parents) : n]}
            for n, name in enumerate(names)
        ]
    }


@pytest.mark.parametrize("format", READERS)
def test_what_is_too_much_to_be_drawn_is_counted(format: str) -> None:
    for count, shown in ((300, 300), (301, 300), (10_000, 300)):
        labels, edges = READERS[format](render(objects(count, 1), format))
        assert len([label for label in labels.values() if label[0].startswith("host/")]) == shown
        assert [f"and {count - 300} more"] * (count > 300) == [
            label[0] for label in labels.values() if not label[0].startswith("host/")
        ]
        assert {name for edge in edges for name in edge} <= set(labels)
        assert len(edges) == shown - 1


def test_mermaid_draws_no_more_than_mermaid_does() -> None:
    """Its limits are maxTextSize and maxEdges (https://mermaid.js.org/config/schema-docs/config.html)."""
    labels, edges = read_mermaid(render(objects(200, 5), "mermaid"))
    assert 450 < len(edges) <= 500
    assert re.fullmatch(r"and \d+ more", list(labels.values())[-1][0])
    hostile = objects(300, 1)
    for each in hostile["objects"]:
        each["address"] += "\U0001f600" * 100
        each["depends_on"] = []
    text = render(hostile, "mermaid")
    assert 40_000 < len(text) < 50_000
    shown = len(read_mermaid(text)[0]) - 1
    assert [f"and {300 - shown} more"] in read_mermaid(text)[0].values()


def test_other_formats_draw_nothing(cli: Cli) -> None:
    result = cli("graph", ROOT / "examples" / "quickstart", "--output", "text")
    assert (result.code, "a graph is dot, json or mermaid" in result.err) == (64, True)
    assert (
        cli("graph", ROOT / "examples" / "quickstart", "--output", "json").json["kind"] == "graph"
    )


def test_of_the_options_of_a_plan_it_has_what_changes_the_picture(cli: Cli) -> None:
    path = ROOT / "examples" / "quickstart"
    assert cli("apply", "--local", "--wait", "--yes", path).code == 0
    Path("empty.yaml").write_text("version: 1\nowner: platform\n", encoding="utf-8")
    line = ("graph", "--of", "plan", "--local", "empty.yaml")
    assert read_mermaid(cli(*line).out)[0] == {}
    labels, _ = read_mermaid(cli(*line, "--prune").out)
    assert [state for _, state in labels.values()] == ["delete"] * 3
    for other in ("--adopt", "--allow-destroy=connection/a", "--allow-empty", "--allow-pending"):
        result = cli(*line, other)
        assert (result.code, "No such option" in result.err) == (64, True)
