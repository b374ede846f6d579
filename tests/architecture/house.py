"""The rules no linter knows: a repository goes in, one violation per broken rule comes out."""

import ast
import builtins
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
PACKAGE = "reconciler"
TOP_LEVEL = frozenset(
    {
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "examples",
        "pyproject.toml",
        PACKAGE,
        "specs",
        "tests",
    }
)
VAGUE_NAMES = frozenset(
    {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)

TERMINAL_ROOMS = frozenset({"cli"})
TERMINAL_NAMES = frozenset(
    {
        *("SystemExit", "breakpoint", "exit", "input", "print", "quit"),
        *("sys.argv", "sys.exit", "sys.stderr", "sys.stdin", "sys.stdout"),
        *("os._exit", "os.environ", "os.environb", "os.getenv", "os.putenv"),
    }
)

PURE_ROOMS = frozenset(
    {
        *("accept", "bind", "calls", "compare", "describe", "diff", "forms", "guards"),
        *("plan", "render", "report"),
    }
)
IMPURE_NAMES = frozenset(
    {
        *("datetime.date.today", "datetime.datetime.now", "datetime.datetime.today"),
        *("datetime.datetime.utcnow", "random", "secrets", "time", "uuid"),
        *("glob", "io.open", "logging", "open", "os", "pathlib", "shutil", "tempfile"),
        *("asyncio", "http.client", "socket", "sqlite3", "subprocess", "urllib.request"),
    }
)

# A kind has a name of its own in these two rooms only: its own, and the second opinion on AWS.
ROOMS_OF_KINDS = frozenset({"emulator", "kinds"})

# Folders of one person's machine and addresses of one package index tell about the place where the
# project was written, not about the project.
PLACES = re.compile(
    r"(?<![\w./~-])/(?:home|Users|root|work)/[\w.]"
    r"|\b[A-Z]:\\+Users\\"
    r"|\b(?:p[y]pi\.org|p[y]thonhosted\.org|registry\.n[p]mjs\.org|deb\.d[e]bian\.org)"
)


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One broken rule at one place; `line` 0 means the whole file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, read; `room` is the module or folder of the package that it belongs to."""

    path: str
    room: str
    text: str
    tree: ast.Module


def tracked_files(root: Path) -> list[str]:
    """Every file of the repository that is committed or would be: what .gitignore lets through."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(name for name in listed.split("\0") if name and (root / name).is_file())


def read_sources(root: Path, *folders: str) -> Iterator[Source]:
    """Every tracked Python file below these folders of `root`, in order of path."""
    for name in tracked_files(root):
        path = Path(name)
        if path.suffix == ".py" and path.parts[0] in folders:
            room = path.parts[1].removesuffix(".py") if path.parts[0] == PACKAGE else ""
            text = (root / path).read_text(encoding="utf-8")
            yield Source(name, room, text, ast.parse(text, filename=name))


def used_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every imported or used outside name with its line, written in full.

    After `from os import environ as e` an `e` reads as `os.environ`; builtins stand for themselves.
    """
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        for name, full in _bindings(node):
            bound[name] = full
            yield node.lineno, full  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            root, _, rest = ast.unparse(node).partition(".")
            if root in bound:
                yield node.lineno, f"{bound[root]}.{rest}".rstrip(".")
            elif not rest and hasattr(builtins, root):
                yield node.lineno, root


def _bindings(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                full = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or full, full
        case ast.ImportFrom(module=str(module), names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name, f"{module}.{alias.name}"


def _uses(source: Source, banned: frozenset[str]) -> Iterator[tuple[int, str]]:
    found = {
        (line, name)
        for line, used in used_names(source.tree)
        for name in banned
        if used == name or used.startswith(f"{name}.")
    }
    yield from sorted(found)


def terminal_only_in_cli(root: Path) -> Iterator[Violation]:
    """Printing, leaving, arguments and environment belong to the command line alone."""
    for source in read_sources(root, PACKAGE):
        if source.room not in TERMINAL_ROOMS:
            for line, name in _uses(source, TERMINAL_NAMES):
                yield Violation(source.path, line, f"{name} belongs to {PACKAGE}/cli")


def pure_rooms(root: Path) -> Iterator[Violation]:
    """What lies between reading and writing does no I/O and knows no clock and no chance."""
    for source in read_sources(root, PACKAGE):
        if source.room in PURE_ROOMS:
            for line, name in _uses(source, IMPURE_NAMES):
                yield Violation(source.path, line, f"{source.room} is pure and must not use {name}")


def kinds_named_only_at_home(root: Path) -> Iterator[Violation]:
    """A fifth kind must need no edit elsewhere, so nobody outside `kinds` names one.

    Neither by its class nor by its name as text (`"connection"`, `"connection/github"`).
    """
    sources = list(read_sources(root, PACKAGE))
    homes = [source for source in sources if re.search(r"/kinds/(?!__init__)", source.path)]
    kinds = {Path(source.path).stem for source in homes}
    classes = {
        node.name for source in homes for node in source.tree.body if isinstance(node, ast.ClassDef)
    }
    banned = frozenset(f"{PACKAGE}.kinds.{name}" for name in kinds | classes)
    for source in sources:
        if source.room in ROOMS_OF_KINDS:
            continue
        for line, name in _uses(source, banned):
            yield Violation(source.path, line, f"{name} is named outside {PACKAGE}/kinds")
        for line, text in _texts(source.tree):
            if text.partition("/")[0] in kinds:
                yield Violation(source.path, line, f"{text!r} names a kind outside {PACKAGE}/kinds")


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def short_files_and_functions(root: Path) -> Iterator[Violation]:
    """A file or function that outgrows its bound mixes concepts."""
    for source in read_sources(root, PACKAGE, "tests", "examples"):
        length = len(source.text.splitlines())
        if length > MAX_FILE_LINES:
            yield Violation(source.path, 0, f"{length} lines, more than {MAX_FILE_LINES}")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    message = f"{node.name} has {length} lines, more than {MAX_FUNCTION_LINES}"
                    yield Violation(source.path, node.lineno, message)


def telling_file_names(root: Path) -> Iterator[Violation]:
    """A file's name says what lies in it."""
    for source in read_sources(root, PACKAGE, "tests", "examples"):
        for part in Path(source.path).with_suffix("").parts:
            if part.lower() in VAGUE_NAMES:
                yield Violation(source.path, 0, f"{part!r} does not say what lies in it")


def known_top_level(root: Path) -> Iterator[Violation]:
    """The top of the repository holds what a newcomer expects there and dot-files, nothing else."""
    for name in sorted({Path(path).parts[0] for path in tracked_files(root)}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield Violation(name, 0, "has no place at the top of the repository")


def no_places(root: Path) -> Iterator[Violation]:
    """No file names a folder of somebody's machine or the address of a package index."""
    for path in tracked_files(root):
        content = (root / path).read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
            if found := PLACES.search(line):
                yield Violation(path, number, f"{found[0]!r} is about one machine")


CHECKS: tuple[Callable[[Path], Iterator[Violation]], ...] = (
    terminal_only_in_cli,
    pure_rooms,
    kinds_named_only_at_home,
    short_files_and_functions,
    telling_file_names,
    known_top_level,
    no_places,
)
