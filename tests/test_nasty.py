"""Every nasty text, in every field that the service or a file may fill, through every writer: JSON
gives it back as it was, and text does nothing but to be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.render import FORMATS, render
from reconciler.safe import safe
from tests.cli.harmless import COLORS, active, expect_harmless, strings, without
from tests.nasty import EVERYTHING, HALVES, HIDDEN, TEXTS, texts_with
from tests.render.documents import plan_of

ALL = [*EVERYTHING, *texts_with(HALVES)]


@pytest.fixture(scope="module", params=[False, True], ids=["plan", "prune"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return plan_of(ALL, prune=request.param)


def test_the_corpus_is_large() -> None:
    assert len(set(TEXTS)) >= 100
    assert len(HIDDEN) > 200
    assert set("".join(ALL)) > {*HIDDEN, *HALVES}


@pytest.mark.parametrize("text", ["\x1b[31m", "\x1b]0;x\x07", "\x9b1m", "\u202e", "a\rb", "\ud800"])
def test_the_detector_sees(text: str) -> None:
    assert active(f"a{text}b")
    assert all(map(active, ["::error::", "a ##[error]", "  ::x"]))


def test_every_writer_is_tested() -> None:
    """Here, or in tests/render/test_formats.py."""
    assert (
        *(
            "dot",
            "github",
            "gitlab",
            "html",
            "json",
            "junit",
            "markdown",
            "mermaid",
            "prometheus",
            "sarif",
            "text",
        ),
    ) == FORMATS


def test_every_text_reaches_every_field(document: dict[str, Any]) -> None:
    """Without this the other tests would prove nothing."""
    everywhere = set(strings(document))
    for text in ALL:
        assert {text, f"tags.{text}"} <= everywhere


def test_json_gives_everything_back(document: dict[str, Any]) -> None:
    text = render(document, "json")
    assert json.loads(text) == document
    assert text.isascii()
    expect_harmless(text)


def test_text_does_nothing(document: dict[str, Any]) -> None:
    plain, colored = render(document, "text"), render(document, "text", color=True)
    expect_harmless(plain)
    expect_harmless(colored, own=COLORS)
    assert without(colored, COLORS) == plain
    for text in ALL:
        assert safe(text) in plain


@pytest.mark.parametrize("prune", [False, True])
def test_no_line_is_broken_in_two(prune: bool) -> None:
    lines = [
        render(plan_of(texts, prune=prune), "text").count("\n")
        for texts in (ALL, [f"harmless{n}" for n in range(len(ALL))])
    ]
    assert lines[0] == lines[1]
