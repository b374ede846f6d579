"""`accept` looks again once it was answered, and writes only files that it may replace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from tests.cli.behind import Behind
from tests.cli.terminal import Screen, on_terminal
from tests.conftest import Cli

TEXT = """\
version: 1
owner: o
connections:
  - name: main  # ours
    provider_type: GitHub
    tags: {a: x}
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One where approvals are somebody's."""
    with Emulator(Settings(handshake="manual")) as running:
        yield running


@pytest.fixture
def file(behind: Behind) -> Path:
    """A connection with another tag than is declared."""
    behind.connection("main", a="w", reconciler__owner="o")
    path = Path("t.yaml")
    path.write_text(TEXT, encoding="utf-8")
    return path


def asked(emulator: Emulator, file: Path, meanwhile: Callable[[], object]) -> Screen:
    """Say yes, after something has happened."""

    def before() -> None:
        meanwhile()

    words = ("accept", "connection/main", file, "--endpoint-url", emulator.url)
    return on_terminal(*words, answer="y\n", before=before)


@pytest.mark.parametrize("tags", [{"a": "z"}, {"b": "z"}, {"a": "x"}], ids=str)
def test_what_changed_while_it_asked_is_not_written(
    tags: dict[str, str], behind: Behind, emulator: Emulator, file: Path
) -> None:
    screen = asked(emulator, file, lambda: behind.tag(behind.arn_of("main"), **tags))
    assert (screen.code, file.read_text(encoding="utf-8")) == (6, TEXT)
    said = "what is live at connection/main changed while you were asked; nothing was written"
    assert said in screen.shown.replace("\r\n", "\n")


def test_what_went_while_it_asked_is_not_written(
    behind: Behind, emulator: Emulator, file: Path
) -> None:
    arn = behind.arn_of("main")
    screen = asked(emulator, file, lambda: behind.client.delete_connection(ConnectionArn=arn))
    assert (screen.code, file.read_text(encoding="utf-8")) == (6, TEXT)


def test_files_that_were_edited_while_it_asked_stay(emulator: Emulator) -> None:
    Behind(emulator).connection("main", a="w", reconciler__owner="o")
    folder = Path("infra")
    folder.mkdir()
    (folder / "t.yaml").write_text(TEXT, encoding="utf-8")

    def meanwhile() -> None:
        (folder / "u.yaml").write_text(TEXT.replace("main", "other"), encoding="utf-8")

    screen = asked(emulator, folder, meanwhile)
    assert (screen.code, (folder / "t.yaml").read_text(encoding="utf-8")) == (6, TEXT)
    assert "the files were edited while you were asked" in screen.shown


def test_what_cannot_be_read_any_more_is_not_written(emulator: Emulator, file: Path) -> None:
    fault = Fault(kind="AccessDeniedException", operation="ListHosts")
    screen = asked(emulator, file, lambda: emulator.control.fault(fault))
    assert (screen.code, file.read_text(encoding="utf-8")) == (1, TEXT)
    assert "what is live is not known for sure" in screen.shown


def test_what_changed_elsewhere_meanwhile_does_not_matter(
    behind: Behind, emulator: Emulator, file: Path
) -> None:
    screen = asked(emulator, file, lambda: behind.connection("other"))
    assert (screen.code, file.read_text(encoding="utf-8")) == (0, TEXT.replace("x}", "w}"))


def test_a_read_only_file_stays(run: Cli, file: Path) -> None:
    file.chmod(0o444)
    done = run("accept", "--yes", "connection/main", file)
    assert (done.code, done.out, file.read_text(encoding="utf-8")) == (1, "", TEXT)
    assert done.err == (
        "Error: t.yaml is read-only (-r--r--r--); nothing was written: make it writable first\n"
    )
    assert run("import", "--diff", file).code == 2


def test_hard_links_are_not_parted(run: Cli, file: Path) -> None:
    os.link(file, "other.yaml")
    done = run("accept", "--yes", "connection/main", file)
    assert (done.code, done.out, file.read_text(encoding="utf-8")) == (1, "", TEXT)
    assert "t.yaml has 2 hard links, which writing would part; nothing was written" in done.err
    assert file.stat().st_ino == Path("other.yaml").stat().st_ino


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_of_a_file_stays(run: Cli, file: Path) -> None:
    os.chown(file, 12345, 54321)
    file.chmod(0o640)
    assert run("accept", "--yes", "connection/main", file).code == 0
    state = file.stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o7777) == (12345, 54321, 0o640)
