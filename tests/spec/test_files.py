"""Paths to sources: files, folders, links, standard input, and what `!file` may read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from reconciler.spec import files
from reconciler.spec.problems import Problem
from reconciler.spec.source import Limits, Source, read_sources


def read(
    *paths: Path | str, limits: Limits | None = None, stdin: bytes | None = None
) -> tuple[list[Source], list[Problem]]:
    problems: list[Problem] = []
    stream = None if stdin is None else io.BytesIO(stdin)
    names = [str(path) for path in paths]
    return read_sources(names, problems, limits=limits or Limits(), stdin=stream), problems


def write(path: Path, text: str | bytes = "a: 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def whole(problems: list[Problem]) -> list[tuple[str, str]]:
    """Give file and code of problems that must all be about a file as a whole."""
    assert all((problem.line, problem.column) == (0, 0) for problem in problems)
    return [(problem.file, problem.code) for problem in problems]


def test_a_file_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "one.yaml", "a: [x]")
    monkeypatch.chdir(tmp_path)
    sources, problems = read("one.yaml")
    assert (sources, problems) == ([Source("one.yaml", sources[0].content)], [])
    assert sources[0].content == {"a": ["x"]}


def test_a_folder_gives_its_yaml_files_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/a.yaml", "a.yaml", "c/d/e.yaml"):
        write(tmp_path / name)
    for name in (".hidden.yaml", ".git/x.yaml", "notes.txt", "a/b.yaml.bak", "a/.c/d.yaml"):
        write(tmp_path / name, "[broken")
    sources, problems = read(tmp_path)
    names = [os.path.relpath(source.name, tmp_path) for source in sources]
    assert (names, problems) == (["a/a.yaml", "a/z.yml", "a.yaml", "b.yaml", "c/d/e.yaml"], [])


def test_a_file_is_read_once(tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml")
    (tmp_path / "same.yaml").symlink_to(one)
    sources, problems = read(one, tmp_path, str(one), tmp_path / "." / "one.yaml")
    assert ([source.name for source in sources], problems) == ([str(one)], [])


def test_every_unusable_path_is_reported(tmp_path: Path) -> None:
    good = write(tmp_path / "good.yaml")
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    missing, nul = str(tmp_path / "missing"), str(tmp_path / "a\0b")
    empty, loop, fifo = (str(tmp_path / name) for name in ("empty", "loop", "fifo"))
    sources, problems = read(missing, empty, good, loop, fifo, nul, "/dev/zero")
    assert [source.name for source in sources] == [str(good)]
    assert sorted(whole(problems)) == sorted(
        [
            (missing, "E001"),
            (nul, "E001"),
            (loop, "E001"),
            (empty, "E002"),
            (fifo, "E003"),
            ("/dev/zero", "E003"),
        ]
    )
    assert all(str(problem).isprintable() for problem in problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_and_folder_are_reported(tmp_path: Path) -> None:
    secret, folder = write(tmp_path / "x" / "s.yaml"), tmp_path / "x" / "closed"
    folder.mkdir(mode=0)
    secret.chmod(0)
    assert whole(read(tmp_path)[1]) == [(str(folder), "E001"), (str(secret), "E001")]


def test_links_stay_below_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inner = write(root / "inner.yaml")
    write(root / ".data" / "v1" / "linked.yaml")
    write(tmp_path / "outside" / "outer.yaml")
    links = {
        "out.yaml": "../outside/outer.yaml",
        "folder": "../outside",
        "dangling.yaml": "nowhere",
        "devices.yaml": "/dev/zero",
        "around": ".",
        "data": ".data/v1",
        "again.yaml": "inner.yaml",
        "unrelated": "../../elsewhere",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    sources, problems = read(root)
    assert [source.name for source in sources] == [
        str(root / "again.yaml"),
        str(root / "data" / "linked.yaml"),
    ]
    assert inner.samefile(sources[0].name)
    assert sorted(whole(problems)) == [
        (str(root / "dangling.yaml"), "E001"),
        (str(root / "devices.yaml"), "E004"),
        (str(root / "folder"), "E004"),
        (str(root / "out.yaml"), "E004"),
    ]


def test_a_folder_of_unusable_files_is_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").symlink_to("/dev/null")
    assert whole(read(tmp_path)[1]) == [(str(tmp_path / "out.yaml"), "E004")]


def test_a_named_link_is_followed(tmp_path: Path) -> None:
    """Whoever names a link asks for what it leads to; its files are looked for over there."""
    write(tmp_path / "real" / "ca.pem", "PEM")
    write(tmp_path / "real" / "one.yaml", "a: !file ca.pem")
    (tmp_path / "file.yaml").symlink_to("real/one.yaml")
    (tmp_path / "folder").symlink_to("real")
    for name in ("file.yaml", "folder"):
        sources, problems = read(tmp_path / name)
        assert ([source.content for source in sources], problems) == ([{"a": "PEM"}], [])


@pytest.mark.parametrize(("size", "codes"), [(3, ["E005"]), (4, []), (5, [])])
def test_a_file_over_the_limit_is_not_read(tmp_path: Path, size: int, codes: list[str]) -> None:
    one = write(tmp_path / "one.yaml", "a: 1")
    for problems in (
        read(one, limits=Limits(bytes=size))[1],
        read("-", limits=Limits(bytes=size), stdin=b"a: 1")[1],
    ):
        assert [problem.code for problem in problems] == codes


@pytest.mark.parametrize(
    ("limit", "read_files", "codes"), [(2, 0, ["E006"]), (3, 3, []), (4, 3, [])]
)
def test_files_are_counted(tmp_path: Path, limit: int, read_files: int, codes: list[str]) -> None:
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        write(tmp_path / name)
    sources, problems = read(tmp_path, limits=Limits(files=limit))
    assert (len(sources), [problem.code for problem in problems]) == (read_files, codes)


def test_standard_input_is_a_file_without_a_folder() -> None:
    sources, problems = read("-", "-", stdin=b"a: 1\nb: !file ca.pem\n")
    assert [(source.name, source.content["a"]) for source in sources] == [("<stdin>", 1)]
    assert [str(problem) for problem in problems] == [
        "<stdin>:2:4: E021 `!file` has no folder here (give the YAML as a file)"
    ]


def test_standard_input_may_be_absent_or_closed() -> None:
    assert whole(read("-")[1]) == [("<stdin>", "E001")]
    closed = io.BytesIO()
    closed.close()
    problems: list[Problem] = []
    assert read_sources(["-"], problems, limits=Limits(), stdin=closed) == []
    assert whole(problems) == [("<stdin>", "E001")]


def test_included_text_is_read_from_below_the_root(tmp_path: Path) -> None:
    write(tmp_path / "ca.pem", "\ufeffline é\r\nnext\n")
    write(tmp_path / "empty")
    (tmp_path / "empty").write_bytes(b"")
    write(tmp_path / "sub" / "one.yaml", 'a: !file ../ca.pem\nb: [!file "../empty"]')
    write(tmp_path / "sub" / "two.yaml", f"a: !file {tmp_path / 'ca.pem'}")
    sources, problems = read(tmp_path)
    text = "line é\r\nnext\n"
    assert [source.content for source in sources] == [{"a": text, "b": [""]}, {"a": text}]
    assert problems == []


def test_what_may_not_be_included_is_reported_where_it_is_named(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path / "secret", "secret")
    (root / "folder").mkdir(parents=True)
    (root / "link").symlink_to("../secret")
    (root / "zero").symlink_to("/dev/zero")
    os.mkfifo(root / "fifo")
    write(root / "latin", b"caf\xe9")
    write(root / "large", b"x" * (files.INCLUDE_BYTES + 1))
    write(root / "largest", b"x" * files.INCLUDE_BYTES)
    expected = {
        "../secret": "E004",
        str(tmp_path / "secret"): "E004",
        "link": "E004",
        "zero": "E004",
        "..": "E004",
        "missing": "E001",
        '"a\\0b"': "E001",
        '"\\e[31m"': "E001",
        "folder": "E003",
        "fifo": "E003",
        ".": "E003",
        "large": "E005",
        "latin": "E007",
        "largest": "",
    }
    lines = [f"  - !file {path}" for path in expected]
    sources, problems = read(write(root / "one.yaml", "a:\n" + "\n".join(lines)))
    found = {problem.line: problem.code for problem in problems}
    assert found == {line: code for line, code in enumerate(expected.values(), 2) if code}
    assert {problem.column for problem in problems} == {5}
    assert all(str(problem).isprintable() for problem in problems)
    assert "secret" not in repr(sources)


def test_a_file_beside_the_only_path_is_inside(tmp_path: Path) -> None:
    """The root is the folder given; for a single file it is the folder of that file."""
    write(tmp_path / "ca.pem", "PEM")
    one = write(tmp_path / "sub" / "one.yaml", "a: !file ../ca.pem")
    assert [problem.code for problem in read(one)[1]] == ["E004"]
    assert read(tmp_path)[1] == []


def test_what_would_be_found_is_what_is_found(tmp_path: Path) -> None:
    """Whatever is in a folder, or could be put there."""
    folder = tmp_path / "folder"
    names = ("a.yaml", "b/c.yml", "a.json", "a.yaml.bak", ".a.yaml", ".b/c.yaml", "yaml")
    for name in names:
        assert files.finds(str(folder), str(folder / name)) is False  # there is no such folder
    folder.mkdir()
    said = {name for name in names if files.finds(str(folder), str(folder / name))}
    assert said == {"a.yaml", "b/c.yml"}
    for name in names:
        write(folder / name)
    found = {os.path.relpath(file.path, folder) for file in files.find(str(folder))[0]}
    assert said == found
    (folder / "link.yaml").symlink_to(folder / "a.json")
    assert files.finds(str(folder), str(folder / "a.json"))
    assert files.finds(str(folder / "a.json"), str(tmp_path / "x" / ".." / "folder" / "a.json"))
    assert not files.finds(str(folder), str(tmp_path / "folder.yaml"))
