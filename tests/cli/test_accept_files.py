"""`accept` and `import --diff` on several and on large files, and how files are replaced."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.patches import Patch
from reconciler.emulator import Emulator, Settings
from reconciler.emulator.settings import Quotas
from reconciler.errors import StaleError
from tests.cli.behind import Behind
from tests.cli.terminal import on_terminal
from tests.conftest import Cli


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that has room."""
    with Emulator(Settings(handshake="manual", quotas=Quotas(connections=1000))) as running:
        yield running


def test_the_last_file_with_the_section(run: Cli, behind: Behind) -> None:
    Path("infra").mkdir()
    head = "version: 1\nowner: o\n"
    for name, text in {"a": "connections: []\n", "b": "connections: []\n", "c": ""}.items():
        Path(f"infra/{name}.yaml").write_text(head + text, encoding="utf-8")
    behind.connection("new")
    behind.host("h", "https://h")
    assert run("accept", "--yes", "connection/new", "infra").err == "Wrote infra/b.yaml.\n"
    assert run("accept", "--yes", "host/h", "infra").err == "Wrote infra/c.yaml.\n"
    wanted = head + "connections:\n  - name: new\n    provider_type: GitHub\n"
    assert Path("infra/b.yaml").read_text(encoding="utf-8") == wanted
    assert "\nhosts:\n  - name: h\n" in Path("infra/c.yaml").read_text(encoding="utf-8")


def test_a_large_file_changes_where_it_is_meant_to(run: Cli, behind: Behind) -> None:
    """300 entries with comments: byte by byte the same but for the lines concerned."""
    entries = "".join(
        f"  # number {n}\n  - name: c{n}  # {n}\n    provider_type: GitHub\n"
        f"    tags: {{num: '{n}'}}\n\n"
        for n in range(300)
    )
    text = f"version: 1\nowner: o\nconnections:\n{entries}# end\n"
    path = Path("large.yaml")
    path.write_text(text, encoding="utf-8")
    for n in range(300):
        if n != 298:
            behind.connection(f"c{n}", num=str(n), reconciler__owner="o")
    assert run("import", "--diff", "--name", "c1*", path).out == ""
    behind.tag(behind.arn_of("c150"), num="x", more="z")
    assert run("accept", "--yes", "connection/c150", path).code == 0
    text = text.replace("{num: '150'}", "{num: 'x', more: 'z'}")
    assert path.read_text(encoding="utf-8") == text
    assert run("accept", "--yes", "connection/c298", path).code == 0
    gone = "  # number 298\n  - name: c298  # 298\n    provider_type: GitHub\n"
    gone += "    tags: {num: '298'}\n\n"
    assert path.read_text(encoding="utf-8") == text.replace(gone, "")


def test_a_diff_of_a_whole_large_file(run: Cli, behind: Behind) -> None:
    """Everything differs, and everything can be taken over."""
    text = "version: 1\nowner: o\nconnections:\n"
    for n in range(100):
        text += f"- name: c{n}  # {n}\n  provider_type: GitHub\n  tags: {{num: '{n}'}}\n"
        behind.connection(f"c{n}", num="x", reconciler__owner="o")
        behind.connection(f"d{n}")
    Path("large.yaml").write_text(text, encoding="utf-8")
    done = run("import", "--diff", "large.yaml")
    assert (done.code, done.err) == (2, "")
    assert done.out.count("\n+  tags: {num: 'x'}\n") == 100
    assert done.out.count("\n+- name: d") == 100


def test_what_cannot_be_taken_over_is_named(run: Cli, behind: Behind) -> None:
    text = "version: 1\nowner: o\ndefaults: {tags: {a: b}}\n"
    text += "connections:\n- {name: one, provider_type: GitHub}\n"
    Path("d.yaml").write_text(text, encoding="utf-8")
    behind.connection("one", reconciler__owner="o")
    behind.connection("two", a="b")
    done = run("import", "--diff", "d.yaml")
    assert done.code == 1
    assert done.err == (
        "Error: d.yaml:5:3: connection/one: tags.a: it is not written in its entry, "
        "and defaults cannot be taken out of one: edit the file by hand\n"
    )
    assert "+- {name: two" in done.out


