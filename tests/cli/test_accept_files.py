"""`accept` in several files, and in large ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.behind import Behind
from tests.cli.test_accept import behind, emulator, run

__all__ = ["behind", "emulator", "run"]


def test_the_last_file_with_the_section(run: Any, behind: Behind) -> None:
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


def test_a_large_file_changes_where_it_is_meant_to(run: Any, behind: Behind) -> None:
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
