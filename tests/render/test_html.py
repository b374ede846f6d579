"""The page, read by Python's own parser and by a real browser, with every nasty text in it."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reconciler.render import _picture, html, render
from reconciler.safe import safe
from tests.cli.harmless import active
from tests.conftest import ROOT, Cli
from tests.nasty import EVERYTHING
from tests.render.documents import plan_of, problems_of, report_of
from tests.render.test_formats import WRONG

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OWN = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "tr"),
    *("td", "th", "details", "summary", "b", "code", "svg", "g", "rect", "text", "line"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "class", "role", "aria-label", "width"),
    *("height", "viewbox", "xmlns", "x", "y", "x1", "y1", "x2", "y2", "rx", "fill"),
}


class Reader(HTMLParser):
    """Tags and attributes that were opened, and the texts between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.texts: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.add(data.strip())


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    return plan_of(EVERYTHING)


def test_no_text_is_markup(plan: dict[str, Any]) -> None:
    for document in (plan, report_of(plan, EVERYTHING), problems_of(WRONG)):
        text = render(document, "html")
        found = Reader(text)
        assert set(found.tags) <= OWN
        assert found.attributes <= ATTRIBUTES
        assert not active(text.replace("\n", " "))
        assert found.tags["details"] == len(document.get("changes", ()))
        for change in document.get("changes", ()):
            assert safe(change["address"]).strip() in found.texts


def test_what_is_too_much_is_counted(plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST", 10)
    monkeypatch.setattr(_picture, "MOST", 10)
    found = Reader(render(plan, "html"))
    assert (found.tags["details"], found.tags["rect"]) == (10, 10)
    left = len(plan["changes"]) - 10
    assert f"{left} more changes are left out here; the JSON form has them." in found.texts
    assert [text for text in found.texts if text.endswith("objects are left out of the picture.")]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_runs_and_loads_nothing(plan: dict[str, Any], tmp_path: Path) -> None:
    """What it makes of the page is the page, and its screenshot is no empty one."""
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(render(report_of(plan, EVERYTHING), "html"), encoding="utf-8")
    line = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    line += [f"--user-data-dir={tmp_path / 'profile'}", "--timeout=5000"]
    seen = subprocess.run(
        [*line, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True
    )
    assert set(Reader(seen.stdout).tags) <= OWN | {"tbody"}
    assert "CONSOLE" not in seen.stderr
    shot = [*line, f"--screenshot={picture}", "--window-size=1200,900", page.as_uri()]
    subprocess.run(shot, capture_output=True, check=True)
    assert picture.stat().st_size > 20_000


def test_without_jinja_it_says_what_to_install_before_anything(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "find_spec", lambda name: None)
    path = ROOT / "examples" / "quickstart"
    result = cli("apply", "--local", "--yes", path, "--output", "html=plan.html")
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: --output html needs jinja2: pip install 'reconciler[html]'\n"
    assert not Path(".reconciler").exists()


def test_it_is_written_beside_the_text(cli: Cli) -> None:
    path = ROOT / "examples" / "self-managed"
    assert cli("plan", "--local", path, "--output", "html=plan.html").code == 0
    found = Reader(Path("plan.html").read_text(encoding="utf-8"))
    assert {"host/ghes", "connection/ghes-main", "Picture", "Changes"} <= found.texts
    assert (found.tags["rect"], found.tags["line"]) == (4, 3)
