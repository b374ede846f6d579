"""What lies in `specs/` is what the program's own classes say, and real documents fit it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reconciler.cli.commands.schema import DOCUMENTS, WRITTEN
from reconciler.emulator import Emulator
from reconciler.spec.problems import CODES, Problem
from reconciler.spec.source import parse, read_sources
from tests.conftest import ROOT, Cli

SPECS = ROOT / "specs"
FOR_CI = {"github", "gitlab", "kubernetes", "schedules"}
"""The folders with files for other programs, which other tests read."""
FLEET = Path("examples/fleet/targets.yaml")
FILES = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "examples").rglob("*.y*ml")
    if not {*path.relative_to(ROOT / "examples").parts} & FOR_CI
)
POLICIES = [path for path in FILES if "policies" in path.parts]
EXAMPLES = [path for path in FILES if path not in POLICIES]

PROBLEMS = """# Problems

What can be wrong with desired-state files. Each problem is told as
`file:line:column: CODE message (hint)`, and as data with `--output json`. All problems of a run are
told at once, up to a thousand. A code never changes its meaning.

| Code | Problem |
|---|---|
"""


def validator(document: str) -> Draft7Validator:
    """The schema in `specs/` of one kind of document."""
    schema = json.loads((SPECS / f"{document}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def told(document: str, content: Any) -> list[str]:
    """What the schema finds wrong with a document."""
    return [error.message for error in validator(document).iter_errors(content)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_schema_is_the_generated_one(document: str, cli: Cli) -> None:
    shown = cli("schema", document)
    assert shown.code == 0
    assert shown.out == (SPECS / f"{document}.schema.json").read_text(encoding="utf-8")


def test_the_page_of_problems_is_the_generated_one() -> None:
    rows = "".join(f"| {code} | {title} |\n" for code, title in CODES.items())
    assert (SPECS / "problems.md").read_text(encoding="utf-8") == PROBLEMS + rows


@pytest.mark.parametrize("path", FILES, ids=str)
def test_an_example_fits_the_schema(path: Path) -> None:
    problems: list[Problem] = []
    (source,) = read_sources([str(ROOT / path)], problems)
    assert problems == []
    kinds = {**dict.fromkeys(POLICIES, "policy"), FLEET: "targets"}
    assert told(kinds.get(path, "desired-state"), source.content) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 1


HOST = "hosts: [{name: h, provider_type: GitHubEnterpriseServer, provider_endpoint: u"
VPC = "vpc_id: vpc-01234567, security_group_ids: [sg-01234567]"
STACK = "resource_name: s, repository: a/b, branch: main, config_file: f"

# what a file says after its version and owner; both the schema and the program refuse it
BAD = [
    "color: red",
    "account: '1234'",
    "region: Europe",
    "ignore_tags: x",
    "defaults: {tags: [a]}",
    "defaults: {tag: {}}",
    "connections: {}",
    "connections: [x]",
    "connections: [{name: a}]",
    "connections: [{provider_type: GitHub}]",
    "connections: [{name: a, provider_type: Github}]",
    "connections: [{name: a, provider_type: GitHub, host: h}]",
    "connections: [{name: '', provider_type: GitHub}]",
    "connections: [{name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, provider_type: GitHub}]",
    "connections: [{name: a, provider_type: GitHub, colour: red}]",
    "connections: [{name: a, provider_type: GitHub, protect: true}]",
    "connections: [{name: a, provider_type: GitHub, protect: 1}]",
    "connections: [{name: a, provider_type: GitHub, adopt: 'yes'}]",
    "connections: [{name: a, provider_type: GitHub, tags: {a: 1}}]",
    "connections: [{name: a, provider_type: GitHub, tags: }]",
    "connections: [{name: a, provider_type: GitHub, ignore: [{field: tags.a}]}]",
    "connections: [{name: a, provider_type: GitHub, previously: [1]}]",
    HOST + ", vpc_configuration: {" + VPC + "}}]",
    HOST + ", vpc_configuration: {" + VPC + ", subnet_ids: []}}]",
    HOST + ", vpc_configuration: {" + VPC + ", subnet_ids: [subnet-1]}}]",
    HOST + ", host: x}]",
    "repository_links: [{owner_id: a, repository_name: b}]",
    "repository_links: [{owner_id: a, repository_name: b, connection: c, encryption_key_arn: k}]",
    "sync_configurations: [{" + STACK + "}]",
    "sync_configurations: [{" + STACK + ", role_arn: x}]",
    "sync_configurations: [{"
    + STACK
    + ", role_arn: 'arn:aws:iam::111122223333:role/r', tags: {}}]",
]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_document_does_not_fit(text: str, cli: Cli) -> None:
    whole = f"version: 1\nowner: platform\n{text}\n"
    assert told("desired-state", parse(whole, "bad.yaml", [])) != []
    assert cli("validate", "-", stdin=whole).code == 1


def test_a_text_with_a_variable_fits_whatever_it_may_become() -> None:
    entry = "- {name: '${n}', provider_type: '${type}'}"
    text = f"version: 1\naccount: ${{account}}\nregion: EU-${{Region}}\nconnections:\n{entry}\n"
    assert told("desired-state", parse(text, "good.yaml", [])) == []
    long = "k" * 128
    bad = ("adopt: '${a}'", f"tags: {{'${{{long}}}': a}}", "tags: '${a}'", "previously: '${a}'")
    for more in bad:
        entry = f"connections: [{{name: a, provider_type: GitHub, {more}}}]"
        assert told("desired-state", parse(f"version: 1\n{entry}", "bad.yaml", [])) != []


def test_a_document_needs_its_version() -> None:
    for text in ("owner: a", "version: 2", "version: '1'", "version: 1.0"):
        assert told("desired-state", parse(text, "bad.yaml", [])) != []
    assert told("desired-state", parse("version: 1", "good.yaml", [])) == []


def test_real_plans_and_reports_fit(cli: Cli, emulator: Emulator) -> None:
    where = (ROOT / "examples" / "quickstart", "--endpoint-url", emulator.url, "--output", "json")
    fresh, applied = cli("plan", *where), cli("apply", "--yes", *where)
    again = cli("apply", "--yes", *where)
    assert (fresh.code, applied.code, again.code) == (0, 7, 7)
    assert len(applied.json["outcomes"]) == len(fresh.json["changes"]) == 3
    assert again.json["worklist"]
    assert told("plan", fresh.json) == []
    assert told("report", applied.json) == []
    assert told("report", again.json) == []
    for of in ("desired", "live", "plan"):
        assert told("graph", cli("graph", "--of", of, *where).json) == []
    assert told("report", fresh.json) != []
    for member in fresh.json:
        assert told("plan", {k: v for k, v in fresh.json.items() if k != member}) != []


def test_a_plan_with_everything_in_it_fits(cli: Cli, emulator: Emulator) -> None:
    """Refusals, findings and gaps are there as well, all from one denied and one foreign read."""
    where = (ROOT / "examples" / "quickstart", "--endpoint-url", emulator.url, "--output", "json")
    assert cli("apply", "--yes", *where).code == 7
    foreign = cli("plan", *where, "--owner", "somebody-else")
    assert foreign.code == 5
    assert foreign.json["refusals"]
    assert told("plan", foreign.json) == []


def test_the_page_of_documents_names_every_document() -> None:
    page = (SPECS / "documents.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\[(\w+)\.schema\.json\]", page, re.MULTILINE)
    assert rows == [(kind, kind) for kind in DOCUMENTS if kind not in WRITTEN]
