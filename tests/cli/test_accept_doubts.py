"""What `accept` says of addresses with nothing to accept, and of what it cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.behind import Behind
from tests.conftest import Cli

HEAD = "version: 1\nowner: o\n"
ENTRY = HEAD + "connections:\n- {name: one, provider_type: GitHub}\n"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One where approvals are somebody's."""
    with Emulator(Settings(handshake="manual")) as running:
        yield running


def write(text: str) -> Path:
    path = Path("d.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def refused(run: Cli, address: str, path: Path, *words: str) -> str:
    """What is said when nothing can be accepted, in one line."""
    before = path.read_bytes()
    done = run("accept", "--yes", *words, address, path)
    assert (done.code, done.out, path.read_bytes()) == (1, "", before)
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    return done.err.removeprefix("Error: ").rstrip()


def test_nothing_is_there(run: Cli, behind: Behind) -> None:
    path = write(ENTRY)
    behind.connection("live")
    said = "nothing is declared or live at"
    assert refused(run, "connection/lvie", path) == (
        f"{said} connection/lvie: did you mean connection/live?"
    )
    assert refused(run, "connection/on", path) == (
        f"{said} connection/on: did you mean connection/one?"
    )
    assert refused(run, "host/xyz", path) == (
        f"{said} host/xyz: `reconciler import` shows what is live"
    )


def test_several_live_objects_of_one_name(run: Cli, behind: Behind) -> None:
    arns = sorted([behind.connection("one"), behind.connection("one")])
    path = write(HEAD)
    assert refused(run, "connection/one", path) == (
        "2 live objects are connection/one: accept one of them by its address: "
        f"connection/{arns[0]}, connection/{arns[1]}"
    )
    path = write(ENTRY)
    said = refused(run, "connection/one", path)
    assert said.startswith("connection/one: 2 live objects have this name: bind one with `id`: ")


def test_what_is_declared_by_another_address(run: Cli, behind: Behind) -> None:
    arn = behind.connection("one", reconciler__owner="o")
    path = write(ENTRY)
    assert refused(run, f"connection/{arn}", path) == (
        f"what is live at connection/{arn} is declared as connection/one (d.yaml:4:3): "
        "accept connection/one"
    )
    path = write(ENTRY.replace("one,", f"two, id: '{arn}',"))
    assert "is declared as connection/two (d.yaml:4:3)" in refused(run, "connection/one", path)


def test_what_is_being_renamed(run: Cli, behind: Behind) -> None:
    behind.connection("old", reconciler__owner="o")
    path = write(ENTRY.replace("one,", "one, previously: [old],"))
    assert refused(run, "connection/one", path) == (
        "connection/one is not there, but connection/old is, from which it is renamed "
        "(`previously`): apply that, or undo it by hand"
    )
    assert refused(run, "connection/old", path) == (
        "connection/old is being renamed to connection/one (`previously`): "
        "apply that, or undo it by hand"
    )
    done = run("import", "--diff", path)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)


def test_the_field_in_the_way_is_named(run: Cli, behind: Behind) -> None:
    """A tag of `defaults` cannot go; a new tag and another value can come."""
    text = HEAD + "defaults: {tags: {of all: b}}\n"
    text += "connections:\n- {name: one, provider_type: GitHub, tags: {c: d}}\n"
    path = write(text)
    arn = behind.connection("one", c="x", reconciler__owner="o")
    behind.client.tag_resource(ResourceArn=arn, Tags=[{"Key": "new one", "Value": "v"}])
    said = refused(run, "connection/one", path)
    assert said == (
        "d.yaml:5:3: connection/one: tags.of all: it is not written in its entry, and defaults "
        "cannot be taken out of one: edit the file by hand; "
        "accept the others with --field tags.c --field 'tags.new one'"
    )
    shown = run("import", "--diff", path)
    assert shown.code == 1
    assert shown.err == f"Error: {said.partition('; accept')[0]}\n"
    assert "+- {name: one, provider_type: GitHub, tags: {c: x, new one: v}}\n" in shown.out
    words = ("--field", "tags.c", "--field", "tags.new one")
    done = run("accept", "--yes", *words, "connection/one", path)
    assert (done.code, done.out) == (0, shown.out)