def test_what_stands_on_something_that_cannot_be_taken_over_refers_to_it_by_its_id(
    run: Cli, behind: Behind
) -> None:
    Path("d.yaml").write_text(
        "version: 1\nowner: o\ndefaults: {tags: {a: b}}\nconnections: []\n", encoding="utf-8"
    )
    link = behind.link(behind.connection("one"), "acme", "net")
    behind.sync(link["RepositoryLinkId"], "stack")
    done = run("import", "--diff", "d.yaml")
    assert done.code == 1
    assert "not be valid" not in done.err
    assert done.err.count("(defaults cannot be taken out of one entry)") == 2
    assert f" repository: {link['RepositoryLinkArn']}\n" in done.out


def test_twins_are_told_apart(run: Cli, behind: Behind) -> None:
    path = Path("t.yaml")
    path.write_text("version: 1\nowner: o\n", encoding="utf-8")
    arns = [behind.connection("twin"), behind.connection("twin")]
    done = run("import", "--diff", path)
    assert (done.code, done.err) == (2, "")
    for arn in arns:
        assert run("accept", "--yes", f"connection/{arn}", path).code == 0
    said = path.read_text(encoding="utf-8")
    assert said.count("- name: twin\n") == said.count("- name: twin-2\n") == 1
    planned = run("plan", "--adopt", "--output", "json", path).json
    assert {f["path"] for c in planned["changes"] for f in c["fields"]} == {"owner"}


def test_a_file_that_was_edited_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"new")
    with pytest.raises(StaleError, match="edited meanwhile"):
        Patch("a.yaml", str(path), b"old", b"after").write()
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["a.yaml"]


def test_a_diff_does_nothing_to_a_terminal() -> None:
    patch = Patch("a\x1b.yaml", "", "a: b # \u202e\tx\n".encode(), b"c")
    assert "".join(patch.diff()) == (
        "--- a\\x1b.yaml\n+++ a\\x1b.yaml\n@@ -1 +1 @@\n"
        "-a: b # \\u202e\tx\n+c\n\\ No newline at end of file\n"
    )


def test_a_link_stays_a_link(run: Cli, behind: Behind) -> None:
    Path("real.yaml").write_text("version: 1\nowner: o\n", encoding="utf-8")
    Path("link.yaml").symlink_to("real.yaml")
    behind.connection("new")
    assert run("accept", "--yes", "connection/new", "link.yaml").code == 0
    assert Path("link.yaml").is_symlink()
    assert "name: new" in Path("real.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("answer", "code", "written"), [("y\n", 0, True), ("n\n", 1, False), ("\x04", 1, False)]
)
def test_at_a_terminal_it_asks_and_obeys(
    answer: str, code: int, written: bool, behind: Behind, emulator: Emulator
) -> None:
    path = Path("t.yaml")
    path.write_text("version: 1\nowner: o\n", encoding="utf-8")
    behind.connection("new")
    words = ("accept", "connection/new", path, "--endpoint-url", emulator.url)
    screen = on_terminal(*words, answer=answer)
    assert screen.code == code
    assert screen.shown.index("+  - name: new") < screen.shown.index(
        "Write this to t.yaml? [y/N]: "
    )
    assert ("new" in path.read_text(encoding="utf-8")) is written
    assert ("Nothing was written." in screen.shown) is not written


ADDING = """
import sys
from pathlib import Path
from reconciler.cli.patches import Patch
from reconciler.errors import StaleError

file = Path(sys.argv[1])
for number in range(100):
    done = False
    while not done:
        before = file.read_bytes()
        try:
            Patch("f", str(file), before, before + b"#\\n").write()
            done = True
        except StaleError:
            pass
"""


def test_two_that_edit_one_file_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"")
    words = [sys.executable, "-c", ADDING, str(file)]
    two = [subprocess.Popen(words) for _ in range(2)]
    assert [process.wait() for process in two] == [0, 0]
    assert len(file.read_bytes().splitlines()) == 200
