"""Drift in each format, read back by a reader nobody here wrote, with every nasty text in it."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import junitparser
import pytest
from jsonschema import Draft7Validator
from prometheus_client.parser import text_string_to_metric_families
from sarif_pydantic import Sarif

from reconciler.cli.channels import slack
from reconciler.findings import CLASSES
from reconciler.history import stamp
from reconciler.render import (
    FORMATS,
    _plot,
    appended,
    markdown,
    message,
    prometheus,
    render,
    summary,
)
from reconciler.safe import safe
from tests.cli.harmless import active
from tests.conftest import ACCOUNT, REGION, Cli
from tests.drifts import NOON, field, finding, report
from tests.nasty import EVERYTHING
from tests.render.documents import problems_of
from tests.render.test_formats import COMMAND, WRONG, commands, oasis, tokens
from tests.render.test_html import ATTRIBUTES, CHROMIUM, OWN, Reader

__all__ = ["oasis"]
CONSOLE = f"https://console.aws.amazon.com/codesuite/settings/connections?region={REGION}"
SHOWN = sorted(set(FORMATS) - {"dot", "gitlab", "mermaid"})


def hostile() -> dict[str, Any]:
    """A report with a history in which each text is everywhere."""
    findings = []
    for number, text in enumerate(EVERYTHING):
        code = list(CLASSES)[number % len(CLASSES)]
        one = finding(
            code,
            f"connection/{text}",
            message=text,
            link=CONSOLE if number % 3 else text,
            fields=[field(f"tags.{text}", text, [text])],
            first_seen=f"2026-11-{number % 28 + 1:02}T00:00:00.000Z",
            times=number,
            source={"file": "a.yaml", "line": 1, "column": 1},
        )
        findings.append(one)
    past = [
        {
            "code": "changed",
            "about": safe(text),
            "fields": [safe(text)],
            "first_seen": text,
            "last_seen": text,
            "times": 1,
            "gone": text,
        }
        for text in EVERYTHING
    ]
    document = dict(report(*findings, owner=EVERYTHING[0], complete=False))
    return {**document, "history": {"runs": runs(), "oldest": past, "gone": past, "since": None}}


def runs(count: int = 30) -> list[dict[str, Any]]:
    return [
        {
            "time": f"2026-11-{day:02}T00:00:00.000Z",
            "complete": day != 4,
            "counts": {code: (day + n) % 4 for n, code in enumerate(CLASSES)},
        }
        for day in range(1, count + 1)
    ]


@pytest.fixture(scope="module")
def drift() -> dict[str, Any]:
    return hostile()


@pytest.mark.parametrize("format", SHOWN)
def test_nothing_acts(drift: dict[str, Any], format: str) -> None:
    text = render({**drift, "history": {**drift["history"], "oldest": []}}, format)
    lines = [line for line in text.splitlines() if not COMMAND.fullmatch(line)]
    assert [line for line in lines if active(line)] == []


def test_an_empty_value_does_not_look_like_none() -> None:
    document = report(finding("changed", fields=[field("tags.a", "", None), field("b", [], [""])]))
    (item,) = message(document, None, "").items
    for text in (render(document, "text"), render(document, "markdown"), "\n".join(item.lines)):
        assert '""' in text
        assert "(declared: (none))" in text.replace("`", "")
        assert '[""]' in text
    page = render(document, "html")
    assert '<td class="mono">&#34;&#34;</td><td class="mono">(none)</td>' in page


def test_the_summary_tells_what_counts_from_what_does_not() -> None:
    findings = [finding("changed"), finding("ignored"), finding("unmanaged")]
    where = f"3 objects of account {ACCOUNT}, {REGION}, owner platform"
    assert summary(report(*findings)) == f"Drift: 1 changed, in {where} (1 unmanaged, 1 ignored)."
    assert summary(report(*findings[1:])) == f"As declared: {where} (1 unmanaged, 1 ignored)."
    assert summary(report()) == f"As declared: {where}."
    unread = report(*findings, finding("not_checked"))
    assert summary(unread).startswith("Not all checked: 1 changed, 1 not checked, in 3 objects")


def test_text_is_quiet_when_nothing_counts(drift: dict[str, Any]) -> None:
    quiet = report(finding("ignored"), finding("unmanaged"))
    assert render({**quiet, "history": drift["history"]}, "text") == ""


def test_markdown_holds_no_markup_but_its_own(drift: dict[str, Any]) -> None:
    text = markdown.within(drift, 100_000_000)
    found = list(tokens(text))
    assert not {t.type for t in found} & {"image", "html_inline", "html_block", "code_block"}
    assert {t.attrs["href"] for t in found if t.type == "link_open"} == {CONSOLE}
    cells = {t.content for t in found if t.type == "code_inline"}
    assert {safe(one["fields"][0]["before"]).strip() for one in drift["findings"]} <= {
        cell.strip() for cell in cells
    }
    short = render({**drift, "findings": drift["findings"] * 10}, "markdown")
    assert len(short.encode()) <= markdown.BUDGET
    (left,) = re.findall(r"\*(\d+) more findings: there is no room", short)
    icons = tuple(f"- {icon}" for icon in markdown.ICONS.values())
    shown = sum(line.startswith(icons) for line in short.splitlines())
    assert int(left) + shown == 10 * len(drift["findings"])


def test_github_annotates_and_counts(drift: dict[str, Any]) -> None:
    kinds = [kind for kind, _, _ in commands(render(drift, "github"))]
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(
        ("error", "warning", "notice"), 10
    )
    outputs = dict(
        line.split("=") for line in appended(drift, "github")["GITHUB_OUTPUT"].splitlines()
    )
    assert set(outputs) == {"errors", "warnings", "findings", "checked"}
    assert int(outputs["findings"]) == len(drift["findings"])


def test_sarif(drift: dict[str, Any], oasis: Draft7Validator) -> None:
    text = render(drift, "sarif")
    assert [error.message for error in oasis.iter_errors(json.loads(text))] == []
    (run,) = Sarif.model_validate_json(text).runs
    assert len(run.results or ()) == len(drift["findings"])
    titles = {rule.id: rule.short_description for rule in run.tool.driver.rules or ()}
    assert set(titles) == set(CLASSES)
    assert titles["orphan"] is not None
    assert titles["orphan"].text == CLASSES["orphan"]


def test_junit_fails_what_counts(drift: dict[str, Any]) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(render(drift, "junit").encode())
    counting = {safe(one["address"]) for one in drift["findings"] if one["level"] != "info"}
    assert {case.name for case in suite} == counting
    assert all(case.result for case in suite)
    assert suite.tests == suite.failures == len(counting)
    twice = report(finding("sync_failing"), finding("sync_blocked"), finding("orphan", "host/a"))
    (suite,) = junitparser.JUnitXml.fromstring(render(twice, "junit").encode())
    assert (suite.tests, suite.failures) == (2, 2), "a case fails once, whatever its reasons"
    (clean,) = junitparser.JUnitXml.fromstring(render(report(), "junit").encode())
    assert (clean.tests, clean.failures) == (1, 0)


# Prometheus


def samples(document: Any) -> dict[tuple[str, str], float]:
    """Values by name and class, as Prometheus reads them."""
    found = {}
    for family in text_string_to_metric_families(render(document, "prometheus")):
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
        for sample in family.samples:
            found[sample.name, sample.labels.get("class", "")] = sample.value
            assert set(sample.labels) - {"class"} in ({"account", "region", "owner"}, set())
    return found


def test_prometheus_reads_the_gauges() -> None:
    document = report(finding("missing"), finding("ignored"), finding("ignored"))
    found = samples(document)
    assert found["reconciler_drift_findings", "missing"] == 1
    assert found["reconciler_drift_findings", "ignored"] == 2
    assert {code for name, code in found if name == "reconciler_drift_findings"} == set(CLASSES)
    assert found["reconciler_drift_counted_findings", ""] == 1
    assert found["reconciler_drift_checked_objects", ""] == 3
    assert found["reconciler_drift_complete", ""] == 1
    assert found["reconciler_drift_timestamp_seconds", ""] == NOON.timestamp()
    assert samples(report(complete=False))["reconciler_drift_complete", ""] == 0


@pytest.mark.parametrize("owner", EVERYTHING, ids=ascii)
def test_prometheus_reads_every_owner(owner: str) -> None:
    text = render(report(owner=owner), "prometheus")
    labels = [s.labels for f in text_string_to_metric_families(text) for s in f.samples]
    assert {label["owner"] for label in labels} == {safe(owner)}
    assert {(label["account"], label["region"]) for label in labels} == {(ACCOUNT, REGION)}


def test_prometheus_knows_the_oldest(drift: dict[str, Any]) -> None:
    first = "2026-11-01T00:00:00.000Z"
    oldest = [{**drift["history"]["oldest"][0], "first_seen": first}]
    found = samples({**drift, "history": {**drift["history"], "oldest": oldest}})
    name = "reconciler_drift_oldest_finding_timestamp_seconds"
    assert found[name, ""] == datetime.fromisoformat(first).timestamp()


def test_wrong_files_are_a_number(cli: Cli, tmp_path: Path) -> None:
    assert samples(problems_of(WRONG)) == {("reconciler_problems", ""): 3.0}
    (tmp_path / "a.yaml").write_text(WRONG, encoding="utf-8")
    assert cli("drift", "a.yaml", "--output", "prometheus=r.prom").code == 1
    assert "reconciler_problems 3.0" in (tmp_path / "r.prom").read_text(encoding="utf-8")


def test_without_its_library_it_says_what_to_install(
    cli: Cli, desired: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "find_spec", lambda name: None)
    refused = cli("drift", "--local", desired, "--output", "prometheus=r.prom")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.rstrip().endswith("pip install 'reconciler[prometheus]'")


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired.yaml"
    path.write_text("version: 1\nowner: platform\n", encoding="utf-8")
    return path


# HTML


def test_no_text_is_markup(drift: dict[str, Any]) -> None:
    page = render(drift, "html")
    found = Reader(page)
    assert set(found.tags) <= OWN | {"polygon", "ul", "li", "a"}
    more = {"points", "text-anchor", "href", "rel"}
    assert found.attributes <= ATTRIBUTES | more
    assert set(re.findall(r'href="([^"]*)"', page)) == {CONSOLE}
    assert {safe(one["address"]).strip() for one in drift["findings"]} <= found.texts
    assert found.tags["polygon"] == len(CLASSES)
    assert {"Findings", "Open longest", "Findings over time", "live", "declared"} <= found.texts
    assert "default-src 'none'" in page


def test_the_plot_is_within_its_frame_and_no_names_lie_upon_each_other() -> None:
    one_class = [{**run, "counts": {"changed": 9}} for run in runs()]
    last = {**runs()[-1], "counts": {**dict.fromkeys(CLASSES, 0), "changed": 9}}
    for some in (runs(), runs(2), one_class, [*runs(29), last]):
        plot = _plot.plot({"history": {"runs": some}})
        assert plot is not None
        ys = sorted(band.y for band in plot.bands)
        assert all(b - a >= _plot.SPACE - 0.1 for a, b in pairwise(ys))
        assert min(ys) > 10
        assert max(ys) < plot.height
        for band in plot.bands:
            points = [tuple(map(float, point.split(","))) for point in band.points.split()]
            assert all(plot.left <= x <= plot.right for x, _ in points)
            assert all(plot.top <= y <= plot.bottom for _, y in points)
        assert len(plot.across) <= 5
        assert len(plot.up) <= 7
    nothing = [{**run, "counts": {}} for run in runs()]
    assert _plot.plot({"history": {"runs": nothing}}) is None
    assert _plot.plot({"history": {"runs": runs(1)}}) is None
    assert _plot.plot(report()) is None


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize("hours", [[0, 1, 7, 8, 10], [*range(11)], [0, 7.4, 10], [0, 2.6, 10]])
def test_no_dates_lie_upon_each_other(hours: list[float]) -> None:
    """They are as wide as 17 characters; the first begins at its place, the last one ends there."""
    runs = [
        {"time": stamp(NOON + timedelta(hours=hour)), "complete": True, "counts": {"missing": 1}}
        for hour in hours
    ]
    plot = _plot.plot({"history": {"runs": runs}})
    assert plot is not None
    first, *between, last = (x for x, _ in plot.across)
    wide = 17 * 7.3
    edges = [(first, first + wide), *((x - wide / 2, x + wide / 2) for x in between)]
    edges.append((last - wide, last))
    assert all(right < left for (_, right), (left, _) in pairwise(edges))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_runs_and_loads_nothing(drift: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(drift, "html"), encoding="utf-8")
    line = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    line += [f"--user-data-dir={tmp_path / 'profile'}", "--timeout=5000", "--dump-dom"]
    seen = subprocess.run([*line, page.as_uri()], capture_output=True, text=True, check=True)
    assert set(Reader(seen.stdout).tags) <= OWN | {"polygon", "ul", "li", "a", "tbody"}
    assert "CONSOLE" not in seen.stderr


# What is told


def test_a_message_is_harmless_text(drift: dict[str, Any]) -> None:
    told = message(drift, None, "")
    for text in (told.subject, told.result, *told.text(10_000_000).splitlines()):
        assert not active(text)
    assert len(told.items) == sum(one["level"] != "info" for one in drift["findings"])


LIVE = [
    "<!channel>",
    "<@U123>",
    "<http://evil.test|x>",
    "@here",
    "https://evil.test",
    "&lt;",
    "*b*",
]


def test_slack_has_no_link_or_mention_but_its_own(drift: dict[str, Any]) -> None:
    """Every `<` begins a link to the console, and Slack is told to look for nothing else."""
    mine = [finding("changed", f"connection/{text}", message=text) for text in LIVE]
    for document in (drift, report(*mine), {**drift, "owner": LIVE[0]}):
        payload = slack.payload(message(document, None, LIVE[0]))
        flags = {name: payload[name] for name in ("parse", "link_names", "unfurl_links")}
        assert flags == {"parse": "none", "link_names": False, "unfurl_links": False}
        sections = [block["text"] for block in payload["blocks"]]
        assert {(text["type"], text["verbatim"]) for text in sections} == {("mrkdwn", True)}
        for text in (payload["text"], *(section["text"] for section in sections)):
            own = text.replace(f"<{CONSOLE}|Open the console>", "")
            assert not set(own) & {"<", ">"}
            assert re.sub("&(amp|lt|gt);", "", own).count("&") == 0


def test_slack_gets_no_more_than_it_takes(drift: dict[str, Any]) -> None:
    long = finding("changed", fields=[field(f"tags.{n}", "&" * 900) for n in range(50)])
    for document in (drift, report(long), report(*[long] * 100), report(*[long] * 5000)):
        payload = slack.payload(message(document, None, ""))
        texts = [block["text"]["text"] for block in payload["blocks"]]
        assert len(texts) <= 1 + slack.SECTIONS
        assert all(0 < len(text) <= slack.SECTION for text in texts)
        assert len(payload["text"]) <= slack.SECTION
    left = re.fullmatch(r"(?s).*\nand (\d+) more", texts[-1])
    assert left is not None
    shown = sum(text.count("new: changed") for text in texts)
    assert shown + int(left[1]) == 5000