def test_a_default_that_comes_back_is_named(run: Cli, behind: Behind) -> None:
    text = HEAD + "defaults: {tags: {a: b}}\n"
    text += "connections:\n- {name: one, provider_type: GitHub, tags: {a: x, c: d}}\n"
    path = write(text)
    behind.connection("one", c="w", reconciler__owner="o")
    behind.connection("two", a="b")
    said = refused(run, "connection/one", path)
    assert "connection/one: tags.a: would still differ in tags.a (defaults cannot" in said
    assert said.endswith("; accept the others with --field tags.c")
    shown = run("import", "--diff", path)
    assert (shown.code, shown.err.count("tags.a: would still differ")) == (1, 1)
    assert "tags: {a: x, c: w}}" in shown.out
    assert "+- {name: two" in shown.out


def test_what_no_file_can_declare_is_a_note(run: Cli, behind: Behind) -> None:
    behind.connection("a\u202eb")
    path = write(HEAD)
    shown = run("import", "--diff", path)
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith("Note: connection/a\\u202eb cannot be declared: `name` holds")
    assert "by hand" not in shown.err
    behind.connection("two")
    shown = run("import", "--diff", path)
    assert (shown.code, "name: two" in shown.out) == (2, True)


def test_a_value_that_no_file_can_declare_still_differs(run: Cli, behind: Behind) -> None:
    path = write(ENTRY.replace("GitHub", "GitHub, tags: {a: b, c: d}"))
    behind.connection("one", a="\u202e", c="d", reconciler__owner="o")
    shown = run("import", "--diff", path)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("Note: d.yaml:4:3: connection/one: tags.a: cannot be declared so: ")
    assert "cannot be declared so" in refused(run, "connection/one", path)
    behind.tag(behind.arn_of("one"), c="w")
    assert refused(run, "connection/one", path).endswith("; accept the others with --field tags.c")
    shown = run("import", "--diff", path)
    assert (shown.code, "{a: b, c: w}" in shown.out) == (2, True)


def test_an_entry_in_doubt_is_told(run: Cli, behind: Behind) -> None:
    path = write(ENTRY)
    for _ in range(2):
        behind.connection("one")
    shown = run("import", "--diff", path)
    assert (shown.code, shown.out) == (1, "")
    assert "connection/one: 2 live objects have this name: bind one with `id`" in shown.err


def test_another_object_in_the_place_of_a_lost_one(run: Cli, behind: Behind) -> None:
    arn = behind.connection("one")
    path = write(ENTRY.replace("one,", f"one, id: '{arn}',"))
    behind.client.delete_connection(ConnectionArn=arn)
    behind.connection("one")
    shown = run("import", "--diff", path)
    assert (shown.code, shown.err) == (2, "")
    assert "\n-- {name: one, id: " in shown.out
    assert "+  - name: one-2\n" in shown.out


def test_an_empty_value_is_not_an_absent_one(run: Cli, behind: Behind) -> None:
    path = write(ENTRY.replace("GitHub", "GitHub, tags: {a: x, b: w, c: ''}"))
    arn = behind.connection("one", a="", reconciler__owner="o")
    for tags in ('{a: ""}', "{}"):
        done = run("accept", "--yes", "connection/one", path)
        line = f"\n+- {{name: one, provider_type: GitHub, tags: {tags}}}\n"
        assert (done.code, line in done.out) == (0, True)
        assert run("import", "--diff", path).code == 0
        behind.untag(arn, "a")


def test_fields_are_those_of_entries(run: Cli, behind: Behind) -> None:
    path = write(ENTRY)
    behind.connection("two", a="b")
    for address, said in {"one": "is not there", "two": "is not declared"}.items():
        told = refused(run, f"connection/{address}", path, "--field", "tags.a")
        assert told.startswith(f"connection/{address} {said}: without --field ")
