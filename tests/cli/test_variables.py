"""Files with variables where no target gives any: refused at their places; and live texts that only
look like variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.behind import Behind
from tests.conftest import Cli

TEXT = """\
version: 1
owner: platform
connections:
  - name: app-${stage}
    provider_type: GitHub
    protect: 'ours, in ${stage}'
"""
HINT = (
    "E022 variable `stage` is used, and there are no variables here "
    "(run with --targets, the file that gives them; write `$${` for the text `${` itself)\n"
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One where somebody has to approve."""
    with Emulator(Settings(handshake="manual")) as running:
        yield running


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("apply", "--yes"),
        ("drift",),
        ("accept", "--yes", "connection/app-prod"),
        ("import", "--diff"),
    ],
)
def test_a_file_with_variables_needs_a_target(
    run: Cli, behind: Behind, words: tuple[str, ...]
) -> None:
    behind.connection("app-prod", reconciler__owner="platform")
    Path("a.yaml").write_text(TEXT, encoding="utf-8")
    done = run(*words, "a.yaml")
    assert done.code == 1
    told = done.out + done.err
    assert f"a.yaml:4:15: {HINT}" in told
    assert f"a.yaml:6:24: {HINT}" in told
    assert Path("a.yaml").read_text(encoding="utf-8") == TEXT


def test_live_texts_that_look_like_variables_are_no_variables(run: Cli, behind: Behind) -> None:
    tags = {"${key}": "${value}", "literal": "$${", "begun": "a ${"}
    behind.connection("main", reconciler__protect="${why}", **tags)
    done = run("import", "--owner", "${aws:username}")
    assert done.code == 0, done.err
    assert "owner: $${aws:username}\n" in done.out
    assert "${key}: $${value}\n" in done.out
    Path("got.yaml").write_text(done.out, encoding="utf-8")
    planned = run("plan", "--adopt", "--output", "json", "got.yaml").json
    assert [f["path"] for c in planned["changes"] for f in c["fields"]] == ["owner"]
    assert planned["owner"] == "${aws:username}"


def test_a_live_text_that_looks_like_a_variable_is_accepted(run: Cli, behind: Behind) -> None:
    text = "version: 1\nowner: o\nconnections:\n  - name: main\n    provider_type: GitHub\n"
    Path("a.yaml").write_text(text + "    tags: {a: '$${b}', c: d}  # ours\n", encoding="utf-8")
    arn = behind.connection("main", reconciler__owner="o", a="${b}", c="${d} ${")
    behind.connection("new", reconciler__owner="o", e="$${f}")
    for address in ("connection/main", "connection/new"):
        done = run("accept", "--yes", address, "a.yaml")
        assert (done.code, done.err) == (0, "Wrote a.yaml.\n")
    after = Path("a.yaml").read_text(encoding="utf-8")
    assert after.startswith(text + "    tags: {a: '$${b}', c: '$${d} $${'}  # ours\n")
    assert run("plan", "--detailed-exitcode", "a.yaml").code == 0
    behind.tag(arn, a="${x}")
    assert run("plan", "--detailed-exitcode", "a.yaml").code == 2
