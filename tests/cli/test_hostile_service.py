"""Whole commands against a service that chose every text it sends, and files that chose theirs: on
a terminal, through a pipe, as data, in the journal and in errors nothing does anything."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator
from reconciler.safe import safe
from tests.cli.harmless import COLORS, SPINNER, expect_harmless, held, without
from tests.cli.hostile_service import HostileApi, declared, serving
from tests.cli.servers import Answering, answering
from tests.cli.terminal import on_terminal
from tests.conftest import REGION, Cli
from tests.nasty import EVERYTHING, TEXTS, WORST

ONE = "version: 1\nowner: platform\nconnections: [{name: c0, provider_type: GitHub}]\n"


def server_of(texts: list[str]) -> Iterator[Answering]:
    said = cycle(texts)
    with answering(serving(HostileApi(texts), lambda: next(said))) as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    """Everything there is, and every refusal in other words."""
    yield from server_of(EVERYTHING)


@pytest.fixture(scope="module")
def small() -> Iterator[Answering]:
    """The worst texts only."""
    yield from server_of(WORST)


def files(folder: Path, count: int) -> Path:
    """Files that declare the half of what there is, and with other values."""
    path = folder / "desired.yaml"
    path.write_text(declared(count), encoding="utf-8")
    return path


COMMANDS: list[tuple[str, ...]] = [
    ("plan", "desired.yaml", "--prune"),
    ("apply", "desired.yaml", "--yes", "--prune", "--verbose"),
    ("destroy", "desired.yaml", "--yes"),
    ("status", "--detailed-exitcode"),
    ("wait", *(f"connection/c{n}" for n in range(40)), "--timeout", "0"),
    ("forget", "--yes", "--owner", "platform", *(f"host/h{n}" for n in range(40))),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_pipe(command: tuple[str, ...], server: Answering, tmp_path: Path, cli: Cli) -> None:
    files(tmp_path, len(EVERYTHING))
    where = ("--endpoint-url", server.url, "--output", "json=said.json")
    plain = cli(*command, *where)
    colored = cli(*command, *where, "--color", "always")
    data = (tmp_path / "said.json").read_text(encoding="utf-8")
    assert "Bug" not in plain.err
    assert plain.code in (1, 2, 3, 5, 7)
    expect_harmless(plain.out, plain.err, colored.err, data)
    expect_harmless(colored.out, own=COLORS)
    shown = [text for text in EVERYTHING if safe(text) in plain.out]
    if command[0] != "destroy":  # which shows addresses only
        assert len(shown) > 30
        assert {text for text in shown if len(text) > 3} & held(data)
    lines = without(colored.out, COLORS).count("\n")
    assert lines == plain.out.count("\n"), f"{plain.err}\n{colored.err}"


def test_what_is_sent_and_refused(server: Answering, tmp_path: Path, cli: Cli) -> None:
    """Outcomes repeat what the service says, and the journal keeps it with what was sent."""
    count = len(TEXTS)
    connections = [{"name": f"new{n}", "provider_type": "GitHub"} for n in range(count)]
    document = {"version": 1, "owner": "platform", "connections": connections}
    (tmp_path / "desired.yaml").write_text(json.dumps(document), encoding="utf-8")
    where = ("--endpoint-url", server.url, "--yes", "--output", "json=said.json")
    done = cli("apply", "desired.yaml", *where)
    assert done.out.count("FAILED") == count
    data = (tmp_path / "said.json").read_text(encoding="utf-8")
    text, lines = cli("journal"), cli("journal", "--format", "json")
    kept = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "state").rglob("*.jsonl"))
    expect_harmless(done.out, done.err, data, text.out, lines.out)
    expect_harmless(kept.replace("##", ""))  # a file is no build log
    assert text.out.count("\n") == lines.out.count("\n") == count
    assert kept.count("\n") == 2 * count
    assert len(held(lines.out)) > count


@pytest.mark.parametrize(
    "arguments", [("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("status",)], ids=str
)
def test_a_terminal(arguments: tuple[str, ...], small: Answering, tmp_path: Path) -> None:
    """With the spinner, of which nothing may be left but its own sequences."""
    path = files(tmp_path, len(WORST))
    command = arguments[0]
    words: list[str | Path] = [*arguments, *([] if command == "status" else [path])]
    screen = on_terminal(*words, "--endpoint-url", small.url)
    shown = screen.shown.replace("\r\n", "\n").replace("\r\x1b", "\x1b")
    expect_harmless(shown, own=SPINNER)
    assert command == "destroy" or safe(WORST[0]) in shown


@pytest.mark.parametrize(
    "text", [t for t in EVERYTHING if "\0" not in t and "/" not in t], ids=ascii
)
def test_a_file(text: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, and everything it says that is wrong."""
    quoted = json.dumps(text)
    path = Path(os.fsdecode(f"{text[:40]}.yaml".encode("utf-8", "surrogatepass")))
    path.write_text(
        f"version: 1\nowner: {quoted}\nregion: {quoted}\n{quoted}: 1\n{quoted}: 2\nconnections:\n"
        f"- {{name: {quoted}, provider_type: {quoted}, tags: {{{quoted}: {quoted}}}, "
        f"ignore: [{{field: {quoted}, reason: {quoted}}}], previously: [{quoted}, {quoted}]}}\n"
        f"- {{name: {quoted}, {quoted}: {quoted}, host: {quoted}, !{quoted[1:-1]} x: &x 1}}\n",
        encoding="utf-8",
    )
    name = f"./{path}" if str(path).startswith("-") else str(path)
    result = cli("validate", name, "--output", "json=said.json")
    data = (tmp_path / "said.json").read_text(encoding="utf-8")
    assert result.code == 1
    expect_harmless(result.out, result.err, data)
    found = json.loads(data)["problems"]
    assert {problem["file"] for problem in found} == {name}
    assert len(result.out.splitlines()) == len(found) + 1
    refused = cli("validate", name, "--output", f"text={name}")
    expect_harmless(refused.out, refused.err)
    assert refused.code == 64


def test_usage_repeats_nothing_that_acts(cli: Cli) -> None:
    for text in TEXTS:
        for arguments in ([text], ["plan", f"--{text}"], ["plan", "x", "--color", text]):
            result = cli(*arguments)
            assert result.code != 0 or text in ("", "-h")
            expect_harmless(result.out, result.err)


def test_the_emulators_own_commands(tmp_path: Path, cli: Cli, emulator: Emulator) -> None:
    store = tmp_path / "s.db"
    from reconciler.emulator import Settings

    with Emulator(Settings(store=store, handshake="manual")) as running:
        client: Any = boto3.client("codeconnections", endpoint_url=running.url, region_name=REGION)
        names = [name[:32] for name in TEXTS if name.isascii() or name.isprintable()]
        for name in names:
            client.create_connection(ConnectionName=name, ProviderType="GitHub")
    for command in ("pending", "requests"):
        shown = cli("emulator", command, "--store", store)
        assert shown.code == 0
        expect_harmless(shown.out, shown.err)
        assert set(names) <= held(shown.out)
        assert shown.out.count("\n") == len(names)
    for name in names:
        shown = cli("emulator", "approve", f"connection/{name}", "--store", store)
        expect_harmless(shown.out, shown.err)
